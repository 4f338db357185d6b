//! How long a release is kept: what was signed about it, read and proven.

use std::collections::BTreeMap;
use std::path::Path;

use attest_archive::{
    AttachedFileInput, Attachment, AttachmentInput, AttachmentKind, Keeping, KeptKeeping, Reader,
    Release, Said, Seal, Source, Store, Term,
};
use attest_digest::{Digest, RelativePath};
use attest_policy::Policy;
use attest_provenance::{ReleaseName, Statement};
use attest_verify::{Accept, Bundle, Content, Evidence, TrustedRoot, Verifier};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{archive_failure, damage_failure, proof, show};
use crate::args::{Global, HomeArgs};
use crate::audit::{self, Change};
use crate::clock::Now;
use crate::command::sign::sign_to_bytes;
use crate::command::verify::{Session, Shelf};
use crate::console::{Console, escape};
use crate::failure::{Exit, Failure, with_source};
use crate::report::Refusal;
use crate::trust::{self, Trust};

/// What proves statements about keeping: signed by the expected signer, logged, at a trusted time.
pub(crate) fn session(trust: Trust, now: Timestamp) -> Result<Session, Failure> {
    let verifier = Verifier::new(trust.roots.clone(), now, Accept::default())
        .map_err(|error| Failure::request("trusted-root-malformed", with_source(&error)))?;
    let policy = Policy::expecting(trust.signers.clone());
    Ok(Session::new(verifier, policy, trust))
}

/// What the home's own key has said of a release, and what follows.
pub(super) fn own(
    home: &HomeArgs,
    reader: &Reader,
    release: &Release<'_>,
    now: Now,
) -> Result<Term, Failure> {
    let session = session(trust::of_home(&home.home())?, now.time)?;
    let roots = session.trust.roots.clone();
    term(reader, release, &session, &roots, now.time)
}

/// What was said of a release, proven or not, and what follows.
pub(crate) fn term(
    reader: &Reader,
    release: &Release<'_>,
    session: &Session,
    roots: &[TrustedRoot],
    now: Timestamp,
) -> Result<Term, Failure> {
    let kept = kept(reader, release, Some(session))?;
    let proof = proof::of(reader, release, &BTreeMap::new(), None, roots, now);
    Ok(Term::of(proof.signed, &kept))
}

/// What was said of a release; proven is only what a session proves.
pub(super) fn kept(
    reader: &Reader,
    release: &Release<'_>,
    session: Option<&Session>,
) -> Result<Vec<KeptKeeping>, Failure> {
    let mut kept = Vec::new();
    for kind in [AttachmentKind::Retention, AttachmentKind::Hold] {
        let attachments = reader
            .attachments_of_kind(Some(release.manifest()), &kind)
            .map_err(|error| damage_failure(&error))?;
        for attachment in &attachments {
            kept.push(one(attachment, release, session)?);
        }
    }
    Ok(kept)
}

fn one(
    attachment: &Attachment<'_>,
    release: &Release<'_>,
    session: Option<&Session>,
) -> Result<KeptKeeping, Failure> {
    let unread = KeptKeeping {
        attachment: attachment.manifest(),
        proven: None,
        said: None,
    };
    let [file] = attachment.files() else {
        return Ok(unread);
    };
    let bytes = attachment
        .unverified_bytes(file.path(), STATEMENT_BYTES)
        .map_err(|error| damage_failure(&error))?;
    let said = |statement: &Statement| {
        let name = release.name().to_string();
        let read = Keeping::from_statement(statement, &name, release.manifest());
        read.ok().map(|it| it.said)
    };
    let evidence = session.and_then(|it| proven(&bytes, it).ok());
    if let Some(evidence) = &evidence
        && let (Some(statement), Some(time)) = (evidence.statement(), Seal::of(evidence))
    {
        return Ok(KeptKeeping {
            proven: Some(time),
            said: said(statement),
            ..unread
        });
    }
    Ok(KeptKeeping {
        said: claimed(&bytes).as_ref().and_then(said),
        ..unread
    })
}

/// The evidence of a bundle with a statement that the expected signer has signed; else why it is none.
pub(super) fn proven(bytes: &[u8], session: &Session) -> Result<Evidence, String> {
    let mut shelf = Shelf::new();
    let numbers = shelf.take(Path::new("keeping"), Ok::<_, Refusal>(bytes.to_vec()));
    let &[number] = numbers.as_slice() else {
        return Err("it is not one bundle".to_owned());
    };
    shelf.prove_statement(number, session);
    let Some(evidence) = shelf.evidence(number) else {
        let refusal = shelf.refusals(number).into_iter().next();
        let words = refusal.map(|it| format!("{}: {}", it.code, it.found));
        return Err(words.unwrap_or_else(|| "it has no statement".to_owned()));
    };
    if session.policy.signers().count(&[evidence]) == 0 {
        return Err(format!("it is signed by {}", evidence.signer()));
    }
    Ok(evidence.clone())
}

/// The statement of a bundle, whoever made it.
fn claimed(bytes: &[u8]) -> Option<Statement> {
    let bundle = Bundle::parse(bytes).ok()?;
    match bundle.content() {
        Content::Envelope(envelope) => Statement::parse(envelope.unverified_payload()).ok(),
        Content::Message { .. } => None,
    }
}

/// What is about to be signed, and where it is kept.
pub(super) struct Saying<'a> {
    pub(super) home: &'a HomeArgs,
    pub(super) archive: &'a Path,
    /// Its words, and with a dot the event of the audit trail.
    pub(super) command: &'static str,
    pub(super) event: &'static str,
    pub(super) now: Now,
}

impl Saying<'_> {
    /// Signs what is said of a release with the home's key, and attaches it to the release.
    pub(super) fn say(
        &self,
        release: &Release<'_>,
        said: Said,
        global: &Global,
    ) -> Result<Digest, Failure> {
        let (kind, name) = match &said {
            Said::Retention(_) => (AttachmentKind::Retention, "retention.sigstore.json"),
            _ => (AttachmentKind::Hold, "hold.sigstore.json"),
        };
        let keeping = Keeping {
            release: release.name().to_string(),
            manifest: release.manifest(),
            said,
        };
        let statement = keeping
            .statement()
            .map_err(|error| Failure::request("bad-arguments", with_source(&error)))?;
        let bundle = sign_to_bytes(self.home, global, &statement.to_bytes())?;
        let path = RelativePath::parse(name)
            .map_err(|problem| Failure::unknown("internal-error", problem.to_string()))?;
        let input = AttachmentInput {
            subject: Some(release.name().clone()),
            kind,
            created: self.now.time,
            files: vec![AttachedFileInput {
                path,
                media_type: BUNDLE_TYPE.to_owned(),
                source: Source::Bytes(&bundle),
                expected: None,
            }],
        };
        let change = Change::new(self.event)
            .release(release.name())
            .path(self.archive);
        audit::traced(&self.home.home(), change, |change| {
            let mut store = Store::open(self.archive).map_err(|error| archive_failure(&error))?;
            let added = store
                .attach(&input)
                .map_err(|error| archive_failure(&error))?;
            let made = added.manifests.first().map(|(made, _)| *made);
            let made =
                made.ok_or_else(|| Failure::unknown("internal-error", "nothing was attached"))?;
            change.made(made);
            Ok(made)
        })
    }

    /// What holds now, by what is kept: read again.
    pub(super) fn answer(
        &self,
        name: &ReleaseName,
        attachment: Digest,
        console: &Console,
    ) -> Result<Exit, Failure> {
        let reader = Reader::open(self.archive).map_err(|error| damage_failure(&error))?;
        let term = own(self.home, &reader, &find(&reader, name)?, self.now)?;
        if console.is_json() {
            console.json(&json!({
                "version": 1,
                "command": self.command,
                "answer": Exit::Yes.word(),
                "exit": Exit::Yes.number(),
                "release": name.to_string(),
                "attachment": attachment.to_string(),
                "keeping": object(&term),
            }));
            return Ok(Exit::Yes);
        }
        console.say(name.to_string());
        for line in lines(&term) {
            console.say(format!("kept       {}", escape(&line)));
        }
        console.say(format!("signed     {attachment}"));
        Ok(Exit::Yes)
    }
}

/// The release of that name, which must be there.
pub(super) fn find<'r>(reader: &'r Reader, name: &ReleaseName) -> Result<Release<'r>, Failure> {
    let release = reader.find(name).map_err(|error| damage_failure(&error))?;
    release.ok_or_else(|| show::missing(name))
}

/// What people read: until when, and what holds it longer.
pub(crate) fn lines(term: &Term) -> Vec<String> {
    let mut lines = vec![match &term.until {
        Some(until) if term.is_said => format!("until {until} ({})", term.class),
        Some(until) => format!(
            "until {until} ({}, as every release of which nothing else was said)",
            term.class
        ),
        None => "until further notice: nothing proves since when its years count".to_owned(),
    }];
    let holds = term.holds.iter();
    lines.extend(holds.map(|(attachment, reason)| format!("on hold: {reason} ({attachment})")));
    lines
}

pub(crate) fn object(term: &Term) -> Value {
    let holds = term.holds.iter().map(
        |(attachment, reason)| json!({ "attachment": attachment.to_string(), "reason": reason }),
    );
    json!({
        "until": term.until.map(|it| it.to_string()),
        "class": term.class,
        "said": term.is_said,
        "holds": holds.collect::<Vec<_>>(),
    })
}

pub(super) const BUNDLE_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
/// A signed statement has a few kibibytes; one that lifts a thousand holds, a hundred.
const STATEMENT_BYTES: u64 = 1 << 20;
