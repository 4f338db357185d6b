//! Making a release that this home has not made before.

use std::path::PathBuf;

use attest_archive::{Role, Store};
use attest_digest::{Artifact, Hashes};
use attest_log::Log;
use attest_sign::Holder;
use jiff::Timestamp;

use super::by_services::ByServices;
use super::content::{self, Content};
use super::journal::{Journal, temporary_name};
use super::ours::archive_failure;
use super::plan::changed;
use super::recover::is_recorded;
use super::report::Outcome;
use super::request::Request;
use super::run::Run;
use super::selfcheck::{PinnedSigner, Pins};
use super::survey::Survey;
use crate::audit::{self, Change};
use crate::console::Console;
use crate::failure::Failure;
use crate::files;
use crate::identity::Identity;

/// What a making run holds.
pub(super) struct Making<'a> {
    pub(super) request: &'a Request,
    pub(super) survey: &'a Survey,
    pub(super) identity: &'a Identity,
    /// Who else signs with us, unless the home's own log and authority do.
    pub(super) by: Option<&'a ByServices>,
    /// Whether this run made the identity.
    pub(super) is_new: bool,
    /// What an earlier run left, in words.
    pub(super) notes: Vec<String>,
    pub(super) console: &'a Console,
}

impl Making<'_> {
    /// Every file of the release where it stands, bills of materials included.
    pub(super) fn observe(&self) -> Result<Vec<Content>, Failure> {
        self.with_roles(content::observe(&self.survey.plan, self.console)?)
    }

    /// Adds the bills of materials and says which files are some.
    pub(super) fn with_roles(&self, mut contents: Vec<Content>) -> Result<Vec<Content>, Failure> {
        for sbom in &self.request.sboms {
            let artifact = Artifact::of_bytes(&sbom.bytes, Hashes::Sha256AndSha512);
            match contents
                .iter_mut()
                .find(|content| content.path == sbom.path)
            {
                Some(content) if content.artifact == artifact => content.role = Role::Sbom,
                Some(_) => return Err(changed(sbom.path.as_str())),
                None => contents.push(Content {
                    path: sbom.path.clone(),
                    role: Role::Sbom,
                    artifact,
                }),
            }
        }
        contents.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(contents)
    }

    /// A name for everything temporary of this run.
    pub(super) fn token() -> Result<String, Failure> {
        let random =
            attest_sign::random_salt().map_err(|error| Failure::unknown(error.code(), error))?;
        Ok(hex::encode(random.get(..8).unwrap_or(&random)))
    }

    /// Where the stage of a run stands: in the home, or beside the copy that it will become.
    pub(super) fn stage_place(&self, token: &str) -> PathBuf {
        let folder = match &self.request.out {
            None => crate::home::real(self.identity.home().path()),
            Some(out) => files::folder_of(&crate::home::real(out)),
        };
        folder.join(temporary_name(token))
    }

    /// Everything that goes away with a run.
    pub(super) fn temporary(&self, token: &str) -> Vec<PathBuf> {
        let in_target = crate::home::real(self.request.target()).join(temporary_name(token));
        vec![self.stage_place(token), in_target]
    }

    pub(super) fn pins(&self, holder: Option<&Holder>, trusted_root: &[u8]) -> Pins {
        Pins {
            release: self.request.name.clone(),
            signer: match holder {
                Some(holder) => PinnedSigner::Identity(holder.clone()),
                None => PinnedSigner::Key(self.identity.signing_pin()),
            },
            trusted_root: Artifact::of_bytes(trusted_root, Hashes::Sha256)
                .sha256()
                .to_string(),
        }
    }

    /// That of the services, or the home's with the authority of this run in it.
    pub(super) fn trusted_root(&self) -> Result<Vec<u8>, Failure> {
        if let Some(by) = self.by {
            return Ok(by.trusted_root().to_vec());
        }
        let path = self.identity.home().trusted_root();
        let bytes = files::read_limited(&path, TRUSTED_ROOT_BYTES).map_err(|error| {
            Failure::request(
                "identity-unreadable",
                format!("{}: {error}", path.display()),
            )
        })?;
        match &self.request.foreign {
            Some(foreign) => foreign.add_to(&bytes),
            None => Ok(bytes),
        }
    }
}

/// Makes the release, from the first byte to the published line.
///
/// Without `contents` the artifacts are copied, and hashed on the way.
pub(super) fn release(
    making: &Making<'_>,
    log: &mut Log<'_>,
    contents: Option<&[Content]>,
    now: Timestamp,
) -> Result<Outcome, Failure> {
    let home = making.identity.home();
    let change = Change::new("release").release(&making.request.name);
    audit::traced(home, change, |change| {
        record(making, log, contents, now, change)
    })
}

fn record(
    making: &Making<'_>,
    log: &mut Log<'_>,
    contents: Option<&[Content]>,
    now: Timestamp,
    change: &mut Change,
) -> Result<Outcome, Failure> {
    let home = making.identity.home();
    let mut store = Store::init(&home.archive()).map_err(|error| archive_failure(&error))?;
    let token = Making::token()?;
    let mut journal = Journal::begin(
        home,
        &making.request.name,
        &token,
        making.temporary(&token),
        log.size(),
    )?;
    let mut run = Run {
        making,
        log,
        store: &mut store,
        journal: &mut journal,
        token: &token,
        now,
        change,
    };
    let outcome = run.go(contents);
    if outcome.is_err() {
        say_unused(making, &journal, log.size());
    }
    match (outcome, journal.end(home)) {
        (Ok(outcome), Err(failure)) => {
            making.console.note(format!(
                "note: the release is complete; its traces stay: {}",
                failure.message
            ));
            Ok(outcome)
        }
        (outcome, _) => outcome,
    }
}

/// Entries of a run that failed before it was recorded: nobody will ever use them.
fn say_unused(making: &Making<'_>, journal: &Journal, size: u64) {
    let recorded = is_recorded(making.identity, &journal.release).unwrap_or_default();
    if recorded || size <= journal.log_size {
        return;
    }
    making.console.note(format!(
        "note: entries {}–{} of {} stay in the log, unused",
        journal.log_size,
        size - 1,
        making.identity.origin()
    ));
}

const TRUSTED_ROOT_BYTES: u64 = 4 << 20;
