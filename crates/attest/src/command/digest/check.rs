//! `attest digest --check`: the files that a checksums file lists.

use std::path::{Path, PathBuf};

use attest_digest::{
    Algorithm, Checksums, Digest, Hashes, ReadError, RelativePath, Root,
    checksums_algorithm_of_name, hash_all,
};
use serde_json::{Value, json};

use super::{Problem, worst};
use crate::console::{Console, escape};
use crate::failure::{Exit, Failure, with_source};
use crate::files;

pub(super) fn run(
    list: &Path,
    algorithm: Option<Algorithm>,
    console: &Console,
) -> Result<Exit, Failure> {
    Ok(show(&files_of(list, algorithm)?, console))
}

/// Of several lists one that cannot be read hides no other.
pub(super) fn run_each(lists: &[PathBuf], algorithm: Option<Algorithm>, console: &Console) -> Exit {
    let mut all = Vec::new();
    for list in lists {
        match files_of(list, algorithm) {
            Ok(files) => {
                let below = |path: String| files::folder_of(list).join(path).display().to_string();
                all.extend(files.into_iter().map(|(path, found)| (below(path), found)));
            }
            Err(failure) => {
                let problem = Problem {
                    exit: failure.exit,
                    code: failure.code,
                    message: failure.message,
                };
                all.push((list.display().to_string(), Err(problem)));
            }
        }
    }
    show(&all, console)
}

/// A file that is listed, and why it is not the one.
type Judged = (String, Result<(), Problem>);

fn files_of(list: &Path, algorithm: Option<Algorithm>) -> Result<Vec<Judged>, Failure> {
    let bytes = files::read_limited(list, attest_digest::limits::CHECKSUMS_BYTES as u64)
        .map_err(|error| unreadable(list, &error))?;
    let named = list.file_name().and_then(|name| name.to_str());
    let named = named.and_then(checksums_algorithm_of_name);
    let algorithm = algorithm.or(named).unwrap_or(Algorithm::Sha256);
    let checksums = Checksums::parse(&bytes, algorithm)
        .map_err(|error| Failure::no(error.code(), with_source(&error)))?;
    let folder = files::folder_of(list);
    let root =
        Root::open(&folder).map_err(|error| Failure::unknown(error.code(), with_source(&error)))?;
    let hashes = Hashes::Sha256.with(algorithm);
    let found = hash_all(0, checksums.entries(), |(path, wanted)| {
        judge(&root, path, wanted, hashes)
    });
    let paths = checksums.entries().iter().map(|(path, _)| path.to_string());
    Ok(paths.zip(found).collect())
}

fn judge(root: &Root, path: &RelativePath, wanted: &Digest, hashes: Hashes) -> Result<(), Problem> {
    let artifact = root.read(path, hashes).map_err(|error| match error {
        ReadError::NotFound { .. } => Problem {
            exit: Exit::No,
            code: "file-missing",
            message: "it is listed, and not there".to_owned(),
        },
        ReadError::Outside { .. } | ReadError::NotAFile { .. } => Problem {
            exit: Exit::No,
            code: error.code(),
            message: with_source(&error),
        },
        error => Problem {
            exit: Exit::Unknown,
            code: error.code(),
            message: with_source(&error),
        },
    })?;
    let found = artifact.digest(wanted.algorithm());
    if found == Some(*wanted) {
        return Ok(());
    }
    Err(Problem {
        exit: Exit::No,
        code: "digest-mismatch",
        message: format!(
            "found {}, wanted {wanted}",
            found.map(|it| it.to_string()).unwrap_or_default()
        ),
    })
}

fn show(found: &[Judged], console: &Console) -> Exit {
    let problems = found.iter().filter_map(|(_, found)| found.as_ref().err());
    let exit = worst(problems.map(|problem| problem.exit));
    if console.is_json() {
        let files: Vec<Value> = found
            .iter()
            .map(|(path, found)| match found {
                Ok(()) => json!({ "path": path, "ok": true, "code": null }),
                Err(problem) => json!({
                    "path": path, "ok": false, "code": problem.code,
                    "message": problem.message,
                }),
            })
            .collect();
        console.json(&json!({
            "version": 1, "command": "digest", "answer": exit.word(), "exit": exit.number(),
            "signed": false, "files": files,
        }));
        return exit;
    }
    for (path, found) in found {
        match found {
            Ok(()) => console.say(format_args!("{}: OK", escape(path))),
            Err(problem) => console.say(format_args!(
                "{}: {}: {}",
                escape(path),
                problem.code,
                escape(&problem.message)
            )),
        }
    }
    console.note("the list itself was not verified: attest verify asks who signed it");
    exit
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    let shown = escape(&path.display().to_string());
    Failure::unknown("file-unreadable", format!("{shown}: {error}"))
}
