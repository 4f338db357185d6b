//! Rules about layouts: whose signature the layout needs, and what its chain says of a file.

use std::collections::BTreeSet;

use attest_digest::Digest;
use attest_provenance::in_toto::{Metablock, Parameters};
use attest_verify::layout::{ChainOptions, LayoutKey, SignedLayout};
use attest_verify::{ExpectedSigner, PublicKey, Rejection};
use jiff::Timestamp;

use super::{Group, Inquiry, RuleAnswer};
use crate::language::closure::Closure;
use crate::language::layout::{LayoutPiece, LayoutWants};
use crate::language::rule::Rule;
use crate::reason::Reason;
use crate::signers::{Denied, KeyValidity};

/// A layout that a rule asks for, and those of whom enough must have signed it.
#[derive(Debug, Clone)]
pub struct AskedLayout {
    rule: usize,
    wants: LayoutWants,
    groups: Vec<Owners>,
    threshold: usize,
    denied: Denied,
}

/// A group of those who may sign a layout.
#[derive(Debug, Clone)]
struct Owners {
    threshold: usize,
    /// One after the other they are keys of one holder.
    has_one_holder: bool,
    keys: Vec<PublicKey>,
}

/// Why a layout of a policy cannot be judged by: what is wrong with it is wrong with the request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {problem}")]
pub struct LayoutFault {
    code: &'static str,
    file: String,
    problem: String,
}

impl LayoutFault {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        self.code
    }
}

/// The layouts of a closure, with the keys that may sign them. A key that is denied signs none and has done no step;
/// nor does one that is good for some time only, or may be another's since some day: neither a layout nor a link
/// proves when it was signed.
pub(super) fn asked(closure: &Closure, groups: &[Group], denied: &Denied) -> Vec<AskedLayout> {
    let mut denied = denied.clone();
    let known = groups.iter().flat_map(Group::known_of_keys);
    let limited = known.filter(|(_, validity)| *validity != KeyValidity::default());
    denied.fingerprints.extend(limited.map(|(pin, _)| pin));
    let keys = |group: &Group| {
        let members = group.members.iter().filter_map(|it| match &it.signer {
            ExpectedSigner::Key(key) => Some(key.clone()),
            _ => None,
        });
        let counts = |it: &PublicKey| !denied.fingerprints.contains(&it.fingerprint());
        Owners {
            threshold: group.threshold,
            has_one_holder: group.has_one_holder,
            keys: members.filter(counts).collect(),
        }
    };
    let rules = closure.rules().iter().enumerate();
    let layout = |(index, rule): (usize, &Rule)| {
        let named = groups.iter().filter(|it| rule.signed_by.contains(&it.name));
        Some(AskedLayout {
            rule: index,
            wants: rule.specific.layout()?.clone(),
            groups: named.map(keys).collect(),
            threshold: rule.threshold.unwrap_or(1),
            denied: denied.clone(),
        })
    };
    rules.filter_map(layout).collect()
}

impl AskedLayout {
    /// The place of the rule.
    pub const fn rule(&self) -> usize {
        self.rule
    }

    /// How its chain is judged.
    pub const fn options(&self) -> ChainOptions {
        ChainOptions {
            allow_failed_steps: false,
            strict_commands: self.wants.strict_command,
        }
    }

    /// The layout, signed by enough of those who may and not expired. It runs nothing.
    ///
    /// # Errors
    /// Anything else.
    pub fn verify(&self, now: Timestamp) -> Result<SignedLayout, LayoutFault> {
        let fault = |code, problem: String| LayoutFault {
            code,
            file: self.wants.file.file.clone(),
            problem,
        };
        let refused = |rejection: &Rejection| {
            let why = rejection.checks().first();
            let why = why.map(|it| format!("found {}, wanted {}", it.found(), it.wanted()));
            fault(rejection.code(), why.unwrap_or_default())
        };
        let block = Metablock::parse(&self.wants.bytes)
            .map_err(|error| fault(error.code(), error.to_string()))?;
        let mut parameters = Parameters::new();
        for (name, value) in &self.wants.parameters {
            parameters
                .insert(name, value)
                .map_err(|error| fault(error.code(), error.to_string()))?;
        }
        let mut signed: Vec<LayoutKey> = Vec::new();
        for key in self.groups.iter().flat_map(|it| &it.keys) {
            let key = LayoutKey::from_public(key.clone());
            if signed
                .iter()
                .any(|it| it.fingerprint() == key.fingerprint())
            {
                continue;
            }
            match SignedLayout::verify(&block, std::slice::from_ref(&key), &parameters, now) {
                Ok(_) => signed.push(key),
                Err(rejection) if rejection.code() == UNSIGNED => {}
                Err(rejection) => return Err(refused(&rejection)),
            }
        }
        let by: BTreeSet<[u8; 32]> = signed.iter().map(LayoutKey::fingerprint).collect();
        if !self.is_enough(&by) {
            let problem = format!("signed by {} of those who may sign it", by.len());
            return Err(fault(UNSIGNED, problem));
        }
        let layout = SignedLayout::verify(&block, &signed, &parameters, now)
            .map_err(|rejection| refused(&rejection))?;
        if let Some(inspection) = layout.layout().inspections.first() {
            let problem = format!(
                "a policy runs nothing, and inspection {} would",
                inspection.name
            );
            return Err(fault("inspection-not-run", problem));
        }
        let Denied {
            fingerprints,
            identities,
            ..
        } = self.denied.clone();
        Ok(layout.denying(fingerprints, identities))
    }

    fn is_enough(&self, by: &BTreeSet<[u8; 32]>) -> bool {
        is_enough(&self.groups, self.threshold, by)
    }
}

/// As many different holders of keys as the rule and its groups ask, of groups whose own threshold is met. The keys
/// that one holder had one after the other are one holder's, in whatever other group they stand as well.
fn is_enough(groups: &[Owners], threshold: usize, by: &BTreeSet<[u8; 32]>) -> bool {
    let one_holders = groups.iter().filter(|it| it.has_one_holder);
    let of_one: Vec<BTreeSet<[u8; 32]>> = one_holders
        .map(|it| it.keys.iter().map(PublicKey::fingerprint).collect())
        .collect();
    let holder = |key: [u8; 32]| {
        let mut groups = of_one.iter().filter(|it| it.contains(&key));
        groups.find_map(|it| it.first().copied()).unwrap_or(key)
    };
    let mut counted = BTreeSet::new();
    for group in groups {
        let keys = group.keys.iter().map(PublicKey::fingerprint);
        let of_group: BTreeSet<[u8; 32]> = keys.filter(|it| by.contains(it)).map(holder).collect();
        if of_group.len() >= group.threshold {
            counted.extend(of_group);
        }
    }
    !counted.is_empty() && counted.len() >= threshold
}

impl<'r> Inquiry<'r> {
    /// With what came of the layouts that rules ask for.
    #[must_use]
    pub const fn with_layouts(mut self, pieces: &'r [LayoutPiece]) -> Self {
        self.layouts = pieces;
        self
    }

    /// What a rule about a layout says of bytes, in a folder at their path.
    pub(super) fn answer_of_layout(
        &self,
        index: usize,
        rule: &Rule,
        digests: &[Digest],
        path: Option<&str>,
    ) -> RuleAnswer {
        let mut answer = RuleAnswer::of(index);
        let piece = self.layouts.iter().find(|it| it.rule == index);
        let made = match piece {
            Some(piece) => piece.makes(digests, path, self.rules.closure.digests()),
            None => Err(Reason::new("attestation-missing", "no links", rule.asks())),
        };
        match made {
            Ok(product) => answer
                .found
                .push(format!("product {product:?} of the last step")),
            Err(reason) => {
                let layout = rule.specific.layout();
                let is_excepted = layout
                    .zip(path)
                    .is_some_and(|(layout, path)| layout.excepts(path));
                if is_excepted && reason.code() == "file-unattested" {
                    answer
                        .found
                        .push("no product, as the rule excepts".to_owned());
                } else {
                    answer.reasons.push(reason);
                }
            }
        }
        answer
    }

    /// Products of the layouts that rules ask for which are not here.
    pub fn products_missing(&self, is_there: &dyn Fn(&str) -> bool) -> Vec<Reason> {
        let missing = self.layouts.iter().flat_map(|it| it.missing(is_there));
        missing
            .map(|it| Reason::new("file-missing", "no such file", it))
            .collect()
    }
}

const UNSIGNED: &str = "layout-unsigned";

#[cfg(test)]
mod tests {
    use super::*;

    /// The first, second or third of the fixtures' keys.
    fn key(number: usize) -> PublicKey {
        let base64 = KEYS[number - 1];
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{base64}\n-----END PUBLIC KEY-----\n");
        PublicKey::parse(pem.as_bytes()).unwrap()
    }

    const KEYS: [&str; 3] = [
        "MCowBQYDK2VwAyEAb48r7XrsAT+mQH4LIebF0WCI21ztPl1HhERHt9P03LE=",
        "MCowBQYDK2VwAyEAWrVbKjRo+MT7Jwd5ZwFRsWYlwuyVUL/TdQ7TDI2ofs4=",
        "MCowBQYDK2VwAyEAu9aIA4MZzmUh7PMgq1UNqy6TYIv1HsZleBYQQWtjbz8=",
    ];

    fn owners(threshold: usize, has_one_holder: bool, keys: &[usize]) -> Owners {
        Owners {
            threshold,
            has_one_holder,
            keys: keys.iter().map(|it| key(*it)).collect(),
        }
    }

    fn by(keys: &[usize]) -> BTreeSet<[u8; 32]> {
        keys.iter().map(|it| key(*it).fingerprint()).collect()
    }

    #[test]
    fn as_many_holders_as_rule_and_groups_ask() {
        let (one, two, three) = (1, 2, 3);
        let pair = [owners(2, false, &[one, two])];
        assert!(!is_enough(&pair, 1, &by(&[])));
        assert!(!is_enough(&pair, 1, &by(&[one])));
        assert!(is_enough(&pair, 1, &by(&[one, two])));
        assert!(!is_enough(&pair, 3, &by(&[one, two, three])));
        // Each group asks for itself, and the rule for all of them.
        let groups = [owners(1, false, &[one]), owners(1, false, &[two])];
        assert!(is_enough(&groups, 1, &by(&[two])));
        assert!(!is_enough(&groups, 2, &by(&[two])));
        assert!(is_enough(&groups, 2, &by(&[one, two])));
    }

    #[test]
    fn the_keys_that_one_holder_had_are_one_holder() {
        let (old, new, other) = (1, 2, 3);
        let one = [owners(1, true, &[old, new])];
        assert!(is_enough(&one, 1, &by(&[new])));
        assert!(!is_enough(&one, 2, &by(&[old, new])));
        // Also where one of them stands in another group.
        let both = [
            owners(1, true, &[old, new]),
            owners(1, false, &[old, other]),
        ];
        assert!(!is_enough(&both, 2, &by(&[old, new])));
        assert!(is_enough(&both, 2, &by(&[new, other])));
    }
}
