//! What provenance shows about a build, once it is what was expected.

use std::fmt;

use super::origin::Origin;

/// What was found of a build that met its expectations.
///
/// All texts come from evidence; escape them before showing them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlsaFindings {
    pub(super) level: u8,
    pub(super) why: String,
    pub(super) known_as: Option<String>,
    pub(super) builder_id: String,
    pub(super) build_type: String,
    pub(super) is_v0_2: bool,
    pub(super) origin: Option<Origin>,
    pub(super) rules: Vec<SlsaRule>,
    pub(super) unproven: Vec<String>,
}

/// A rule that was asked for and holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlsaRule {
    pub(super) name: &'static str,
    pub(super) found: String,
    pub(super) wanted: String,
}

impl SlsaFindings {
    /// The build level that is shown: never more than the table knows of signer and builder.
    pub const fn level(&self) -> u8 {
        self.level
    }

    /// Why it is this level.
    pub fn why(&self) -> &str {
        &self.why
    }

    /// What the table calls the builder; none if it does not know it.
    pub fn known_as(&self) -> Option<&str> {
        self.known_as.as_deref()
    }

    /// The builder's id.
    pub fn builder_id(&self) -> &str {
        &self.builder_id
    }

    /// The build type.
    pub fn build_type(&self) -> &str {
        &self.build_type
    }

    /// Whether the predicate is of version 0.2.
    pub const fn is_v0_2(&self) -> bool {
        self.is_v0_2
    }

    /// From what it was built, where that is said.
    pub const fn origin(&self) -> Option<&Origin> {
        self.origin.as_ref()
    }

    /// The rules that were asked for, each of which holds.
    pub fn rules(&self) -> &[SlsaRule] {
        &self.rules
    }

    /// What nothing but the signer's word shows.
    pub fn unproven(&self) -> &[String] {
        &self.unproven
    }
}

impl SlsaRule {
    /// What it is about: `builder`, `source`, `ref`, `commit`, `input` or `level`.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// What was found.
    pub fn found(&self) -> &str {
        &self.found
    }

    /// What was wanted.
    pub fn wanted(&self) -> &str {
        &self.wanted
    }
}

impl fmt::Display for SlsaRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}, wanted {}", self.name, self.found, self.wanted)
    }
}
