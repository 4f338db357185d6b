//! `attest provenance statement`: a statement of any type about files or digests.

use std::path::{Path, PathBuf};

use attest_digest::{Artifact, Hashes};
use attest_provenance::predicate::reference::{self, Reference};
use attest_provenance::predicate::{Claimed, TypeName, custom, slsa};
use attest_provenance::{Statement, json, limits};
use clap::Args;
use serde_json::{Value, json};

use super::desk::{Desk, DeskArgs};
use super::subject::{NamedSubject, name_of};
use crate::args::{Global, predicate_type};
use crate::command::release::sbom::media_type;
use crate::console::Console;
use crate::failure::{Exit, Failure, with_source};
use crate::files;

#[derive(Debug, Args)]
pub(crate) struct StatementArgs {
    /// The type of the predicate: a URI, or a name: cyclonedx, custom, link, openvex, reference,
    /// release, scai, slsaprovenance, slsaprovenance1, spdx, svr, test-result, vsa, vuln, vulns …
    #[arg(long = "type", value_name = "TYPE")]
    predicate_type: String,
    /// The predicate, a JSON object; for custom any text [default: an empty object]
    #[arg(long, value_name = "FILE")]
    predicate: Option<PathBuf>,
    /// For a reference: a document that it names by the digest of its bytes, such as a bill of materials;
    /// can be repeated
    #[arg(long, value_name = "FILE", conflicts_with = "predicate")]
    document: Vec<PathBuf>,
    /// What the statement is about: a file, or sha256:HEX=NAME, gitCommit:HEX=NAME; can be repeated
    #[arg(long, value_name = "FILE|DIGEST[=NAME]", required = true)]
    subject: Vec<String>,
    /// Sign the statement, log and timestamp it, and write the bundle
    #[arg(long, requires = "out")]
    sign: bool,
    /// Where the statement or the bundle is written [default: stdout]
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    desk: DeskArgs,
}

pub(crate) fn run(
    args: &StatementArgs,
    global: &Global,
    console: &Console,
) -> Result<Exit, Failure> {
    let named = predicate_type(&args.predicate_type)?;
    let subjects = args.subject.iter().map(|it| NamedSubject::parse(it));
    let subjects: Vec<NamedSubject> = subjects.collect::<Result<_, _>>()?;
    let predicate = if args.document.is_empty() {
        predicate(args.predicate.as_deref(), &named, global)?
    } else {
        documents(&args.document, &named)?
    };
    let out = args.out.as_deref();
    args.desk.refuse_existing(out.as_slice())?;
    let desk = args
        .sign
        .then(|| Desk::open(&args.desk, global))
        .transpose()?;
    let subjects = subjects.iter().map(NamedSubject::read);
    let statement = Statement::new(
        subjects.collect::<Result<_, _>>()?,
        named.written(),
        predicate,
    )
    .map_err(|error| Failure::request(error.code(), with_source(&error)))?;
    check(&statement, args.predicate.as_deref())?;
    write(args, &statement, desk.as_ref(), global, console)
}

/// Refuses a predicate that is not what its type says.
pub(crate) fn check(statement: &Statement, path: Option<&Path>) -> Result<Claimed, Failure> {
    let malformed = |code, problem: String| {
        let from = path.map(|it| format!("{}: ", it.display()));
        let from = from.unwrap_or_default();
        Failure::request(code, format!("{from}{problem}")).hint(format!(
            "wanted a predicate of {}",
            statement.predicate_type()
        ))
    };
    let claimed = Claimed::from_statement(statement)
        .map_err(|error| malformed(error.code(), with_source(&error)))?;
    let is_v1 = statement.predicate_type() == slsa::TYPE;
    match &claimed {
        // Read without them, as others write it; not written without them.
        Claimed::Provenance(it) if is_v1 && it.external_parameters().is_none() => {
            let problem = "buildDefinition.externalParameters is missing, which SLSA requires";
            Err(malformed("predicate-malformed", problem.to_owned()))
        }
        _ => Ok(claimed),
    }
}

fn write(
    args: &StatementArgs,
    statement: &Statement,
    desk: Option<&Desk>,
    global: &Global,
    console: &Console,
) -> Result<Exit, Failure> {
    let payload = statement.to_bytes();
    let signed = match desk {
        Some(desk) => desk.sign(&[&payload], global)?,
        None => Vec::new(),
    };
    let bytes = signed.first().map_or(payload.as_slice(), |it| it.bundle());
    if let Some(out) = &args.out {
        files::write(out, bytes, MODE, args.desk.overwrite())?;
    }
    let log_index = signed.first().map(attest_sign::Signed::log_index);
    if console.is_json() {
        console.json(&json!({
            "version": 1,
            "command": "provenance statement",
            "answer": Exit::Yes.word(),
            "exit": Exit::Yes.number(),
            "predicate_type": statement.predicate_type(),
            "subjects": statement.subjects().len(),
            "file": args.out.as_ref().map(|it| it.display().to_string()),
            "signed_by": desk.map(Desk::key_pin),
            "log_index": log_index,
            "statement": args.out.is_none().then(|| json::parse(&payload, limits::STATEMENT).ok()),
        }));
    } else if let Some(out) = &args.out {
        console.say(format_args!("type       {}", statement.predicate_type()));
        console.say(format_args!("subjects   {}", statement.subjects().len()));
        match log_index {
            Some(index) => {
                console.say(format_args!("signed     {}, entry {index}", out.display()));
            }
            None => console.say(format_args!("written    {}, not signed", out.display())),
        }
    } else {
        console.bytes(&payload)?;
        console.bytes(b"\n")?;
    }
    Ok(Exit::Yes)
}

fn predicate(path: Option<&Path>, named: &TypeName, global: &Global) -> Result<Value, Failure> {
    let Some(path) = path else {
        return Ok(json!({}));
    };
    let bytes = files::read_limited(path, limits::STATEMENT.bytes as u64).map_err(|error| {
        Failure::request(
            "statement-unreadable",
            format!("{}: {error}", path.display()),
        )
    })?;
    let malformed = |problem: String| {
        Failure::request(
            "predicate-malformed",
            format!("{}: {problem}", path.display()),
        )
    };
    if named.written() == custom::TYPE {
        // As cosign wraps it.
        let data = String::from_utf8(bytes)
            .map_err(|_| malformed("the data of a custom predicate is text".to_owned()))?;
        let now = global.now()?.time;
        return Ok(json!({ "Data": data, "Timestamp": now.to_string() }));
    }
    let value =
        json::parse(&bytes, limits::STATEMENT).map_err(|error| malformed(with_source(&error)))?;
    if value.is_object() {
        return Ok(value);
    }
    Err(malformed("a predicate is a JSON object".to_owned()))
}

/// A reference to the documents as they are: by digest, never by what is in them.
fn documents(paths: &[PathBuf], named: &TypeName) -> Result<Value, Failure> {
    if named.written() != reference::TYPE {
        return Err(Failure::request(
            "bad-arguments",
            format!(
                "--document makes a reference, and --type is {}",
                named.written()
            ),
        ));
    }
    let documents = paths.iter().map(|path| {
        let bytes = files::read_limited(path, limits::REPORT.bytes as u64).map_err(|error| {
            Failure::unknown("file-unreadable", format!("{}: {error}", path.display()))
        })?;
        let digest = Artifact::of_bytes(&bytes, Hashes::Sha256).sha256();
        let media_type = media_type(&bytes).unwrap_or(BYTES);
        let name = name_of(path)?;
        Ok(Reference::beside(&name, digest.into(), media_type))
    });
    let documents = documents.collect::<Result<_, Failure>>()?;
    Ok(Reference::new(ATTESTER, documents).to_json())
}

const ATTESTER: &str = "https://attest.dev/statement";
const BYTES: &str = "application/octet-stream";
const MODE: u32 = 0o644;
