//! Who may approve, and how many of them must.

mod count;

use std::fmt;

use attest_verify::{Evidence, ExpectedSigner};

use crate::reason::Reason;
use count::{most_pairs, people};

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
    accepted: Vec<ExpectedSigner>,
    required: usize,
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
        let mut accepted: Vec<ExpectedSigner> = Vec::new();
        for signer in signers {
            if !accepted.contains(&signer) {
                accepted.push(signer);
            }
        }
        match accepted.len() {
            0 => Err(SignersError::Nobody),
            found if found > crate::limits::SIGNERS => Err(SignersError::TooMany { found }),
            _ => Ok(Self {
                accepted,
                required: 1,
            }),
        }
    }

    /// Requires that this many different ones approve.
    ///
    /// # Errors
    /// When it is 0, or more than are accepted.
    pub fn requiring(mut self, required: usize) -> Result<Self, SignersError> {
        let accepted = self.accepted.len();
        if required == 0 {
            return Err(SignersError::NoneRequired);
        }
        if required > accepted {
            return Err(SignersError::TooFew { required, accepted });
        }
        self.required = required;
        Ok(self)
    }

    /// Everybody who is accepted.
    pub fn accepted(&self) -> &[ExpectedSigner] {
        &self.accepted
    }

    /// Whether more than one identity or key can satisfy.
    pub fn are_several(&self) -> bool {
        let is_glob = |it: &ExpectedSigner| match it {
            ExpectedSigner::Identity(identity) => identity.identity().is_glob(),
            _ => false,
        };
        self.accepted.len() > 1 || self.accepted.iter().any(is_glob)
    }

    /// How many different ones must approve.
    pub fn required(&self) -> usize {
        self.required
    }

    /// Whether these have approved often enough.
    ///
    /// # Errors
    /// `signers-too-few`.
    pub fn enough(&self, approvals: &[&Evidence]) -> Result<(), Reason> {
        let found = self.count(approvals);
        if found >= self.required {
            return Ok(());
        }
        let mut who: Vec<String> = approvals.iter().map(|it| it.signer().to_string()).collect();
        who.dedup();
        Err(Reason::new(
            "signers-too-few",
            format!("{found} signers: {}", who.join(", ")),
            format!("{} different ones of: {self}", self.required),
        ))
    }

    /// How many different accepted signers these approvals are of.
    pub fn count(&self, approvals: &[&Evidence]) -> usize {
        let people = people(approvals);
        let is_of = |person: &Vec<usize>, signer: &ExpectedSigner| {
            let mut of = person.iter().filter_map(|it| approvals.get(*it));
            of.any(|it| it.is_by(signer))
        };
        let fits: Vec<Vec<usize>> = people
            .iter()
            .map(|person| {
                let signers = self.accepted.iter().enumerate();
                let fitting = signers.filter(|(_, signer)| is_of(person, signer));
                fitting.map(|(index, _)| index).collect()
            })
            .collect();
        most_pairs(&fits, self.accepted.len())
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
            required: 1,
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
