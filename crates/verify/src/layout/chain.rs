//! A chain of steps that is proven.

use std::collections::{BTreeMap, BTreeSet};

use attest_provenance::in_toto::{ArtifactKind, Artifacts, Link, Rule, StepName};

use super::differences;
use super::inspection::{self, InspectionRun};
use super::key::LayoutKey;
use super::links::LinkFolder;
use super::rules::{Files, apply};
use super::signed::{Budget, ChainOptions, LayoutRefusal, SignedLayout, refused};
use super::step;
use crate::check::{Check, Rejection};

/// The steps of a layout, each done by those who may, with files that its rules allow.
#[derive(Debug)]
pub struct Chain {
    pub(super) steps: Vec<ProvenStep>,
    notes: Vec<Check>,
}

/// A step that is proven.
#[derive(Debug)]
pub struct ProvenStep {
    pub(super) name: StepName,
    pub(super) threshold: usize,
    pub(super) signers: Vec<ProvenSigner>,
    pub(super) files: Vec<String>,
    pub(super) layouts: Vec<bool>,
    pub(super) link: Link,
    pub(super) sublayouts: Vec<Chain>,
    pub(super) skipped: Vec<Check>,
    pub(super) notes: Vec<Check>,
}

/// Somebody who may do a step and did.
#[derive(Debug, Clone)]
pub struct ProvenSigner {
    pub(super) fingerprint: [u8; 32],
    pub(super) key: LayoutKey,
    pub(super) certificate: Option<String>,
    /// The names of the holder of the certificate: other keys under one of them are the same functionary's.
    pub(super) names: BTreeSet<String>,
}

impl Chain {
    /// The steps, in the order of the layout.
    pub fn steps(&self) -> &[ProvenStep] {
        &self.steps
    }

    /// The products of the last step: what is handed over.
    pub fn products(&self) -> Option<&Artifacts> {
        self.steps.last().map(|it| &it.link.products)
    }

    /// What does not refuse the chain and should be known: commands that differ, files that no rule is
    /// about, failed steps that were let pass.
    pub fn notes(&self) -> impl Iterator<Item = &Check> {
        let of_steps = self
            .steps
            .iter()
            .flat_map(|it| it.notes.iter().chain(&it.skipped));
        self.notes.iter().chain(of_steps)
    }

    /// Judges what the inspections of its layout found.
    ///
    /// # Errors
    /// An inspection that was not run, did not end well, or whose rules do not hold.
    pub fn inspect(
        &mut self,
        signed: &SignedLayout,
        runs: BTreeMap<StepName, InspectionRun>,
    ) -> Result<(), Rejection> {
        let mut items = files(&self.steps);
        let notes = inspection::judge(signed, runs, &mut items)?;
        self.notes.extend(notes);
        Ok(())
    }
}

impl ProvenStep {
    /// Its name.
    pub const fn name(&self) -> &StepName {
        &self.name
    }

    /// How many different keys the layout asks for.
    pub const fn threshold(&self) -> usize {
        self.threshold
    }

    /// Who did it, by different keys or more than once.
    pub fn signers(&self) -> &[ProvenSigner] {
        &self.signers
    }

    /// The files of its links.
    pub fn files(&self) -> &[String] {
        &self.files
    }

    /// Which of these files are layouts, in the same order; of each there is a sublayout.
    pub fn are_layouts(&self) -> impl Iterator<Item = bool> {
        self.layouts.iter().copied()
    }

    /// What all of them say.
    pub const fn link(&self) -> &Link {
        &self.link
    }

    /// The chains of functionaries who handed in a layout.
    pub fn sublayouts(&self) -> &[Chain] {
        &self.sublayouts
    }
}

impl ProvenSigner {
    /// SHA-256 of the `SubjectPublicKeyInfo`.
    pub const fn fingerprint(&self) -> [u8; 32] {
        self.fingerprint
    }

    /// The name of the certificate, if it may do the step by that.
    pub fn certificate(&self) -> Option<&str> {
        self.certificate.as_deref()
    }
}

pub(super) fn prove(
    signed: &SignedLayout,
    folder: &dyn LinkFolder,
    below: &[String],
    options: ChainOptions,
    budget: &mut Budget,
) -> Result<Chain, LayoutRefusal> {
    let mut steps = Vec::new();
    for step in &signed.layout.steps {
        steps.push(step::prove(signed, step, folder, below, options, budget)?);
    }
    let items = files(&steps);
    let mut notes = Vec::new();
    for step in &signed.layout.steps {
        let Some(item) = items.get(&step.name) else {
            continue;
        };
        for (kind, words) in [
            (ArtifactKind::Materials, &step.materials),
            (ArtifactKind::Products, &step.products),
        ] {
            notes.extend(hold(&step.name, kind, words, item, &items)?);
        }
    }
    Ok(Chain { steps, notes })
}

/// Applies one list of rules; what is left at the end is told.
pub(super) fn hold(
    name: &StepName,
    kind: ArtifactKind,
    words: &[Vec<String>],
    item: &Files,
    items: &BTreeMap<StepName, Files>,
) -> Result<Vec<Check>, Check> {
    let rules = words.iter().map(|it| Rule::parse(it));
    let rules = rules
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| refused(&error))?;
    let left = apply(&rules, kind, item, items).map_err(|failure| {
        let paths: Vec<String> = failure
            .paths
            .iter()
            .take(SHOWN)
            .map(|it| format!("{it:?}"))
            .collect();
        let more = failure.paths.len().saturating_sub(SHOWN);
        let more = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        let found = format!("{kind} of {name}: {}{more}", paths.join(", "));
        Check::new(failure.code, found, failure.rule)
    })?;
    let mut notes = differences::notes(&rules, kind, item, items);
    let Some(first) = left.first() else {
        return Ok(notes);
    };
    let found = format!("{} {kind} of {name}, for example {first:?}", left.len());
    notes.push(Check::new("rule-none", found, "a rule about each file"));
    Ok(notes)
}

fn files(steps: &[ProvenStep]) -> BTreeMap<StepName, Files> {
    let files = |step: &ProvenStep| (step.name.clone(), Files::from(step.link.clone()));
    steps.iter().map(files).collect()
}

/// Paths in one message.
const SHOWN: usize = 5;
