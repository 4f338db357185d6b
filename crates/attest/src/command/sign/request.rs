//! What is to be signed, decided before the first file is read.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use attest_digest::{Artifact, DigestSet, Hashes, Match};
use attest_provenance::{Statement, Subject, json, limits};
use attest_sign::Unsigned;
use serde_json::{Value, json};

use super::SignArgs;
use crate::args;
use crate::command::provenance::statement::check;
use crate::command::release::refuse_other_content;
use crate::failure::{Failure, with_source};
use crate::files::{self, Overwrite};
use crate::home::{Home, real};

/// A request that can be met, as far as the arguments tell.
#[derive(Debug)]
pub(super) struct Request {
    files: Vec<PathBuf>,
    what: What,
    out: Option<PathBuf>,
    overwrite: Overwrite,
}

#[derive(Debug)]
enum What {
    /// The files' bytes.
    Messages,
    /// One statement, as it is, and where it came from.
    Statement {
        path: PathBuf,
        payload: Vec<u8>,
        statement: Box<Statement>,
    },
    /// A predicate about each file.
    Predicate {
        predicate_type: String,
        predicate: Value,
    },
}

/// One signature that will be made.
#[derive(Debug)]
pub(crate) struct Planned {
    content: Content,
    /// Where the bundle goes: several places when one statement is about several files.
    outputs: Vec<PathBuf>,
}

#[derive(Debug)]
enum Content {
    Message {
        path: PathBuf,
        artifact: Artifact,
    },
    Statement {
        path: PathBuf,
        predicate_type: String,
        payload: Vec<u8>,
    },
}

impl Request {
    /// Reads statement and predicate, and refuses outputs that are in the way.
    pub(super) fn resolve(args: &SignArgs) -> Result<Self, Failure> {
        let what = match (&args.statement, &args.predicate, &args.predicate_type) {
            (Some(path), _, _) => read_statement(path)?,
            (None, Some(path), Some(predicate_type)) => read_predicate(path, predicate_type)?,
            _ => What::Messages,
        };
        let request = Self {
            files: args.files.clone(),
            what,
            out: args.out.clone(),
            overwrite: if args.force {
                Overwrite::Force
            } else {
                Overwrite::Refuse
            },
        };
        request.check_outputs()?;
        Ok(request)
    }

    pub(super) fn files(&self) -> &[PathBuf] {
        &self.files
    }

    pub(super) const fn overwrite(&self) -> Overwrite {
        self.overwrite
    }

    /// The digests of the files that are needed: all that a statement claims must agree.
    pub(super) fn hashes(&self) -> Hashes {
        match &self.what {
            What::Statement { statement, .. } => {
                let subjects = statement.subjects().iter();
                Hashes::Sha256.with_claims(subjects.map(Subject::digests))
            }
            What::Messages | What::Predicate { .. } => Hashes::Sha256,
        }
    }

    /// The signatures to make, now that the files are read.
    pub(super) fn plan(&self, artifacts: &[Artifact]) -> Result<Vec<Planned>, Failure> {
        let files = self.files.iter().zip(artifacts);
        match &self.what {
            What::Messages => files
                .map(|(path, artifact)| {
                    let content = Content::Message {
                        path: path.clone(),
                        artifact: artifact.clone(),
                    };
                    Ok(Planned {
                        content,
                        outputs: vec![self.output(path)],
                    })
                })
                .collect(),
            What::Predicate {
                predicate_type,
                predicate,
            } => files
                .map(|(path, artifact)| {
                    let statement = statement_about(path, artifact, predicate_type, predicate)?;
                    let content = Content::Statement {
                        path: path.clone(),
                        predicate_type: predicate_type.clone(),
                        payload: statement.to_bytes(),
                    };
                    Ok(Planned {
                        content,
                        outputs: vec![self.output(path)],
                    })
                })
                .collect(),
            What::Statement {
                path,
                payload,
                statement,
            } => {
                for (file, artifact) in files {
                    require_subject(file, artifact, statement, path)?;
                }
                let content = Content::Statement {
                    path: path.clone(),
                    predicate_type: statement.predicate_type().to_owned(),
                    payload: payload.clone(),
                };
                Ok(vec![Planned {
                    content,
                    outputs: self.outputs(),
                }])
            }
        }
    }

    fn outputs(&self) -> Vec<PathBuf> {
        match &self.what {
            What::Statement { path, .. } if self.files.is_empty() => vec![self.output(path)],
            _ => self.files.iter().map(|path| self.output(path)).collect(),
        }
    }

    fn inputs(&self) -> impl Iterator<Item = &Path> {
        let statement = match &self.what {
            What::Statement { path, .. } => Some(path),
            What::Messages | What::Predicate { .. } => None,
        };
        self.files.iter().chain(statement).map(PathBuf::as_path)
    }

    fn output(&self, path: &Path) -> PathBuf {
        if let Some(out) = &self.out {
            return out.clone();
        }
        let mut name = path.as_os_str().to_owned();
        name.push(".sigstore.json");
        name.into()
    }

    fn check_outputs(&self) -> Result<(), Failure> {
        let outputs = self.outputs();
        if self.out.is_some() && outputs.len() > 1 {
            return Err(Failure::request(
                "bad-arguments",
                format!("--out names one bundle, {} files are signed", outputs.len()),
            )
            .hint("leave --out away: each bundle goes beside its file"));
        }
        let mut seen = BTreeMap::new();
        for (output, file) in outputs.iter().zip(&self.files) {
            if seen.insert(real(output), file).is_some() {
                return Err(Failure::request(
                    "bad-arguments",
                    format!("{} is named twice", file.display()),
                ));
            }
        }
        let inputs: Vec<PathBuf> = self.inputs().map(real).collect();
        if let Some(output) = outputs.iter().find(|it| inputs.contains(&real(it))) {
            let message = format!(
                "{} is what is signed, and not overwritten",
                output.display()
            );
            return Err(Failure::request("bad-arguments", message));
        }
        if self.overwrite == Overwrite::Refuse
            && let Some(path) = outputs.iter().find(|path| path.symlink_metadata().is_ok())
        {
            return Err(files::exists_failure(path));
        }
        Ok(())
    }
}

impl Planned {
    pub(super) fn unsigned(&self) -> Unsigned<'_> {
        match &self.content {
            Content::Message { artifact, .. } => Unsigned::Artifact(artifact),
            Content::Statement { payload, .. } => Unsigned::Statement(payload),
        }
    }

    pub(super) fn outputs(&self) -> &[PathBuf] {
        &self.outputs
    }

    /// Refuses a statement that gives a release of this home's archive other files.
    pub(super) fn refuse_second_release(&self, home: &Home) -> Result<(), Failure> {
        match &self.content {
            Content::Message { .. } => Ok(()),
            Content::Statement { payload, .. } => refuse_other_content(home, payload),
        }
    }

    /// The file that it is about, for messages.
    pub(super) fn shown(&self) -> String {
        match &self.content {
            Content::Message { path, .. } | Content::Statement { path, .. } => {
                path.display().to_string()
            }
        }
    }

    /// One object for each bundle.
    pub(super) fn reports(&self, log_index: u64) -> impl Iterator<Item = Value> {
        let (sha256, predicate_type) = match &self.content {
            Content::Message { artifact, .. } => (Some(artifact.sha256().hex()), None),
            Content::Statement { predicate_type, .. } => (None, Some(predicate_type)),
        };
        self.outputs.iter().map(move |output| {
            json!({
                "file": self.shown(),
                "bundle": output.display().to_string(),
                "sha256": sha256,
                "predicate_type": predicate_type,
                "log_index": log_index,
            })
        })
    }
}

fn read_statement(path: &Path) -> Result<What, Failure> {
    let payload = read(path)?;
    let statement = Statement::parse(&payload).map_err(|error| {
        Failure::request(
            error.code(),
            format!("{}: {}", path.display(), with_source(&error)),
        )
    })?;
    Ok(What::Statement {
        path: path.to_owned(),
        payload,
        statement: Box::new(statement),
    })
}

fn read_predicate(path: &Path, predicate_type: &str) -> Result<What, Failure> {
    let predicate_type = args::predicate_type(predicate_type)?;
    let bytes = read(path)?;
    let predicate = json::parse(&bytes, limits::STATEMENT).map_err(|error| {
        Failure::request(
            "predicate-malformed",
            format!("{}: {}", path.display(), with_source(&error)),
        )
    })?;
    if !predicate.is_object() {
        return Err(Failure::request(
            "predicate-malformed",
            format!("{}: a predicate is a JSON object", path.display()),
        ));
    }
    Ok(What::Predicate {
        predicate_type: predicate_type.written().to_owned(),
        predicate,
    })
}

fn statement_about(
    path: &Path,
    artifact: &Artifact,
    predicate_type: &str,
    predicate: &Value,
) -> Result<Statement, Failure> {
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .ok_or_else(|| {
            Failure::request(
                "name-not-utf8",
                format!("{} has no name that a statement can carry", path.display()),
            )
        })?;
    let malformed =
        |error: &dyn std::error::Error, code| Failure::request(code, with_source(error));
    let mut digests = DigestSet::new();
    digests
        .insert_digest(artifact.sha256())
        .map_err(|error| malformed(&error, error.code()))?;
    let subject = Subject::new(name, digests).map_err(|error| malformed(&error, error.code()))?;
    let statement = Statement::new(vec![subject], predicate_type, predicate.clone())
        .map_err(|error| malformed(&error, error.code()))?;
    // What is signed is what its type says, or nobody could use it.
    check(&statement, None)?;
    Ok(statement)
}

fn require_subject(
    file: &Path,
    artifact: &Artifact,
    statement: &Statement,
    path: &Path,
) -> Result<(), Failure> {
    let mut subjects = statement.subjects().iter();
    if subjects.any(|subject| artifact.compare(subject.digests()) == Match::Same) {
        return Ok(());
    }
    Err(Failure::request(
        "subject-missing",
        format!(
            "{} has {}, which is no subject of {}",
            file.display(),
            artifact.sha256(),
            path.display()
        ),
    ))
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    files::read_limited(path, limits::STATEMENT.bytes as u64).map_err(|error| {
        Failure::request(
            "statement-unreadable",
            format!("{}: {error}", path.display()),
        )
    })
}
