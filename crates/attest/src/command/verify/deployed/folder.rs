//! What stands in a folder that is deployed: each file by its bytes, at its path.

use std::path::Path;

use attest_digest::{Hashes, Problem, RelativePath, Root, WalkLimits};

use super::{Deployed, End, What};
use crate::report::{Refusal, SubjectReport};

/// Every file of a folder, and what in it is none.
pub(super) fn files(
    folder: &Path,
    hashes: Hashes,
    report: &mut SubjectReport,
) -> Result<Vec<Deployed>, End> {
    let unreadable = |code, found: String| {
        End::Unknown(Refusal {
            code,
            found,
            wanted: "a readable folder".to_owned(),
        })
    };
    let root = Root::open(folder).map_err(|it| unreadable(it.code(), it.to_string()))?;
    let tree = root
        .walk(&WalkLimits::default())
        .map_err(|it| unreadable(it.code(), it.to_string()))?;
    let paths: Vec<RelativePath> = tree.files().map(|(path, _)| path.clone()).collect();
    let read = root.read_all(&paths, hashes);
    let mut deployed: Vec<Deployed> = paths
        .iter()
        .zip(read)
        .map(|(path, read)| {
            at(
                path.as_str(),
                read.map(What::Read)
                    .map_err(|it| unreadable(it.code(), it.to_string())),
            )
        })
        .collect();
    deployed.extend(
        tree.refused()
            .map(|(path, problem)| at(path.as_str(), Err(refused(problem)))),
    );
    deployed.sort_by(|one, other| one.name.cmp(&other.name));
    if deployed.is_empty() {
        return Err(End::No(Refusal {
            code: "nothing-verified",
            found: "a folder without files".to_owned(),
            wanted: "what is deployed".to_owned(),
        }));
    }
    report.notes.push(
        "that this folder is what is deployed is your word; what is missing from it, and modes and owners, \
         only a manifest tells (--manifest)"
            .to_owned(),
    );
    Ok(deployed)
}

fn at(path: &str, what: Result<What, End>) -> Deployed {
    Deployed {
        name: path.to_owned(),
        path: Some(path.to_owned()),
        what,
    }
}

fn refused(problem: &Problem) -> End {
    let refusal = Refusal {
        code: problem.code(),
        found: problem.to_string(),
        wanted: "a regular file that was built".to_owned(),
    };
    match problem {
        Problem::Unreadable { .. } => End::Unknown(refusal),
        _ => End::No(refusal),
    }
}
