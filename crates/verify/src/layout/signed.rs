//! A layout whose owner is proven.

use std::collections::BTreeSet;

use attest_provenance::in_toto::{InTotoError, Layout, Metablock, Parameters, Rule, StepName};
use jiff::Timestamp;

use super::chain::{self, Chain};
use super::key::{LayoutKey, LayoutKeyError};
use super::links::{LinkFolder, LinkReadError, LinkRefusal};
use crate::check::{Check, Rejection};
use crate::identity::IdentityPattern;
use crate::limits;

/// A layout that every given key has signed, and that has not expired.
#[derive(Debug, Clone)]
pub struct SignedLayout {
    pub(super) layout: Layout,
    /// The layout's keys, under the ids that it gives them.
    pub(super) keys: Vec<(String, LayoutKey)>,
    pub(super) now: Timestamp,
    signers: Vec<[u8; 32]>,
    /// Keys of which no link counts.
    pub(super) denied: BTreeSet<[u8; 32]>,
    pub(super) denied_identities: Vec<IdentityPattern>,
}

/// What a verifier lets pass, or asks beyond the reference.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ChainOptions {
    /// Steps whose command returned something else than zero.
    pub allow_failed_steps: bool,
    /// Steps that were done with another command than expected are refused, not only told.
    pub strict_commands: bool,
}

/// Why a layout or its chain is refused.
#[derive(Debug)]
#[non_exhaustive]
pub enum LayoutRefusal {
    /// What is claimed does not hold.
    Rejected(Rejection),
    /// A file or folder of links cannot be read.
    Unreadable(LinkReadError),
}

impl LayoutRefusal {
    /// The code of the first check that failed; `None` if something could not be read.
    pub fn code(&self) -> Option<&'static str> {
        match self {
            Self::Rejected(rejection) => Some(rejection.code()),
            Self::Unreadable(_) => None,
        }
    }
}

impl From<Check> for LayoutRefusal {
    fn from(check: Check) -> Self {
        Self::Rejected(check.into())
    }
}

impl From<LinkRefusal> for LayoutRefusal {
    fn from(refusal: LinkRefusal) -> Self {
        match refusal {
            LinkRefusal::Unreadable(error) => Self::Unreadable(error),
            LinkRefusal::Refused(check) => check.into(),
        }
    }
}

impl SignedLayout {
    /// Proves who owns a layout: *every* key must have signed it, and there must be one.
    ///
    /// # Errors
    /// Not signed by one of the keys; expired; not a layout, or with a field, name, rule or key that is
    /// refused; a parameter that is missing or unknown.
    pub fn verify(
        block: &Metablock,
        keys: &[LayoutKey],
        parameters: &Parameters,
        now: Timestamp,
    ) -> Result<Self, Rejection> {
        let signers = owners(block, keys)?;
        let layout = Layout::from_json(block.unverified_signed().clone());
        let layout = layout.map_err(|error| refused(&error))?;
        let expires = &layout.expires;
        if expires.unix_seconds() <= now.as_second() {
            let wanted = format!("a layout that is valid at {now}");
            return Err(Check::new("layout-expired", expires.as_str(), wanted).into());
        }
        let layout = layout.with_parameters(parameters);
        let layout = layout.map_err(|error| refused(&error))?;
        known_steps(&layout)?;
        let keys = layout.keys.iter().map(|(id, key)| {
            let key =
                LayoutKey::from_claimed(key).map_err(|error| unusable(id.as_str(), &error))?;
            Ok::<_, Check>((id.as_str().to_owned(), key))
        });
        Ok(Self {
            keys: keys.collect::<Result<_, _>>()?,
            layout,
            now,
            signers,
            denied: BTreeSet::new(),
            denied_identities: Vec::new(),
        })
    }

    /// The same, where no link by a key with one of these fingerprints counts, whoever allows it: neither in a
    /// sublayout, nor by a certificate. Nor does one by a certificate of which one of these patterns covers a
    /// name: an address, a URI, a host or the common name.
    #[must_use]
    pub fn denying(
        mut self,
        fingerprints: BTreeSet<[u8; 32]>,
        identities: Vec<IdentityPattern>,
    ) -> Self {
        self.denied = fingerprints;
        self.denied_identities = identities;
        self
    }

    /// Proves its chain from the links of a folder. Inspections are not run here:
    /// [`Chain::inspect`] judges what they found.
    ///
    /// # Errors
    /// A step without enough links, links that are refused or disagree, a rule that does not hold.
    pub fn prove(
        &self,
        folder: &dyn LinkFolder,
        options: ChainOptions,
    ) -> Result<Chain, LayoutRefusal> {
        chain::prove(self, folder, &[], options, &mut Budget::new())
    }

    /// What it says.
    pub const fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The SHA-256 of the `SubjectPublicKeyInfo` of each key that signed it.
    pub fn signers(&self) -> &[[u8; 32]] {
        &self.signers
    }
}

fn owners(block: &Metablock, keys: &[LayoutKey]) -> Result<Vec<[u8; 32]>, Check> {
    if block.signatures().len() > limits::LINK_SIGNATURES {
        let wanted = format!("at most {}", limits::LINK_SIGNATURES);
        let found = format!("{} signatures", block.signatures().len());
        return Err(Check::new("layout-too-costly", found, wanted));
    }
    let signed_by = |key: &LayoutKey| {
        let mut signatures = block.signatures().iter();
        signatures.any(|it| key.verifies(block.bytes_to_sign(), &it.sig))
    };
    if let Some(absent) = keys.iter().find(|key| !signed_by(key)) {
        let found = format!("{} signatures, none by it", block.signatures().len());
        return Err(Check::new("layout-unsigned", found, absent.public()));
    }
    if keys.is_empty() {
        return Err(Check::new(
            "layout-unsigned",
            "no key to ask for",
            "at least one",
        ));
    }
    Ok(keys.iter().map(LayoutKey::fingerprint).collect())
}

/// A rule that compares with nothing would quietly consume nothing.
fn known_steps(layout: &Layout) -> Result<(), Check> {
    let steps = layout.steps.iter();
    let names: BTreeSet<&StepName> = steps
        .map(|it| &it.name)
        .chain(layout.inspections.iter().map(|it| &it.name))
        .collect();
    let steps = layout
        .steps
        .iter()
        .flat_map(|it| [&it.materials, &it.products]);
    let inspections = layout
        .inspections
        .iter()
        .flat_map(|it| [&it.materials, &it.products]);
    for words in steps.chain(inspections).flatten() {
        let rule = Rule::parse(words).map_err(|error| refused(&error))?;
        if let Rule::Match { step, .. } = &rule
            && !names.contains(step)
        {
            let wanted = "a step or an inspection of the layout";
            return Err(Check::new("rule-step-unknown", rule, wanted));
        }
    }
    Ok(())
}

/// A document that does not read as a layout or link.
pub(super) fn refused(error: &InTotoError) -> Check {
    Check::new(error.code(), error, "a layout or link of one meaning")
}

fn unusable(id: &str, error: &LayoutKeyError) -> Check {
    let found = format!("key {id:?}: {error}");
    Check::new(
        "layout-key-unsupported",
        found,
        "RSA, ECDSA or Ed25519 as in-toto writes them",
    )
}

/// What all links of one layout, sublayouts included, may cost.
pub(super) struct Budget {
    links: usize,
    bytes: usize,
    checks: usize,
}

impl Budget {
    const fn new() -> Self {
        Self {
            links: limits::LINKS,
            bytes: super::links::all_bytes(),
            checks: limits::LINK_SIGNATURE_CHECKS,
        }
    }

    pub(super) const fn bytes_left(&self) -> usize {
        self.bytes
    }

    pub(super) fn take_link(&mut self) -> Result<(), Check> {
        self.links = take(self.links, 1, "links")?;
        Ok(())
    }

    pub(super) fn take_bytes(&mut self, bytes: usize) -> Result<(), Check> {
        self.bytes = take(self.bytes, bytes, "bytes of links")?;
        Ok(())
    }

    pub(super) fn take_check(&mut self) -> Result<(), Check> {
        self.checks = take(self.checks, 1, "signatures to check")?;
        Ok(())
    }
}

fn take(left: usize, some: usize, what: &str) -> Result<usize, Check> {
    left.checked_sub(some).ok_or_else(|| {
        Check::new(
            "layout-too-costly",
            format!("more {what} than any honest layout has"),
            "fewer",
        )
    })
}
