//! The trust of a home: whom it signs as, and what it trusts for the times of what it keeps.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use attest_verify::{ExpectedSigner, TrustedRoot};

use super::{Surroundings, Trust, refuse_beside, roots, signers};
use crate::failure::Failure;
use crate::home::Home;
use crate::report::TrustLine;

/// The key and the trusted root of our own home.
pub(crate) fn of_home(home: &Home) -> Result<Trust, Failure> {
    home.require()?;
    let (key, line) = signers::key_file(&home.public_key())?;
    let (root, root_line) = roots::of_file(&home.trusted_root())?;
    let of_home = |line| TrustLine {
        of_home: true,
        ..line
    };
    Ok(Trust {
        signers: ExpectedSigner::Key(key).into(),
        groups: None,
        roots: root,
        keeping: Vec::new(),
        lines: [line, root_line].map(of_home).into(),
        pinned: BTreeMap::new(),
        heard: Vec::new(),
    })
}

/// As [`of_home`], for what is kept: its times are proven also by the authorities that renewed what is in
/// the archive, and by the services that signed releases with us.
pub(crate) fn of_keeper(home: &Home) -> Result<Trust, Failure> {
    let mut trust = of_home(home)?;
    let renewals = home.renewal_root();
    if renewals.exists() {
        trust.keep("renewal root", &renewals, "the authorities of renewals")?;
    }
    for path in of_services(home) {
        trust.keep("service root", &path, "services of a release")?;
    }
    Ok(trust)
}

/// As [`of_keeper`], of a home that was named to verify what came from elsewhere.
///
/// # Errors
/// `trust-beside-subject` (exit 2): whoever made what is verified made the home in it.
pub(crate) fn of_named(home: &Home, around: &Surroundings) -> Result<Trust, Failure> {
    refuse_beside(home.path(), around, "home")?;
    of_keeper(home)
}

impl Trust {
    /// The roots by which the time of what is kept is proven.
    pub(crate) fn proving(&self) -> Vec<TrustedRoot> {
        self.roots.iter().chain(&self.keeping).cloned().collect()
    }

    fn keep(&mut self, what: &'static str, path: &Path, name: &str) -> Result<(), Failure> {
        let (found, line) = roots::of_file(path)?;
        self.keeping
            .extend(found.into_iter().map(|it| it.named(name)));
        self.lines.push(TrustLine {
            what,
            of_home: true,
            ..line
        });
        Ok(())
    }
}

fn of_services(home: &Home) -> Vec<PathBuf> {
    let folder = std::fs::read_dir(home.service_roots());
    let services = folder.into_iter().flatten().flatten();
    let services = services.map(|it| it.path());
    let mut services: Vec<PathBuf> = services
        .filter(|it| it.extension().is_some_and(|it| it == "json"))
        .collect();
    services.sort();
    services
}
