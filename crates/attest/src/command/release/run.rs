//! The making of a release, step by step.

use std::collections::BTreeSet;

use attest_archive::{MemberInput, ReleaseInput, Role, Source, Store};
use attest_digest::{Artifact, Hashes, RelativePath};
use attest_log::Log;
use attest_provenance::ci;
use attest_sign::{Holder, SignError, Signed, Signer, Timestamper, Unsigned};
use attest_verify::{Accept, TrustedRoot, Verifier};
use jiff::Timestamp;

use super::by_services::{ByServices, Drawer, SignedRelease};
use super::compose::{Composed, Document, Ingredients, SignedBy, compose};
use super::content::{self, Content};
use super::journal::{Journal, JournaledLog};
use super::make::Making;
use super::ours::archive_failure;
use super::plan::changed;
use super::publish::{Publication, publish_folder, surplus};
use super::report::{Logged, Outcome};
use super::request::Request;
use super::reserved::{CHECKSUMS_BUNDLE, CHECKSUMS_SIGNATURE};
use super::selfcheck::{self, Checked, Pins};
use super::stage::{Bound, Stage};
use super::tree::Modes;
use crate::audit::{self, Change};
use crate::failure::{Failure, with_source};
use crate::files::{self, Overwrite};

/// One making run, from the stage to the published files.
pub(super) struct Run<'a, 's> {
    pub(super) making: &'a Making<'a>,
    pub(super) log: &'a mut Log<'s>,
    pub(super) store: &'a mut Store,
    pub(super) journal: &'a mut Journal,
    pub(super) token: &'a str,
    pub(super) now: Timestamp,
    pub(super) change: &'a mut Change,
}

/// What stands in the stage.
struct Staged {
    contents: Vec<Content>,
    documents: Vec<Document>,
    logged: Logged,
    statements: u32,
    /// Whom the certificates name, if there are any.
    holder: Option<Holder>,
}

impl Run<'_, '_> {
    pub(super) fn go(&mut self, contents: Option<&[Content]>) -> Result<Outcome, Failure> {
        let (making, request) = (self.making, self.making.request);
        let stage = Stage::create(making.stage_place(self.token))?;
        let (contents, bound) = self.fill(&stage, contents)?;
        let trusted_root = making.trusted_root()?;
        // As the files are published: where they stand, or in the copy.
        let modes = match &request.out {
            None => Modes::of(&making.survey.plan.folder, &contents)?,
            Some(_) => Modes::of(stage.path(), &contents)?,
        };
        let staged = self.sign(contents, &modes, &trusted_root)?;
        let pins = making.pins(staged.holder.as_ref(), &trusted_root);
        stage.write(&staged.documents)?;
        let checked = selfcheck::verify(stage.path(), &pins)?;
        making.survey.plan.still_stands(&making.survey.leftovers)?;
        if let Some(bound) = &bound {
            bound.still_stand(&making.survey.plan)?;
        }
        let written = published_names(&staged);
        let surplus = surplus(&making.survey.present, &written);
        let ready = self.make_ready(&stage, &staged, surplus)?;
        self.keep_trusted_root(&trusted_root)?;
        self.commit(&stage, &staged)?;
        if let Some(by) = making.by {
            by.done(making.identity.home(), &request.name)
                .map_err(|failure| recorded(request, &failure))?;
        }
        audit::head::keep(making.identity, self.store, &request.name, self.now)
            .map_err(|failure| recorded(request, &failure))?;
        // From here on the release is made; what is left is giving files their names.
        ready
            .publish(stage, request, &written)
            .map_err(|failure| recorded(request, &failure))?;
        Ok(self.outcome(staged, checked, pins))
    }

    fn fill(
        &self,
        stage: &Stage,
        contents: Option<&[Content]>,
    ) -> Result<(Vec<Content>, Option<Bound>), Failure> {
        let (making, plan) = (self.making, &self.making.survey.plan);
        if let (None, Some(contents)) = (&making.request.out, contents) {
            let bound = stage.bind(plan)?;
            return Ok((contents.to_vec(), Some(bound)));
        }
        content::make_folders(stage.path(), plan.artifacts.iter().map(|file| &file.path))?;
        let copied = making.with_roles(content::copy(plan, stage.path(), making.console)?)?;
        for (one, other) in copied.iter().zip(contents.unwrap_or_default()) {
            if one.artifact != other.artifact {
                return Err(changed(one.path.as_str()));
            }
        }
        Ok((copied, None))
    }

    fn sign(
        &mut self,
        contents: Vec<Content>,
        modes: &Modes,
        trusted_root: &[u8],
    ) -> Result<Staged, Failure> {
        let making = self.making;
        let sboms: Vec<_> = making
            .request
            .sboms
            .iter()
            .map(|sbom| (sbom.path.clone(), sbom.media_type))
            .collect();
        let (ours, now) = (SignedBy::Key(making.identity.signing_key()), self.now);
        let compose = |signer: SignedBy<'_>, drawer: Option<&Drawer>| {
            compose(&Ingredients {
                name: &making.request.name,
                contents: &contents,
                sboms: &sboms,
                signer,
                gpg: making.request.gpg.as_ref(),
                drawer,
                now,
                has_tokens: making.by.is_none_or(ByServices::has_authorities),
                trusted_root,
                source: making.request.repository.source(),
                ci: ci::Record::from_environment(std::env::vars_os()),
                records: &making.request.records,
                modes,
            })
        };
        let made = if let Some(by) = making.by {
            by.sign(making, |signer, drawer| compose(signer, Some(drawer)))?
        } else {
            let composed = compose(ours, None)?;
            let signed = self.sign_all(&composed, &verifier(trusted_root, now)?)?;
            SignedRelease {
                composed,
                signed,
                holder: None,
            }
        };
        let statements = making.survey.parts.statements();
        let logged = match making.by {
            Some(_) => Logged::by_others(&made.signed),
            None => Logged::by_signer(&made.signed, making.identity.origin()),
        };
        let holder = made.holder.clone();
        let mut documents = documents(made)?;
        for sbom in making.survey.sboms_outside(making.request) {
            documents.push(Document {
                path: sbom.path.clone(),
                role: Role::Sbom,
                bytes: sbom.bytes.clone(),
            });
        }
        Ok(Staged {
            contents,
            documents,
            logged,
            statements,
            holder,
        })
    }

    /// Statements first, the checksums file last.
    fn sign_all(
        &mut self,
        composed: &Composed,
        verifier: &Verifier,
    ) -> Result<Vec<Signed>, Failure> {
        let (making, home) = (self.making, self.making.identity.home());
        let local = making.identity.authority.at(self.now);
        let timestamper: &dyn Timestamper = match &making.request.foreign {
            Some(foreign) => &foreign.service,
            None => &local,
        };
        let mut log = JournaledLog {
            log: self.log,
            home,
            journal: self.journal,
        };
        let unsigned: Vec<Unsigned<'_>> = composed
            .statements
            .iter()
            .map(|(_, statement)| Unsigned::Statement(statement))
            .chain([Unsigned::Artifact(&composed.checksums)])
            .collect();
        Signer::new(
            making.identity.signing_key(),
            timestamper,
            &mut log,
            verifier,
        )
        .sign(&unsigned)
        .map_err(|error| sign_failure(&error))
    }

    fn make_ready(
        &self,
        stage: &Stage,
        staged: &Staged,
        surplus: Vec<RelativePath>,
    ) -> Result<Ready, Failure> {
        if self.making.request.out.is_some() {
            stage.sync()?;
            return Ok(Ready::Folder { surplus });
        }
        let folder = &self.making.request.folder;
        let publication =
            Publication::prepare(folder, staged.documents.iter(), surplus, self.token)?;
        Ok(Ready::Files(publication))
    }

    /// A new authority is trusted from the release on that it has timestamped.
    fn keep_trusted_root(&self, trusted_root: &[u8]) -> Result<(), Failure> {
        if self.making.request.foreign.is_none() {
            return Ok(());
        }
        let home = self.making.identity.home();
        let path = home.trusted_root();
        let digest = Artifact::of_bytes(trusted_root, Hashes::Sha256).sha256();
        let change = Change::new("trust.write").path(&path).digest(digest);
        audit::traced(home, change, |_| {
            files::write(&path, trusted_root, 0o644, Overwrite::Force)
        })
    }

    fn commit(&mut self, stage: &Stage, staged: &Staged) -> Result<(), Failure> {
        let artifacts = staged
            .contents
            .iter()
            .filter(|content| !staged.documents.iter().any(|it| it.path == content.path))
            .map(|content| member(stage, content));
        let documents = staged.documents.iter().map(|document| MemberInput {
            path: document.path.clone(),
            role: document.role,
            source: Source::Bytes(&document.bytes),
            expected: None,
        });
        let release = ReleaseInput {
            name: self.making.request.name.clone(),
            members: artifacts.chain(documents).collect(),
        };
        let added = self
            .store
            .add(&release)
            .map_err(|error| archive_failure(&error))?;
        self.change.made(added.manifest);
        Ok(())
    }

    fn outcome(&self, staged: Staged, checked: Checked, pins: Pins) -> Outcome {
        let making = self.making;
        Outcome {
            home: making.identity.home().path().to_owned(),
            is_new_identity: making.is_new,
            protected: making.identity.protected,
            place: making.request.target().to_owned(),
            files: staged.contents.len(),
            bytes: staged
                .contents
                .iter()
                .map(|content| content.artifact.size())
                .sum(),
            statements: staged.statements,
            authority: match (making.by, &making.request.foreign) {
                (Some(_), _) => Some(staged.logged.authorities.join(", ")),
                (None, Some(foreign)) => Some(foreign.service.host().to_owned()),
                (None, None) => None,
            },
            logged: Some(staged.logged),
            times: checked.times,
            written: staged
                .documents
                .iter()
                .map(|it| it.path.to_string())
                .collect(),
            removed: Vec::new(),
            pins,
            notes: making.notes.clone(),
        }
    }
}

/// All names at the place to publish when this run is done.
fn published_names(staged: &Staged) -> BTreeSet<RelativePath> {
    let documents = staged
        .documents
        .iter()
        .map(|document| document.path.clone());
    let contents = staged.contents.iter().map(|content| content.path.clone());
    documents.chain(contents).collect()
}

/// What has to be done after the commit.
enum Ready {
    /// The stage becomes the copy, or goes into it.
    Folder { surplus: Vec<RelativePath> },
    /// Files that only lack their names.
    Files(Publication),
}

impl Ready {
    fn publish(
        self,
        stage: Stage,
        request: &Request,
        written: &BTreeSet<RelativePath>,
    ) -> Result<(), Failure> {
        match self {
            Self::Files(publication) => publication.commit(),
            Self::Folder { surplus } => {
                publish_folder(stage, request.target(), written.iter(), &surplus)
            }
        }
    }
}

/// The release is made and cannot be unmade: the next run gives the rest of the files their names.
fn recorded(request: &Request, failure: &Failure) -> Failure {
    Failure::unknown(
        "not-published",
        format!(
            "{} is signed and recorded; {}",
            request.name, failure.message
        ),
    )
    .hint("run the same command again: it writes what is missing and signs nothing")
}

fn sign_failure(error: &SignError) -> Failure {
    Failure::unknown(error.code(), with_source(error))
}

fn member<'a>(stage: &Stage, content: &Content) -> MemberInput<'a> {
    MemberInput {
        path: content.path.clone(),
        role: content.role,
        source: Source::Path(stage.path().join(content.path.as_str())),
        expected: Some(content.artifact.sha256()),
    }
}

/// Our own files with the bundles beside them.
fn documents(made: SignedRelease) -> Result<Vec<Document>, Failure> {
    let SignedRelease {
        composed,
        signed,
        holder,
    } = made;
    let mut documents = composed.documents;
    for ((name, _), signed) in composed.statements.iter().zip(&signed) {
        documents.push(Document::new(
            name,
            Role::Evidence,
            signed.bundle().to_vec(),
        )?);
    }
    let checksums = signed
        .last()
        .ok_or_else(|| Failure::unknown("internal-error", "the checksums file was not signed"))?;
    let bundle = checksums.bundle().to_vec();
    documents.push(Document::new(CHECKSUMS_BUNDLE, Role::Evidence, bundle)?);
    // Of the key of a certificate nothing is left that openssl could be given.
    if holder.is_none() {
        let signature = checksums.signature().to_vec();
        documents.push(Document::new(
            CHECKSUMS_SIGNATURE,
            Role::Evidence,
            signature,
        )?);
    }
    Ok(documents)
}

/// Trusts what acquirers are given, and nothing else.
fn verifier(trusted_root: &[u8], now: Timestamp) -> Result<Verifier, Failure> {
    let malformed = |error: attest_verify::TrustedRootError| {
        Failure::request(
            "trusted-root-malformed",
            format!("the home's trusted root: {error}"),
        )
    };
    let root = TrustedRoot::parse(trusted_root).map_err(malformed)?;
    Verifier::new(vec![root], now, Accept::default()).map_err(malformed)
}
