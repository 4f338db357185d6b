//! Who may approve, and how many of them must.

mod admission;
mod count;
mod each;
pub(crate) mod file;

use std::collections::BTreeSet;
use std::fmt;

use attest_verify::{Evidence, ExpectedSigner, IdentityPattern};

use crate::reason::Reason;
pub use admission::KeyValidity;
use count::{most_pairs, people};
pub use file::{FileGroup, FileKey, FileRecovery, FileSigners, KeySource, SignersFile};
pub(crate) use file::{denied, group};

/// The accepted signers: one of them approves, or as many as are required.
///
/// Signers are counted, never signatures, bundles, certificates or log entries. Who signs with one key
/// is one signer, and so is one identity with its issuer; and each accepted signer counts once,
/// however many identities its pattern covers.
///
/// ```
/// # fn signers(alice: attest_verify::ExpectedSigner, bob: attest_verify::ExpectedSigner) {
/// use attest_policy::Signers;
///
/// let both = Signers::any_of(vec![alice, bob]).unwrap().requiring(2).unwrap();
/// assert!(both.requiring(3).is_err());
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Signers {
    /// Everybody who is accepted, each once.
    accepted: Vec<ExpectedSigner>,
    /// What limits each of them, in the same order.
    limits: Vec<Limits>,
    /// When keys are good, by their fingerprints: in whatever form they sign.
    windows: Vec<([u8; 32], KeyValidity)>,
    groups: Vec<Group>,
    /// Places of keys that are one person's, one after the other.
    holders: Vec<BTreeSet<usize>>,
    required: Option<usize>,
    denied: Denied,
    independent: Vec<String>,
}

/// A named group of signers, of which so many must approve.
#[derive(Debug, Clone)]
struct Group {
    /// Places in the accepted ones.
    members: Vec<usize>,
    /// How many more keys belong to it that are not at hand.
    unknown: usize,
    threshold: usize,
    /// What an approval must have of the log to count for it.
    log: LogRule,
}

/// When a signer's evidence counts.
#[derive(Debug, Clone, Default)]
struct Limits {
    validity: Vec<KeyValidity>,
    /// What the groups say about the log; one that says nothing leaves it to the run.
    logs: Vec<LogRule>,
}

/// What a group of signers asks of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogRule {
    /// What the run asks.
    AsTheRun,
    /// An inclusion proof, whatever the run accepts.
    Required,
    /// A Rekor v1 log's signed promise suffices.
    SetOnly,
}

/// A signer with what limits it.
#[derive(Debug, Clone)]
pub struct Member {
    /// The signer.
    pub signer: ExpectedSigner,
    /// When its key is valid.
    pub validity: KeyValidity,
}

/// Whose evidence is refused, though it is otherwise accepted.
#[derive(Debug, Clone, Default)]
pub struct Denied {
    /// SHA-256 of the `SubjectPublicKeyInfo`, of keys in whatever form and of the keys in certificates.
    pub fingerprints: BTreeSet<[u8; 32]>,
    /// Keys of other kinds.
    pub keys: Vec<ExpectedSigner>,
    /// Identities, whoever vouches for them.
    pub identities: Vec<IdentityPattern>,
}

/// Why signers cannot be expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignersError {
    /// Nobody is accepted: nothing could ever be approved.
    #[error("nobody is accepted as a signer")]
    Nobody,
    /// None is required: anything would be approved.
    #[error("0 signers are required")]
    NoneRequired,
    /// More are accepted than a run can judge.
    #[error(
        "{found} signers are accepted, at most {} can be",
        crate::limits::SIGNERS
    )]
    TooMany {
        /// How many are accepted.
        found: usize,
    },
    /// More are required than there are.
    #[error("{required} signers are required, and {accepted} are accepted")]
    TooFew {
        /// How many are required.
        required: usize,
        /// How many different ones are accepted.
        accepted: usize,
    },
}

impl Signers {
    /// Accepts each of these; who is named twice counts once.
    ///
    /// # Errors
    /// When there is none, or more than [`limits::SIGNERS`](crate::limits::SIGNERS).
    pub fn any_of(signers: impl IntoIterator<Item = ExpectedSigner>) -> Result<Self, SignersError> {
        let member = |signer| Member {
            signer,
            validity: KeyValidity::default(),
        };
        let members: Vec<Member> = signers.into_iter().map(member).collect();
        if members.is_empty() {
            return Err(SignersError::Nobody);
        }
        Self::nobody().or_group(members, 0, 1, LogRule::AsTheRun)
    }

    /// To begin with: accepts nobody until a group is added.
    pub fn nobody() -> Self {
        Self {
            accepted: Vec::new(),
            limits: Vec::new(),
            windows: Vec::new(),
            groups: Vec::new(),
            holders: Vec::new(),
            required: None,
            denied: Denied::default(),
            independent: Vec::new(),
        }
    }

    /// Accepts another group as well: so many different ones of it suffice. `unknown` counts keys that
    /// belong to it and are not at hand, so that nothing here can be signed by them.
    ///
    /// # Errors
    /// When the threshold is 0 or more than the group has, or there are too many signers.
    pub fn or_group(
        mut self,
        members: Vec<Member>,
        unknown: usize,
        threshold: usize,
        log: LogRule,
    ) -> Result<Self, SignersError> {
        let mut places = BTreeSet::new();
        for member in members {
            if let Some(fingerprint) = member.signer.fingerprint() {
                self = self.limiting(fingerprint, member.validity);
            }
            let known = self.accepted.iter().position(|it| *it == member.signer);
            let place = known.unwrap_or(self.accepted.len());
            if let Some(known) = self.accepted.get_mut(place) {
                known.learn(&member.signer);
            } else {
                self.accepted.push(member.signer);
                self.limits.push(Limits::default());
            }
            if let Some(limits) = self.limits.get_mut(place) {
                limits.validity.push(member.validity);
                limits.logs.push(log);
            }
            places.insert(place);
        }
        let accepted = places.len() + unknown;
        if threshold == 0 {
            return Err(SignersError::NoneRequired);
        }
        if threshold > accepted {
            let required = threshold;
            return Err(SignersError::TooFew { required, accepted });
        }
        let found = self.accepted.len();
        if found > crate::limits::SIGNERS {
            return Err(SignersError::TooMany { found });
        }
        self.groups.push(Group {
            members: places.into_iter().collect(),
            unknown,
            threshold,
            log,
        });
        Ok(self)
    }

    /// Takes what these copies of accepted keys say of them besides, such as that one is revoked.
    #[must_use]
    pub fn learning<'a>(mut self, copies: impl Iterator<Item = &'a ExpectedSigner>) -> Self {
        for copy in copies {
            let mut known = self.accepted.iter_mut();
            if let Some(known) = known.find(|it| **it == *copy) {
                known.learn(copy);
            }
        }
        self
    }

    /// Takes the keys of the group that was added last for one person's: however many of them sign,
    /// they count for one.
    #[must_use]
    pub fn with_one_holder(mut self) -> Self {
        let members = self.groups.last().map(|it| it.members.iter().copied());
        self.holders.extend(members.map(Iterator::collect));
        self
    }

    /// Lets the key with this fingerprint (SHA-256 of its `SubjectPublicKeyInfo`) count only when it was
    /// good, in whatever form it signs and by whatever name it is accepted: also in a certificate.
    #[must_use]
    pub fn limiting(mut self, fingerprint: [u8; 32], validity: KeyValidity) -> Self {
        let window = (fingerprint, validity);
        if validity != KeyValidity::default() && !self.windows.contains(&window) {
            self.windows.push(window);
        }
        self
    }

    /// Requires that this many different ones approve, of all groups whose own threshold is met.
    ///
    /// # Errors
    /// When it is 0, or more than are accepted.
    pub fn requiring(mut self, required: usize) -> Result<Self, SignersError> {
        let unknown: usize = self.groups.iter().map(|it| it.unknown).sum();
        let accepted = self.accepted.len() + unknown;
        if required == 0 {
            return Err(SignersError::NoneRequired);
        }
        if required > accepted {
            return Err(SignersError::TooFew { required, accepted });
        }
        self.required = Some(required);
        Ok(self)
    }

    /// Refuses the evidence of these, even if they are accepted.
    #[must_use]
    pub fn denying(mut self, denied: Denied) -> Self {
        self.denied = denied;
        self
    }

    /// Takes these logs (by origin) and timestamp authorities (by name or address) to be independent
    /// of the signers.
    #[must_use]
    pub fn with_independent(mut self, ids: impl IntoIterator<Item = String>) -> Self {
        self.independent.extend(ids);
        self
    }

    /// Everybody who is accepted.
    pub fn accepted(&self) -> &[ExpectedSigner] {
        &self.accepted
    }

    /// The logs and authorities that are declared independent.
    pub fn independent(&self) -> &[String] {
        &self.independent
    }

    /// Whether the verifier declared this log independent of the signer.
    pub fn is_independent_log(&self, origin: &str) -> bool {
        self.independent.iter().any(|it| it == origin)
    }

    /// Whether a group takes a log's promise for an inclusion proof.
    pub fn take_promises(&self) -> bool {
        let rules = self.limits.iter().flat_map(|it| &it.logs);
        rules.into_iter().any(|it| *it == LogRule::SetOnly)
    }

    /// The same, where no group asks anything of the log by itself.
    pub(crate) fn leaving_logs_to_the_run(mut self) -> Self {
        for limits in &mut self.limits {
            limits.logs = vec![LogRule::AsTheRun];
        }
        for group in &mut self.groups {
            group.log = LogRule::AsTheRun;
        }
        self
    }

    /// Whether more than one identity or key can satisfy.
    pub fn are_several(&self) -> bool {
        let is_glob = |it: &ExpectedSigner| match it {
            ExpectedSigner::Identity(identity) => identity.identity().is_glob(),
            _ => false,
        };
        self.accepted.len() > 1 || self.accepted.iter().any(is_glob)
    }

    /// How many different ones must approve: of all, or of the group that needs fewest.
    pub fn required(&self) -> usize {
        let thresholds = self.groups.iter().map(|it| it.threshold);
        self.required.or_else(|| thresholds.min()).unwrap_or(1)
    }

    /// Whether these have approved often enough.
    ///
    /// # Errors
    /// `signers-too-few`.
    pub fn enough(&self, approvals: &[&Evidence]) -> Result<(), Reason> {
        let people = people(approvals);
        let satisfied = self
            .groups
            .iter()
            .filter(|it| self.pairs(&people, approvals, &[it]) >= it.threshold);
        let satisfied: Vec<&Group> = satisfied.collect();
        let of_satisfied = self.pairs(&people, approvals, &satisfied);
        if of_satisfied >= self.required.unwrap_or(1) {
            return Ok(());
        }
        let found = match self.count(approvals) {
            1 => "1 signer".to_owned(),
            found => format!("{found} signers"),
        };
        let mut who: Vec<String> = approvals.iter().map(|it| it.signer().to_string()).collect();
        who.dedup();
        Err(Reason::new(
            "signers-too-few",
            format!("{found}: {}", who.join(", ")),
            self.wanted(),
        ))
    }

    /// How many of whom must approve, group by group where they differ.
    fn wanted(&self) -> String {
        let words = |group: &Group, threshold: usize| {
            let members = group.members.iter().filter_map(|it| self.accepted.get(*it));
            let mut words = members.map(ToString::to_string).collect::<Vec<_>>();
            if group.unknown > 0 {
                words.push(format!("{} whose key is not at hand", group.unknown));
            }
            format!("{threshold} different ones of: {}", words.join(" or "))
        };
        let groups = self.groups.iter();
        let own = groups.map(|it| words(it, it.threshold)).collect::<Vec<_>>();
        match (self.required, self.groups.as_slice()) {
            (None, _) => own.join("; or "),
            (Some(required), [group]) => words(group, required.max(group.threshold)),
            (Some(required), groups) if groups.iter().all(|it| it.threshold == 1) => {
                format!("{required} different ones of: {self}")
            }
            (Some(required), _) => {
                let own = own.join("; or ");
                format!("{required} different ones, of groups whose own number is met: {own}")
            }
        }
    }

    /// How many different accepted signers these approvals are of.
    pub fn count(&self, approvals: &[&Evidence]) -> usize {
        let all: Vec<&Group> = self.groups.iter().collect();
        self.pairs(&people(approvals), approvals, &all)
    }

    /// How many members of these groups have approved, each person counting for one: with what the
    /// group asks of the log, whatever another group of the same signer does.
    fn pairs(&self, people: &[Vec<usize>], approvals: &[&Evidence], groups: &[&Group]) -> usize {
        let members: BTreeSet<usize> = groups.iter().flat_map(|it| it.members.clone()).collect();
        let is_of = |person: &Vec<usize>, member: usize| {
            let mut of = person.iter().filter_map(|it| approvals.get(*it));
            let signer = self.accepted.get(member);
            let of_member = |it: &Group| it.members.contains(&member);
            let logs = groups.iter().filter(|it| of_member(it)).map(|it| it.log);
            signer.is_some_and(|signer| {
                of.any(|it| it.is_by(signer) && logs.clone().any(|log| log.holds(it)))
            })
        };
        let fits: Vec<Vec<usize>> = people
            .iter()
            .map(|person| {
                let members = members.iter().copied();
                let fitting = members.filter(|member| is_of(person, *member));
                fitting.map(|member| self.holder(member)).collect()
            })
            .collect();
        most_pairs(&fits, self.accepted.len())
    }

    /// The place that stands for all keys of the holder of this one.
    fn holder(&self, member: usize) -> usize {
        let mut of_one = self.holders.iter();
        let holder = of_one.find(|it| it.contains(&member));
        let first = holder.and_then(BTreeSet::first);
        first.copied().unwrap_or(member)
    }

    /// The approvals of each person, as places in the given ones, in the order in which they first
    /// appear.
    pub fn people(approvals: &[&Evidence]) -> Vec<Vec<usize>> {
        people(approvals)
    }
}

impl From<ExpectedSigner> for Signers {
    fn from(signer: ExpectedSigner) -> Self {
        Self {
            accepted: vec![signer],
            limits: vec![Limits {
                logs: vec![LogRule::AsTheRun],
                ..Limits::default()
            }],
            groups: vec![Group {
                members: vec![0],
                unknown: 0,
                threshold: 1,
                log: LogRule::AsTheRun,
            }],
            ..Self::nobody()
        }
    }
}

impl AsRef<[ExpectedSigner]> for Signers {
    fn as_ref(&self) -> &[ExpectedSigner] {
        &self.accepted
    }
}

impl fmt::Display for Signers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<String> = self.accepted.iter().map(ToString::to_string).collect();
        f.write_str(&words.join(" or "))
    }
}
