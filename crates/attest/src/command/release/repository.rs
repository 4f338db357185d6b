//! The git repository that holds the folder: its remote, its commit, whether its files differ.
//!
//! Asked of the `git` binary, found in `PATH` and never in the current folder, with a cleared
//! environment. What git does not know or refuses to say stays unknown.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use attest_provenance::{GitCommit, RepositoryUri, Source};

use crate::programs;

/// What git says about the folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Repository {
    /// The remote's address, without anything that could be a secret.
    pub(crate) uri: Option<RepositoryUri>,
    /// The last component of the remote's address, without `.git`.
    pub(crate) name: Option<String>,
    /// The commit that is checked out.
    pub(crate) commit: Option<GitCommit>,
    /// Whether a tracked file differs from the commit.
    pub(crate) dirty: Option<bool>,
}

impl Repository {
    /// The repository that `folder` lies in; all unknown when there is none, or no git.
    pub(crate) fn of(folder: &Path) -> Self {
        match programs::find("git", env::var_os("PATH").as_deref()) {
            Some(git) => Self::ask(&Git { git, folder }),
            None => Self::default(),
        }
    }

    /// What provenance says about it: nothing without a commit.
    pub(crate) fn source(&self) -> Option<Source> {
        Some(Source {
            repository: self.uri.clone(),
            commit: self.commit.clone()?,
            dirty: self.dirty,
        })
    }

    fn ask(git: &Git<'_>) -> Self {
        let commit = git
            .line(&["rev-parse", "--verify", "--quiet", "HEAD^{commit}"])
            .and_then(|hex| GitCommit::parse(&hex).ok());
        let remote = git.remote();
        Self {
            uri: remote
                .as_deref()
                .and_then(|remote| RepositoryUri::from_remote(remote).ok()),
            name: remote.as_deref().and_then(repository_name),
            dirty: commit.as_ref().and_then(|_| git.dirty()),
            commit,
        }
    }
}

struct Git<'a> {
    git: PathBuf,
    folder: &'a Path,
}

impl Git<'_> {
    fn run(&self, arguments: &[&str]) -> Option<Vec<u8>> {
        let mut command = Command::new(&self.git);
        // Nothing that the repository configures may run: no hooks, no monitor, no pager.
        command
            .args([
                "-c",
                "core.fsmonitor=false",
                "-c",
                "core.hooksPath=/dev/null",
            ])
            .args(["--no-pager", "-C"])
            .arg(self.folder)
            .args(arguments)
            .env_clear()
            .env("LC_ALL", "C")
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_NO_LAZY_FETCH", "1")
            .stdin(Stdio::null())
            .stderr(Stdio::null());
        // Where git finds the list of folders that the user calls safe.
        for name in ["HOME", "XDG_CONFIG_HOME", "PATH"] {
            if let Some(value) = env::var_os(name) {
                command.env(name, value);
            }
        }
        let output = command.output().ok()?;
        output.status.success().then_some(output.stdout)
    }

    fn line(&self, arguments: &[&str]) -> Option<String> {
        let text = String::from_utf8(self.run(arguments)?).ok()?;
        let line = text.trim_end_matches('\n');
        (!line.is_empty() && !line.contains('\n')).then(|| line.to_owned())
    }

    /// The address of `origin`, else of the only remote.
    fn remote(&self) -> Option<String> {
        self.line(&["config", "--get", "remote.origin.url"])
            .or_else(|| {
                let only = self.line(&["remote"])?;
                self.line(&["config", "--get", &format!("remote.{only}.url")])
            })
    }

    fn dirty(&self) -> Option<bool> {
        let top = self.line(&["rev-parse", "--show-toplevel"])?;
        let whole = Git {
            git: self.git.clone(),
            folder: Path::new(&top),
        };
        let changes = whole.run(&["status", "--porcelain", "--untracked-files=no"])?;
        Some(!changes.is_empty())
    }
}

fn repository_name(remote: &str) -> Option<String> {
    let path = remote.split(['?', '#']).next()?.trim_end_matches('/');
    let last = path.rsplit(['/', ':']).next()?;
    let name = last.strip_suffix(".git").unwrap_or(last);
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_the_last_component() {
        for (remote, name) in [
            ("git@github.com:o/r.git", "r"),
            ("https://h/o/r/", "r"),
            ("/srv/git/tool.git", "tool"),
            ("host:tool", "tool"),
        ] {
            assert_eq!(repository_name(remote).as_deref(), Some(name), "{remote}");
        }
    }
}
