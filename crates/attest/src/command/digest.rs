//! `attest digest`: digests of files, folders and members of archives; checksum files checked.

mod check;
mod contents;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use attest_digest::{Algorithm, Artifact, Digest, Hashes, Root, WalkLimits, hash_all};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use crate::args::Global;
use crate::console::{Console, escape};
use crate::failure::{Exit, Failure};

#[derive(Debug, Args)]
pub(crate) struct DigestArgs {
    /// Files, or folders whose every file is meant
    #[arg(
        value_name = "PATH",
        required_unless_present_any = ["check", "contents"],
        conflicts_with_all = ["check", "contents"]
    )]
    paths: Vec<PathBuf>,
    /// The algorithm [default: sha256, or the one that the name of a checksums file says]
    #[arg(long, value_enum, value_name = "NAME")]
    algorithm: Option<Hash>,
    /// Write lines that name their algorithm: SHA256 (FILE) = HEX
    #[arg(long, conflicts_with_all = ["check", "contents"])]
    bsd: bool,
    /// Check the files that these checksums files list, each below its own folder: a line that is not exactly one
    /// is an error
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with = "contents")]
    check: Vec<PathBuf>,
    /// List and hash the members of this archive: tar, tar.gz, tar.zst or zip. What two readers could understand
    /// differently is refused
    #[arg(long, value_name = "FILE", conflicts_with = "algorithm")]
    contents: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    const fn algorithm(self) -> Algorithm {
        match self {
            Self::Sha256 => Algorithm::Sha256,
            Self::Sha384 => Algorithm::Sha384,
            Self::Sha512 => Algorithm::Sha512,
        }
    }
}

pub(crate) fn run(args: &DigestArgs, _global: &Global, console: &Console) -> Result<Exit, Failure> {
    let algorithm = args.algorithm.map(Hash::algorithm);
    match args.check.as_slice() {
        [] => {}
        [list] => return check::run(list, algorithm, console),
        lists => return Ok(check::run_each(lists, algorithm, console)),
    }
    if let Some(archive) = &args.contents {
        return contents::run(archive, console);
    }
    let algorithm = algorithm.unwrap_or(Algorithm::Sha256);
    let mut lines = Vec::new();
    for path in &args.paths {
        add(path, algorithm, &mut lines)?;
    }
    show(&lines, algorithm, args.bsd, console)
}

/// A file, and its digest or why there is none.
struct Line {
    name: String,
    found: Result<Digest, Problem>,
}

/// Why a file has no digest, or not the one that it should have.
struct Problem {
    exit: Exit,
    code: &'static str,
    message: String,
}

fn add(path: &Path, algorithm: Algorithm, lines: &mut Vec<Line>) -> Result<(), Failure> {
    let name = path.to_str().ok_or_else(|| {
        let shown = escape(&path.display().to_string());
        Failure::request("name-not-utf8", format!("{shown} is not UTF-8"))
    })?;
    if !path.is_dir() {
        let found = Artifact::read_path(path, hashes(algorithm));
        lines.push(Line {
            name: name.to_owned(),
            found: digest(found, algorithm),
        });
        return Ok(());
    }
    let folder = |error: attest_digest::WalkError| {
        Failure::unknown(error.code(), crate::failure::with_source(&error))
    };
    let root = Root::open(path).map_err(folder)?;
    let tree = root.walk(&WalkLimits::default()).map_err(folder)?;
    let below = |inside: &str| format!("{}/{inside}", name.trim_end_matches('/'));
    let files: Vec<_> = tree.files().map(|(path, _)| path).collect();
    let read = hash_all(0, &files, |path| root.read(path, hashes(algorithm)));
    lines.extend(files.iter().zip(read).map(|(path, found)| Line {
        name: below(path.as_str()),
        found: digest(found, algorithm),
    }));
    lines.extend(tree.refused().map(|(path, problem)| Line {
        name: below(path.as_str()),
        found: Err(Problem {
            exit: match problem {
                attest_digest::Problem::Unreadable { .. } => Exit::Unknown,
                _ => Exit::No,
            },
            code: problem.code(),
            message: problem.to_string(),
        }),
    }));
    Ok(())
}

const fn hashes(algorithm: Algorithm) -> Hashes {
    Hashes::Sha256.with(algorithm)
}

fn digest(
    read: Result<Artifact, attest_digest::ReadError>,
    algorithm: Algorithm,
) -> Result<Digest, Problem> {
    let artifact = read.map_err(|error| Problem {
        exit: Exit::Unknown,
        code: error.code(),
        message: crate::failure::with_source(&error),
    })?;
    artifact.digest(algorithm).ok_or_else(|| Problem {
        exit: Exit::Unknown,
        code: "digest-algorithm-unknown",
        message: format!("{algorithm} was not computed"),
    })
}

fn show(
    lines: &[Line],
    algorithm: Algorithm,
    bsd: bool,
    console: &Console,
) -> Result<Exit, Failure> {
    let problems = lines.iter().filter_map(|line| line.found.as_ref().err());
    let empty = if lines.is_empty() {
        Some(Exit::No)
    } else {
        None
    };
    let exit = worst(problems.map(|problem| problem.exit).chain(empty));
    if console.is_json() {
        let files: Vec<Value> = lines.iter().map(entry).collect();
        console.json(&json!({
            "version": 1, "command": "digest", "answer": exit.word(), "exit": exit.number(),
            "algorithm": algorithm.name(), "files": files,
        }));
        return Ok(exit);
    }
    let mut text = String::new();
    for line in lines {
        match &line.found {
            Ok(digest) => push_line(&mut text, &line.name, digest, bsd),
            Err(problem) => console.note(format_args!(
                "{}: {}: {}",
                escape(&line.name),
                problem.code,
                escape(&problem.message)
            )),
        }
    }
    if lines.is_empty() {
        console.note("there is no file: nothing was hashed");
    }
    console.bytes(text.as_bytes())?;
    Ok(exit)
}

fn entry(line: &Line) -> Value {
    match &line.found {
        Ok(digest) => json!({ "path": line.name, "digest": digest.hex(), "code": null }),
        Err(problem) => json!({
            "path": line.name, "digest": null, "code": problem.code, "message": problem.message,
        }),
    }
}

/// Any no is a no, else any doubt is one.
fn worst(exits: impl Iterator<Item = Exit>) -> Exit {
    exits.fold(Exit::Yes, |worst, exit| match (worst, exit) {
        (Exit::No, _) | (_, Exit::No) => Exit::No,
        (Exit::Yes, exit) => exit,
        (worst, _) => worst,
    })
}

/// A line as coreutils writes it: a name with a backslash or a line break is escaped, and the line begins
/// with a backslash.
fn push_line(text: &mut String, name: &str, digest: &Digest, bsd: bool) {
    let escaped = name
        .replace('\\', "\\\\")
        .replace('\n', "\\n")
        .replace('\r', "\\r");
    let mark = if escaped == name { "" } else { "\\" };
    let written = if bsd {
        let algorithm = digest.algorithm().name().to_ascii_uppercase();
        writeln!(text, "{mark}{algorithm} ({escaped}) = {}", digest.hex())
    } else {
        writeln!(text, "{mark}{}  {escaped}", digest.hex())
    };
    // A text takes everything.
    written.unwrap_or(());
}
