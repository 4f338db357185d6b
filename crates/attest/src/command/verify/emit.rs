//! `--emit-vsa`: signs the verdict as a verification summary, so that who comes later checks one
//! signature.
//!
//! 1. Before anything is read: verifier and resource are named, the file is not in the way, the home's
//!    keys are open.
//! 2. Only after a yes about every subject: the summary says what was verified, by which policy and
//!    evidence, and the lowest build level that was shown of any file; none that nobody asked for.
//! 3. It is signed, logged and timestamped as every statement, verified, and only then written.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use attest_digest::{Artifact, Digest, DigestSet, Hashes};
use attest_policy::Emits;
use attest_policy::slsa::{Level, Track, VsaExpectations};
use attest_provenance::predicate::vsa::{self, VerificationResult, Vsa};
use attest_provenance::{ResourceDescriptor, Statement, Subject as Named, json, relative_uri};
use attest_sign::{Signer, Unsigned};
use clap::Args;
use serde_json::{Value, json};

use super::subject::Subject;
use super::{Judge, VerifyArgs};
use crate::args::{Global, HomeArgs, SummaryArgs};
use crate::command::init::refuse_given_time;
use crate::command::sign;
use crate::failure::{Exit, Failure, with_source};
use crate::files::{self, Overwrite};
use crate::home::real;
use crate::identity::Identity;
use crate::report::{Emitted, EvidenceState, Report, SubjectReport, Verdict};
use crate::trust;

/// Where the verdict goes, and who signs it.
#[derive(Debug, Args)]
#[command(next_help_heading = "Signing the verdict")]
pub(crate) struct EmitArgs {
    /// When everything verified, write a verification summary (VSA) of it here, signed by the home's key
    #[arg(long, value_name = "FILE")]
    emit_vsa: Option<PathBuf>,
    #[command(flatten)]
    home: HomeArgs,
}

impl EmitArgs {
    /// Whether a summary is to be written.
    pub(super) const fn is_given(&self) -> bool {
        self.emit_vsa.is_some()
    }
}

/// A summary to be written, whose keys are open.
pub(super) struct Emission {
    to: PathBuf,
    overwrite: Overwrite,
    verifier: String,
    resource: String,
    identity: Identity,
}

impl Emission {
    /// # Errors
    /// `bad-expectation`, `bad-arguments`, `policy-conflict`, `file-exists`, and what opening the identity
    /// says: exit 2.
    pub(super) fn plan(
        args: &VerifyArgs,
        global: &Global,
        subjects: &[Subject],
        judge: Option<&Judge>,
    ) -> Result<Option<Self>, Failure> {
        let Some(to) = &args.emit.emit_vsa else {
            return Ok(None);
        };
        let Emits { verifier, resource } = names(&args.summary, judge)?;
        refuse_given_time(global)?;
        VsaExpectations::new(&verifier, &resource)
            .map_err(|error| Failure::request("bad-expectation", error))?;
        refuse_a_subject(to, subjects)?;
        refuse_one_name(subjects)?;
        if !args.force && to.symlink_metadata().is_ok() {
            return Err(files::exists_failure(to));
        }
        let home = &args.emit.home;
        Ok(Some(Self {
            to: to.clone(),
            overwrite: if args.force {
                Overwrite::Force
            } else {
                Overwrite::Refuse
            },
            verifier,
            resource,
            identity: Identity::open(&home.home(), home.password())?,
        }))
    }

    /// Signs and writes what a report says, if it is a yes.
    ///
    /// # Errors
    /// `vsa-not-written` and what signing and writing say: exit 3.
    pub(super) fn run(
        self,
        report: &mut Report,
        policy: ResourceDescriptor,
        global: &Global,
    ) -> Result<(), Failure> {
        if report.exit() != Exit::Yes {
            return Ok(());
        }
        let now = global.now()?.time;
        let level = level_of(report);
        let summary = Vsa {
            verifier_id: self.verifier.clone(),
            time_verified: Some(now),
            resource_uri: self.resource.clone(),
            policy,
            input_attestations: inputs(report),
            result: VerificationResult::Passed,
            verified_levels: vec![level.to_string()],
            dependency_levels: BTreeMap::new(),
            slsa_version: Some("1.2".to_owned()),
        };
        let not_written =
            |error: &dyn std::error::Error| Failure::unknown("vsa-not-written", with_source(error));
        let subjects = subjects(report).map_err(|error| not_written(&error))?;
        refuse_two_digests(&subjects)?;
        let statement = Statement::new(subjects, vsa::TYPE, summary.to_json())
            .map_err(|error| not_written(&error))?;
        let payload = statement.to_bytes();
        let mut log = self.identity.open_log()?;
        let verifier = sign::verifier(self.identity.home(), now)?;
        let authority = self.identity.authority.at(now);
        let key = &self.identity.artifact_key;
        let signed = Signer::new(key, &authority, &mut log, &verifier)
            .sign(&[Unsigned::Statement(&payload)])
            .map_err(|error| Failure::unknown(error.code(), with_source(&error)))?;
        let Some(signed) = signed.first() else {
            return Err(Failure::unknown("vsa-not-written", "nothing was signed"));
        };
        self.check(signed.evidence(), &level)?;
        files::write(&self.to, signed.bundle(), 0o644, self.overwrite)?;
        report.emitted = Some(Emitted {
            to: self.to.display().to_string(),
            verifier: self.verifier,
            resource: self.resource,
            level: level.to_string(),
            key: format!("sha256:{}", hex::encode(key.fingerprint())),
        });
        Ok(())
    }

    /// What is handed out is what would be accepted.
    fn check(&self, evidence: &attest_verify::Evidence, level: &Level) -> Result<(), Failure> {
        let refused = |words: String| Failure::unknown("vsa-not-written", words);
        let expected = VsaExpectations::new(&self.verifier, &self.resource)
            .and_then(|it| it.of_level(&level.to_string()))
            .map_err(|error| refused(error.to_string()))?;
        let judged = expected.judge(evidence);
        let reason = |it: Vec<attest_policy::Reason>| it.first().map(ToString::to_string);
        judged
            .map(|_| ())
            .map_err(|it| refused(reason(it).unwrap_or_default()))
    }
}

/// Who verifies, and as what: as flags say, or the policy; not two things.
fn names(args: &SummaryArgs, judge: Option<&Judge>) -> Result<Emits, Failure> {
    let own = judge.and_then(|it| it.rules.closure().emits());
    let one = |flag: &str, given: &Option<String>, own: Option<&String>| match (given, own) {
        (Some(given), Some(own)) if given != own => Err(Failure::request(
            "policy-conflict",
            format!("{flag} {given:?} beside a policy that says {own:?}"),
        )),
        (Some(text), _) | (None, Some(text)) => Ok(text.clone()),
        (None, None) => Err(Failure::request(
            "bad-arguments",
            format!("--emit-vsa needs {flag}, or a policy with [emit]"),
        )),
    };
    Ok(Emits {
        verifier: one(
            "--vsa-verifier-id",
            &args.vsa_verifier_id,
            own.map(|it| &it.verifier),
        )?,
        resource: one(
            "--vsa-resource-uri",
            &args.vsa_resource_uri,
            own.map(|it| &it.resource),
        )?,
    })
}

/// By what was judged: the policy by its own digest, or the flags in a form that says the same in the same
/// bytes.
pub(super) fn judged_by(
    args: &VerifyArgs,
    report: &Report,
    judge: Option<&Judge>,
) -> Result<ResourceDescriptor, Failure> {
    let flags = policy(args, report);
    let Some(judge) = judge else {
        return described(flags);
    };
    let closure = judge.rules.closure();
    let name = judge.named.path.file_name().and_then(|it| it.to_str());
    let annotations = json!({
        "name": closure.name(),
        "serial": closure.serial(),
        "includes": closure.files().map(|(file, digest)| (file.to_owned(), json!(digest.hex()))).collect::<serde_json::Map<_, _>>(),
        "trust": flags.get("trust"),
        "release": flags.get("release"),
        "build": flags.get("build"),
        "denied_identities": flags.get("denied_identities"),
    });
    Ok(ResourceDescriptor {
        uri: name.map(relative_uri),
        digests: closure.digest().into(),
        annotations: annotations.as_object().cloned(),
        ..ResourceDescriptor::default()
    })
}

/// What the flags ask for, and what they let pass. Which evidence decided, the summary says itself: where it was
/// looked for (`--bundle`) lets nothing more pass.
fn policy(args: &VerifyArgs, report: &Report) -> Value {
    let mut build = serde_json::Map::new();
    for (name, value) in args.build.words() {
        let values = build.entry(name).or_insert_with(|| json!([]));
        if let Value::Array(values) = values {
            values.push(json!(value));
        }
    }
    if let Some(level) = args.build.level() {
        build.insert("slsa-level".to_owned(), json!(level));
    }
    json!({
        "signer": report.signer,
        "require": args.trust.signers.require,
        "trust": report.trust.iter().map(|it| json!({ "what": it.what, "sha256": it.sha256 })).collect::<Vec<_>>(),
        "accept": trust::accepted_words(&args.trust),
        "independent": report.independent,
        "types": args.trust.types,
        "release": args.release,
        "build": build,
        "allow_extra": args.allow_extra,
        "ignore_missing": args.ignore_missing,
        "denied_identities": args.trust.signers.deny_identity,
    })
}

/// A policy by its digest, with what it says.
fn described(policy: Value) -> Result<ResourceDescriptor, Failure> {
    let bytes = json::canonical(&policy)
        .map_err(|error| Failure::unknown("vsa-not-written", with_source(&error)))?;
    let annotations = match policy {
        Value::Object(fields) => Some(fields),
        _ => None,
    };
    Ok(ResourceDescriptor {
        uri: Some(FLAGS.to_owned()),
        digests: Artifact::of_bytes(&bytes, Hashes::Sha256).sha256().into(),
        annotations,
        ..ResourceDescriptor::default()
    })
}

/// Policies that were given as flags: the digest is of the annotations in their canonical form
/// (RFC 8785).
const FLAGS: &str = "https://attest.dev/policies/flags/v1";

/// The files that were verified.
fn subjects(report: &Report) -> Result<Vec<Named>, attest_provenance::StatementError> {
    let of_subject = |subject: &SubjectReport| {
        let is_alone = !matches!(subject.kind, "folder" | "checksums" | "image");
        let files = subject.files.iter();
        let verified = files.filter(|it| matches!(it.verdict, Verdict::Verified));
        verified
            .filter_map(|it| {
                let digest = Digest::parse(&format!("sha256:{}", it.sha256.as_ref()?)).ok()?;
                let name = match subject.kind {
                    "digest" => "",
                    _ if is_alone => it.path.rsplit('/').next().unwrap_or_default(),
                    _ => &it.path,
                };
                Some(Named::new(name, DigestSet::from(digest)))
            })
            .collect::<Vec<_>>()
    };
    report.subjects.iter().flat_map(of_subject).collect()
}

/// A summary of one name and two digests would contradict itself: no reader takes either.
fn refuse_two_digests(subjects: &[Named]) -> Result<(), Failure> {
    let mut known: BTreeMap<&str, &DigestSet> = BTreeMap::new();
    for subject in subjects {
        let Some(name) = subject.name() else { continue };
        let digests = subject.digests();
        if *known.entry(name).or_insert(digests) != digests {
            let message = format!("{name:?} stands for two files, of two subjects");
            return Err(Failure::unknown("vsa-not-written", message)
                .hint("write a summary of each, one after the other"));
        }
    }
    Ok(())
}

/// The evidence that decided, by the digest of the file that holds it.
fn inputs(report: &Report) -> Vec<ResourceDescriptor> {
    let decided = report.subjects.iter().flat_map(|it| &it.decided_by);
    let mut by_digest = BTreeMap::new();
    for evidence in decided.filter_map(|it| report.evidence.get(*it)) {
        if let Some(digest) = evidence.digest {
            let name = evidence.place.rsplit('/').next().unwrap_or_default();
            let name = name.split('#').next().unwrap_or_default();
            by_digest.entry(digest.hex()).or_insert((name, digest));
        }
    }
    let described = |(name, digest): (&str, Digest)| ResourceDescriptor {
        uri: Some(relative_uri(name)),
        digests: digest.into(),
        ..ResourceDescriptor::default()
    };
    by_digest.into_values().map(described).collect()
}

/// The lowest build level of any subject; of one file or image the highest that its evidence shows, and of
/// many the lowest, since each piece may be about another one.
fn level_of(report: &Report) -> Level {
    let of_subject = |subject: &SubjectReport| {
        // By a policy each rule has said what it shows; of images each has been asked.
        if !subject.rules.is_empty() || subject.kind == "image" {
            return subject.built;
        }
        let decided = subject.decided_by.iter();
        let evidence = decided.filter_map(|it| report.evidence.get(*it));
        let levels = evidence
            .filter_map(|it| match &it.state {
                EvidenceState::Proven(proven) => proven.build.as_ref(),
                _ => None,
            })
            .map(attest_policy::slsa::SlsaFindings::level);
        match subject.kind {
            "folder" | "checksums" => levels.min(),
            _ => levels.max(),
        }
    };
    let levels: Option<Vec<u8>> = report.subjects.iter().map(of_subject).collect();
    match levels.and_then(|it| it.into_iter().min()) {
        Some(level) => Level::Number(Track::Build, level),
        None => Level::Unevaluated(Track::Build),
    }
}

/// What is verified is not written over.
fn refuse_a_subject(to: &Path, subjects: &[Subject]) -> Result<(), Failure> {
    let same = |it: &Subject| match it {
        Subject::File(path) | Subject::Sums { path, .. } => real(path) == real(to),
        _ => false,
    };
    if subjects.iter().any(same) {
        let message = format!("--emit-vsa {} is what is verified", to.display());
        return Err(Failure::request("bad-arguments", message));
    }
    Ok(())
}

/// A file is named by its last part: of two files of one name a reader could not tell which is meant.
fn refuse_one_name(subjects: &[Subject]) -> Result<(), Failure> {
    let mut names = BTreeSet::new();
    for subject in subjects {
        let Subject::File(path) = subject else {
            continue;
        };
        if path.file_name().is_some_and(|it| !names.insert(it)) {
            let message = format!(
                "--emit-vsa: {} is not the only subject of its name",
                path.display()
            );
            return Err(Failure::request("bad-arguments", message)
                .hint("write a summary of each, one after the other"));
        }
    }
    Ok(())
}
