//! Evidence about components: bundles that were given, verified against signers that were named.

use std::fs;
use std::path::PathBuf;

use attest_digest::Digest;
use attest_policy::Policy;
use attest_sbom::Item;
use attest_verify::Verifier;

use crate::args::{Global, TrustArgs};
use crate::command::verify::{Session, Shelf, evidence_about_digest, requested_types};
use crate::failure::Failure;
use crate::report::Verdict;
use crate::trust::{self, Surroundings};

/// What verifies, with the bundles.
pub(super) struct Trusted {
    session: Session,
}

/// Trust that has been asked, and remembers what it proved.
pub(super) struct Asked<'t> {
    session: &'t Session,
    shelf: Shelf,
}

impl Trusted {
    /// Nothing without evidence; a signer must be named with it.
    pub(super) fn resolve(
        places: &[PathBuf],
        args: &TrustArgs,
        global: &Global,
    ) -> Result<Option<Self>, Failure> {
        if places.is_empty() {
            if args.signers.is_given() || !args.trusted_root.is_empty() {
                let message =
                    "a signer is expected, and no --evidence is given that one could have signed";
                return Err(Failure::request("bad-arguments", message));
            }
            return Ok(None);
        }
        let bundles = bundles(places)?;
        let around = Surroundings {
            verified: places.iter().filter(|it| it.is_dir()).cloned().collect(),
            bundles: bundles.clone(),
            ..Surroundings::default()
        };
        let now = global.now()?;
        let trust = trust::resolve(args, &around, now)?;
        let accept = trust::accept(args, &trust.signers);
        let verifier = Verifier::new(trust.roots.clone(), now.time, accept)
            .map_err(|error| Failure::request("trusted-root-malformed", error))?;
        // Only what says how something was made is evidence of that: a signature alone is not.
        let types = if args.types.is_empty() {
            requested_types(&PROVENANCE.map(str::to_owned))?
        } else {
            requested_types(&args.types)?
        };
        let policy = Policy::expecting(trust.signers.clone()).approving_only(types);
        let mut session = Session::new(verifier, policy, trust);
        session.bundles = bundles;
        Ok(Some(Self { session }))
    }

    pub(super) fn count(&self) -> usize {
        self.session.bundles.len()
    }

    pub(super) fn ask(&self) -> Asked<'_> {
        Asked {
            session: &self.session,
            shelf: Shelf::new(),
        }
    }
}

impl Asked<'_> {
    /// Whether some bundle proves how these bytes were made: those of one of the component's strong hashes.
    pub(super) fn proves(&mut self, item: &Item) -> bool {
        let digests = item
            .hashes
            .iter()
            .filter_map(|hash| Digest::parse(&format!("{}:{}", hash.algorithm, hash.value)).ok());
        digests.into_iter().any(|digest| {
            let report = evidence_about_digest(digest, self.session, &mut self.shelf);
            report
                .files
                .iter()
                .any(|it| matches!(it.verdict, Verdict::Verified))
        })
    }
}

/// The files that are named, and those at the top of folders.
fn bundles(places: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let unreadable = |place: &PathBuf, error: std::io::Error| {
        Failure::unknown("bundle-unreadable", format!("{}: {error}", place.display()))
    };
    let mut bundles = Vec::new();
    for place in places {
        if !place.is_dir() {
            fs::metadata(place).map_err(|error| unreadable(place, error))?;
            bundles.push(place.clone());
            continue;
        }
        for entry in fs::read_dir(place).map_err(|error| unreadable(place, error))? {
            let path = entry.map_err(|error| unreadable(place, error))?.path();
            if path.is_file() {
                bundles.push(path);
            }
        }
    }
    bundles.sort();
    bundles.dedup();
    if bundles.is_empty() || bundles.len() > BUNDLES {
        let found = bundles.len();
        let message = format!("--evidence holds {found} files, wanted 1 to {BUNDLES}");
        return Err(Failure::request("bad-arguments", message));
    }
    Ok(bundles)
}

/// Bundles of one run.
const BUNDLES: usize = 10_000;

const PROVENANCE: [&str; 2] = ["slsaprovenance", "slsaprovenance1"];
