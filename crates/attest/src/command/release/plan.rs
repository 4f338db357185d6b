//! What stands in the folder, and every refusal that needs no signature: before anything is made.

use std::path::{Path, PathBuf};

use attest_digest::{
    Item, ItemPath, Kind, Problem, RelativePath, Root, Tree, WalkError, WalkLimits, hash_all,
};
use attest_policy::Pattern;

use super::reserved::is_reserved;
use super::secrets;
use crate::failure::{Failure, with_source};
use crate::home::{Home, lies_inside};

/// The folder as it was walked.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) folder: PathBuf,
    /// What will be released, sorted by path.
    pub(super) artifacts: Vec<Planned>,
    /// Regular files at the top that bear our names: evidence of an earlier run, or in the way.
    pub(super) reserved: Vec<RelativePath>,
    /// Files that will be replaced by what flags named, and are no artifacts.
    set_aside: Vec<RelativePath>,
}

/// A file that will be released.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Planned {
    pub(super) path: RelativePath,
    pub(super) size: u64,
}

/// What decides whether a folder may be released.
pub(super) struct Rules<'a> {
    pub(super) home: &'a Home,
    pub(super) allow_private_key: &'a [Pattern],
    /// Names at the top that a run of this home left behind when it died.
    pub(super) leftovers: &'a [String],
}

impl Plan {
    /// Walks the folder and refuses what cannot be released.
    pub(super) fn of(folder: &Path, rules: &Rules<'_>) -> Result<Self, Failure> {
        refuse_home(folder, rules.home)?;
        let root = Root::open(folder).map_err(|error| walk_failure(&error))?;
        let tree = root
            .walk(&WalkLimits::default())
            .map_err(|error| walk_failure(&error))?;
        refuse_items(&tree)?;
        refuse_git(&tree)?;
        refuse_other_home(&tree)?;
        let plan = Self::from_tree(folder, &tree, rules.leftovers)?;
        plan.refuse_private_keys(&root, rules.allow_private_key)?;
        Ok(plan)
    }

    /// Whether the folder holds the same files as before: nothing was added, removed or resized.
    pub(super) fn still_stands(&self, leftovers: &[String]) -> Result<(), Failure> {
        let tree = attest_digest::walk(&self.folder, &WalkLimits::default())
            .map_err(|error| walk_failure(&error))?;
        let mut now = Self::from_tree(&self.folder, &tree, leftovers)?;
        now.set_aside(&self.set_aside);
        let gone = self
            .artifacts
            .iter()
            .find(|it| !now.artifacts.contains_sorted(it));
        let new = now
            .artifacts
            .iter()
            .find(|it| !self.artifacts.contains_sorted(it));
        // What came under one of our names would be written over.
        let ours = now
            .reserved
            .iter()
            .find(|path| !self.reserved.contains(path));
        match gone.or(new).map(|file| &file.path).or(ours) {
            None => Ok(()),
            Some(path) => Err(changed(path.as_str())),
        }
    }

    /// Takes these files for no artifacts: what flags named will stand in their place.
    pub(super) fn set_aside(&mut self, paths: &[RelativePath]) {
        self.artifacts.retain(|file| !paths.contains(&file.path));
        self.set_aside.extend_from_slice(paths);
    }

    fn from_tree(folder: &Path, tree: &Tree, leftovers: &[String]) -> Result<Self, Failure> {
        let mut plan = Self {
            folder: folder.to_owned(),
            artifacts: Vec::new(),
            reserved: Vec::new(),
            set_aside: Vec::new(),
        };
        for item in tree.items() {
            let (ItemPath::Good(path), Kind::File { size } | Kind::Link { size }) =
                (&item.path, &item.kind)
            else {
                continue;
            };
            if leftovers.iter().any(|name| name == path.first_component()) {
                continue;
            }
            if is_reserved(path.as_str()) && path.parent().is_none() {
                refuse_link(item)?;
                plan.reserved.push(path.clone());
            } else if is_reserved(path.first_component()) {
                return Err(reserved_folder(path.first_component()));
            } else {
                plan.artifacts.push(Planned {
                    path: path.clone(),
                    size: *size,
                });
            }
        }
        if let Some(path) = tree
            .directories()
            .iter()
            .find(|path| is_reserved(path.first_component()))
        {
            return Err(reserved_folder(path.first_component()));
        }
        Ok(plan)
    }

    fn refuse_private_keys(&self, root: &Root, allowed: &[Pattern]) -> Result<(), Failure> {
        let found = hash_all(0, &self.artifacts, |file| private_key_in(root, file));
        let mut keys = Vec::new();
        for (file, header) in self.artifacts.iter().zip(found) {
            if let Some(header) = header? {
                let path = file.path.as_str();
                if !allowed.iter().any(|pattern| pattern.matches(path)) {
                    keys.push(format!("{path} ({header})"));
                }
            }
        }
        if keys.is_empty() {
            return Ok(());
        }
        Err(Failure::request("private-key-inside", format!("the folder holds a private key: {}", some_of(&keys)))
            .hint("take it out of the folder; if it is meant to be public, such as a test key, name it with --allow-private-key"))
    }
}

trait ContainsSorted {
    fn contains_sorted(&self, wanted: &Planned) -> bool;
}

impl ContainsSorted for Vec<Planned> {
    fn contains_sorted(&self, wanted: &Planned) -> bool {
        self.binary_search_by(|file| file.path.cmp(&wanted.path))
            .is_ok_and(|at| self.get(at) == Some(wanted))
    }
}

/// A file of the release was written, added or removed while we worked: nothing is published.
pub(super) fn changed(path: &str) -> Failure {
    Failure::unknown(
        "file-changed",
        format!("{path} changed while it was released; nothing was published"),
    )
    .hint("let the build finish, then run again")
}

pub(super) fn collision(one: &str, other: &str) -> Failure {
    Failure::request(
        "name-collision",
        format!("{one} and {other} are one name on some systems"),
    )
    .hint("rename one of them: they differ only in case or in Unicode form, or one is a folder of the other's name")
}

pub(super) fn walk_failure(error: &WalkError) -> Failure {
    let message = with_source(error);
    match error {
        WalkError::Io { .. } => Failure::unknown(error.code(), message),
        _ => Failure::request(error.code(), message),
    }
}

/// A few of many, so that a message stays a line.
pub(super) fn some_of(all: &[String]) -> String {
    const SHOWN: usize = 5;
    let shown = all.get(..SHOWN).unwrap_or(all).join(", ");
    match all.len().checked_sub(SHOWN) {
        None | Some(0) => shown,
        Some(more) => format!("{shown} and {more} more"),
    }
}

fn refuse_home(folder: &Path, home: &Home) -> Result<(), Failure> {
    if lies_inside(home.path(), folder) {
        return Err(Failure::request(
            "home-inside",
            format!("the home {} lies inside {}", home.path().display(), folder.display()),
        )
        .hint("name a home elsewhere with --home or ATTEST_HOME; private keys and the archive are no part of a release"));
    }
    if lies_inside(folder, home.path()) {
        return Err(Failure::request(
            "home-inside",
            format!(
                "{} lies inside the home {}",
                folder.display(),
                home.path().display()
            ),
        ));
    }
    Ok(())
}

fn refuse_items(tree: &Tree) -> Result<(), Failure> {
    let refused: Vec<_> = tree.refused().collect();
    let Some((_, first)) = refused.first() else {
        return Ok(());
    };
    let same: Vec<String> = refused
        .iter()
        .filter(|(_, problem)| problem.code() == first.code())
        .map(|(path, problem)| format!("{}: {problem}", path.as_str()))
        .collect();
    let message = some_of(&same);
    Err(match first {
        Problem::Unreadable { .. } => Failure::unknown("file-unreadable", message),
        _ => Failure::request(first.code(), message),
    })
}

fn refuse_git(tree: &Tree) -> Result<(), Failure> {
    let folders = tree.directories().iter();
    let files = tree.items().iter().filter_map(|item| item.path.relative());
    match folders.chain(files).find(|path| path.file_name() == ".git") {
        None => Ok(()),
        Some(path) => Err(Failure::request(
            "git-inside",
            format!("{path} is a git repository, not a part of a build"),
        )
        .hint("release the folder that the build wrote")),
    }
}

/// Another home than ours, by its shape.
fn refuse_other_home(tree: &Tree) -> Result<(), Failure> {
    let has = |path: &str| {
        tree.items()
            .binary_search_by(|item| item.path.as_str().cmp(path))
            .is_ok()
    };
    let home = tree
        .files()
        .filter_map(|(path, _)| path.as_str().strip_suffix("keys/artifact.key"))
        .find(|base| has(&format!("{base}identity.json")));
    match home {
        None => Ok(()),
        Some(base) => Err(Failure::request(
            "home-inside",
            format!("{} is a home of attest, with private keys", place(base)),
        )),
    }
}

fn place(base: &str) -> &str {
    match base.trim_end_matches('/') {
        "" => "the folder itself",
        path => path,
    }
}

fn refuse_link(item: &Item) -> Result<(), Failure> {
    match item.kind {
        Kind::Link { .. } => Err(Failure::request(
            "name-reserved",
            format!("{} is a link, and the name is ours", item.path.as_str()),
        )),
        _ => Ok(()),
    }
}

fn reserved_folder(name: &str) -> Failure {
    Failure::request(
        "name-reserved",
        format!("{name} is a folder, and the name is ours"),
    )
    .hint("rename it: attest writes its evidence under this name")
}

fn private_key_in(root: &Root, file: &Planned) -> Result<Option<String>, Failure> {
    let unreadable =
        |text: String| Failure::unknown("file-unreadable", format!("{}: {text}", file.path));
    if file.size > secrets::LIMIT {
        return Ok(None);
    }
    let mut open = root
        .open_file(&file.path)
        .map_err(|error| Failure::unknown(error.code(), with_source(&error)))?;
    let bytes =
        secrets::read_small(&mut open, file.size).map_err(|error| unreadable(error.to_string()))?;
    Ok(bytes.as_deref().and_then(secrets::private_key_header))
}
