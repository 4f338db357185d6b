//! What inspections found.

use std::collections::BTreeMap;

use attest_provenance::in_toto::{ArtifactKind, StepName};

use super::chain::hold;
use super::rules::Files;
use super::signed::SignedLayout;
use crate::check::{Check, Rejection};

/// One inspection as somebody ran it.
#[derive(Debug, Clone)]
pub struct InspectionRun {
    /// The files before and after it.
    pub files: Files,
    /// What it returned; `None` if it was ended before it did.
    pub returned: Option<i32>,
}

/// Judges all inspections of a layout, and adds their files to those of the steps.
pub(super) fn judge(
    signed: &SignedLayout,
    mut runs: BTreeMap<StepName, InspectionRun>,
    items: &mut BTreeMap<StepName, Files>,
) -> Result<Vec<Check>, Rejection> {
    let inspections = &signed.layout().inspections;
    for inspection in inspections {
        let name = &inspection.name;
        let Some(run) = runs.remove(name) else {
            let wanted = "every inspection of the layout";
            return Err(Check::new("inspection-not-run", name, wanted).into());
        };
        if run.returned != Some(0) {
            let returned = run
                .returned
                .map_or("no exit code".to_owned(), |it| it.to_string());
            let found = format!("inspection {name}: {returned}");
            return Err(Check::new("inspection-failed", found, "0").into());
        }
        items.insert(name.clone(), run.files);
    }
    let mut notes = Vec::new();
    for inspection in inspections {
        let Some(item) = items.get(&inspection.name) else {
            continue;
        };
        for (kind, words) in [
            (ArtifactKind::Materials, &inspection.materials),
            (ArtifactKind::Products, &inspection.products),
        ] {
            notes.extend(hold(&inspection.name, kind, words, item, items)?);
        }
    }
    Ok(notes)
}
