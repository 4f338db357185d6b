//! Where one release is asked for, statements that name another one count for nothing.

use attest_provenance::predicate::release::{self, ClaimedRelease};
use attest_provenance::predicate::slsa::{self, ClaimedProvenance};
use attest_provenance::{ReleaseName, Statement};
use attest_verify::Evidence;

use super::{Inquiry, Measured};
use crate::reason::Reason;

impl Inquiry<'_> {
    /// The same where one release is asked for: however many have signed another one, for no rule do they count.
    #[must_use]
    pub fn of_release(mut self, wanted: Option<&ReleaseName>) -> Self {
        let Some(wanted) = wanted else {
            return self;
        };
        let statements = self.evidence.iter().map(|it| Evidence::statement(it));
        let others: Vec<Option<Reason>> = statements
            .map(|it| it.and_then(|it| names_another(it, wanted)))
            .collect();
        for measured in &mut self.measured {
            for (measured, other) in measured.iter_mut().zip(&others) {
                if let (Measured::Unfit(_) | Measured::Says(_), Some(reason)) = (&measured, other) {
                    *measured = Measured::Unfit(reason.clone());
                }
            }
        }
        self
    }
}

/// Why a statement is not about the release that is wanted, if it names one: a release statement does, and
/// provenance of our packaging.
fn names_another(statement: &Statement, wanted: &ReleaseName) -> Option<Reason> {
    let mismatch = |found: String| Some(Reason::new("release-mismatch", found, wanted.purl()));
    match statement.predicate_type() {
        release::TYPE | release::TYPE_V0_1 => match ClaimedRelease::from_statement(statement) {
            Ok(found) if found.name() == Some(wanted) => None,
            Ok(found) => mismatch(found.purl().to_owned()),
            Err(error) => Some(Reason::new(
                "release-malformed",
                error,
                "a release predicate that says which release it is",
            )),
        },
        slsa::TYPE => {
            let claimed = ClaimedProvenance::from_statement(statement).ok()?;
            let (found, _) = claimed.packaging()?;
            if found == wanted {
                return None;
            }
            mismatch(found.purl())
        }
        _ => None,
    }
}
