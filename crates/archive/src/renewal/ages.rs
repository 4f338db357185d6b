//! Until when algorithms are held to be good: a table with its sources, not an opinion of ours.

use std::fmt;

use attest_digest::Algorithm;
use attest_verify::{KeyKind, UsedAlgorithm};
use jiff::Timestamp;

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Age {
    /// What the algorithm is called.
    pub algorithm: &'static str,
    /// The last day on which a final standard lets it protect; none while no standard ends it. From the
    /// day after on, a timestamp by it proves nothing here.
    pub ends: Option<&'static str>,
    /// The last day by a draft: told, so that somebody can plan, and not enforced.
    pub draft_ends: Option<&'static str>,
    /// Who says so.
    pub source: &'static str,
}

/// How firm an end is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Firmness {
    /// A standard in force.
    Final,
    /// A draft.
    Draft,
}

/// The table, by [NIST SP 800-57 part 1 revision 5](https://doi.org/10.6028/NIST.SP.800-57pt1r5)
/// (May 2020), table 4, and the initial public draft of
/// [NIST IR 8547](https://doi.org/10.6028/NIST.IR.8547.ipd) (November 2024), table 2.
pub const AGES: &[Age] = &[
    Age {
        algorithm: "RSA below 3072 bits",
        ends: Some("2030-12-31"),
        draft_ends: Some("2030-12-31"),
        source: "NIST SP 800-57 part 1 rev. 5, table 4: 112 bits of strength, through 2030",
    },
    Age {
        algorithm: "RSA from 3072 bits",
        ends: None,
        draft_ends: Some("2035-12-31"),
        source: "NIST SP 800-57 part 1 rev. 5, table 4: no end; NIST IR 8547 (draft): through 2035",
    },
    Age {
        algorithm: "ECDSA P-256",
        ends: None,
        draft_ends: Some("2035-12-31"),
        source: "NIST SP 800-57 part 1 rev. 5, table 4: no end; NIST IR 8547 (draft): through 2035",
    },
    Age {
        algorithm: "ECDSA P-384",
        ends: None,
        draft_ends: Some("2035-12-31"),
        source: "NIST SP 800-57 part 1 rev. 5, table 4: no end; NIST IR 8547 (draft): through 2035",
    },
    Age {
        algorithm: "ECDSA P-521",
        ends: None,
        draft_ends: Some("2035-12-31"),
        source: "NIST SP 800-57 part 1 rev. 5, table 4: no end; NIST IR 8547 (draft): through 2035",
    },
    Age {
        algorithm: "Ed25519",
        ends: None,
        draft_ends: Some("2035-12-31"),
        source: "NIST SP 800-57 part 1 rev. 5, table 4: no end; NIST IR 8547 (draft): through 2035",
    },
    Age {
        algorithm: "SHA-256",
        ends: None,
        draft_ends: None,
        source: "NIST SP 800-57 part 1 rev. 5, table 4: no end",
    },
    Age {
        algorithm: "SHA-384",
        ends: None,
        draft_ends: None,
        source: "NIST SP 800-57 part 1 rev. 5, table 4: no end",
    },
    Age {
        algorithm: "SHA-512",
        ends: None,
        draft_ends: None,
        source: "NIST SP 800-57 part 1 rev. 5, table 4: no end",
    },
];

impl Age {
    /// The last second, if this end is there.
    pub fn end(&self, firmness: Firmness) -> Option<Timestamp> {
        let day = match firmness {
            Firmness::Final => self.ends,
            Firmness::Draft => self.draft_ends,
        };
        format!("{}T23:59:59Z", day?).parse().ok()
    }
}

impl fmt::Display for Age {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.algorithm, self.source)
    }
}

/// The row of an algorithm. One that is not in the table is not trusted at all.
pub fn age_of(used: &UsedAlgorithm) -> Option<&'static Age> {
    let name = match used {
        UsedAlgorithm::Hash(Algorithm::Sha256) => "SHA-256",
        UsedAlgorithm::Hash(Algorithm::Sha384) => "SHA-384",
        UsedAlgorithm::Hash(Algorithm::Sha512) => "SHA-512",
        UsedAlgorithm::Key(KeyKind::P256) => "ECDSA P-256",
        UsedAlgorithm::Key(KeyKind::P384) => "ECDSA P-384",
        UsedAlgorithm::Key(KeyKind::P521) => "ECDSA P-521",
        UsedAlgorithm::Key(KeyKind::Ed25519) => "Ed25519",
        UsedAlgorithm::Key(KeyKind::Rsa { bits }) if *bits < 3072 => "RSA below 3072 bits",
        UsedAlgorithm::Key(KeyKind::Rsa { .. }) => "RSA from 3072 bits",
        _ => return None,
    };
    AGES.iter().find(|age| age.algorithm == name)
}

/// The first of these algorithms to end, and when; none while none does.
pub fn ends_of(used: &[UsedAlgorithm], firmness: Firmness) -> Option<(Timestamp, &'static str)> {
    let ends = used.iter().map(|used| match age_of(used) {
        Some(age) => age.end(firmness).map(|end| (end, age.algorithm)),
        None => Some((Timestamp::MIN, "an algorithm without a row in the table")),
    });
    ends.flatten().min()
}
