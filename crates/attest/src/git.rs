//! The user's `git`, asked for the raw bytes of objects and for nothing else.
//!
//! It is found in an absolute folder of `PATH`, never in the current one, and runs with a cleared
//! environment, without hooks, monitors, pagers, replacements and transports: what a repository
//! configures does not run, and nothing is fetched. What it hands over is hashed by us.

use std::env;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use attest_verify::GitName;

use crate::programs;

/// The objects of one repository.
pub(crate) struct Objects {
    git: PathBuf,
    folder: PathBuf,
}

/// What a revision leads to.
pub(crate) struct Revision {
    pub(crate) name: GitName,
    /// The full name of the reference, if it is one: `refs/tags/v1.0`.
    pub(crate) reference: Option<String>,
}

/// An object as git hands it over: nothing of it is proven.
pub(crate) struct RawObject {
    pub(crate) kind: String,
    pub(crate) bytes: Vec<u8>,
}

/// Why git could not be asked, or did not answer: in words.
pub(crate) type Silence = String;

impl Objects {
    /// The repository that a folder lies in.
    pub(crate) fn of(folder: &Path) -> Result<Self, Silence> {
        let git = programs::find("git", env::var_os("PATH").as_deref());
        Ok(Self {
            git: git.ok_or("no git in an absolute folder of PATH")?,
            folder: folder.to_owned(),
        })
    }

    /// What a revision names: a reference, `HEAD`, or the whole name of an object. An abbreviation is
    /// somebody else's choice as soon as there are two.
    pub(crate) fn resolve(&self, revision: &str) -> Result<Revision, Silence> {
        let ask = |how: &[&str]| {
            let mut arguments = vec!["rev-parse", "--verify", "--quiet"];
            arguments.extend(how);
            arguments.extend(["--end-of-options", revision]);
            self.line(&arguments)
        };
        let missing = || format!("no revision {revision} in {}", self.folder.display());
        let found = ask(&[]).ok_or_else(missing)?;
        let name = GitName::parse(&found).ok_or_else(missing)?;
        let reference = self.line(&[
            "rev-parse",
            "--symbolic-full-name",
            "--end-of-options",
            revision,
        ]);
        // Older ones print what ends the options, too. A whole name is an object's, whatever is called so.
        let reference = reference.filter(|it| it.starts_with("refs/") && revision != found);
        if reference.is_none() && revision != "HEAD" && revision != found {
            return Err(format!(
                "{revision} is neither one reference nor the whole name of an object"
            ));
        }
        let reference = reference.map(|it| self.asked(revision, it));
        Ok(Revision { name, reference })
    }

    /// The reference that a revision means. One can lead to another, and git says where that ended: the
    /// name that was asked for is what a tag must be signed under. (Of two that it fits git says neither.)
    fn asked(&self, revision: &str, found: String) -> String {
        if revision.starts_with("refs/") {
            return revision.to_owned();
        }
        let meant = MEANT.map(|it| format!("{it}{revision}"));
        if revision == "HEAD" || meant.contains(&found) {
            return found;
        }
        let exists = |it: &String| {
            let words = ["rev-parse", "--verify", "--quiet", "--end-of-options"];
            self.line(&[&words[..], &[it]].concat()).is_some()
        };
        meant.into_iter().find(exists).unwrap_or(found)
    }

    /// The raw bytes of an object, cut off after one more than so many.
    pub(crate) fn read(&self, name: &GitName, most: usize) -> Result<RawObject, Silence> {
        let silent = |error: std::io::Error| format!("{}: {error}", self.git.display());
        let mut child = self
            .command(&["cat-file", "--batch"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(silent)?;
        let asked = match child.stdin.take() {
            Some(mut asks) => writeln!(asks, "{name}"),
            None => Ok(()),
        };
        let answer = match (asked, child.stdout.take()) {
            (Ok(()), Some(stdout)) => answer(stdout, name, most),
            (Err(error), _) => Err(silent(error)),
            (_, None) => Err("git has no output".to_owned()),
        };
        end(child);
        answer
    }

    fn line(&self, arguments: &[&str]) -> Option<String> {
        let output = self.command(arguments).stdin(Stdio::null()).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        let last = text.trim_end_matches('\n').rsplit('\n').next()?;
        (output.status.success() && !last.is_empty()).then(|| last.to_owned())
    }

    fn succeeds(&self, arguments: &[&str]) -> Result<bool, Silence> {
        let mut command = self.command(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let status = command.status().map_err(|error| error.to_string())?;
        Ok(status.success())
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.git);
        command
            .args(["-c", "core.fsmonitor=false"])
            .args(["-c", "core.hooksPath=/dev/null"])
            .args(["-c", "core.alternateRefsCommand="])
            .args(["--no-pager", "--no-replace-objects", "-C"])
            .arg(&self.folder)
            .args(arguments)
            .env_clear()
            .env("LC_ALL", "C")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_NO_LAZY_FETCH", "1")
            // No transport has that name: also an older git fetches nothing.
            .env("GIT_ALLOW_PROTOCOL", "none")
            .stderr(Stdio::null());
        // Where git finds the list of folders that the user calls safe.
        for name in ["HOME", "XDG_CONFIG_HOME"] {
            if let Some(value) = env::var_os(name) {
                command.env(name, value);
            }
        }
        command
    }
}

/// `NAME TYPE SIZE`, the bytes, a line feed.
/// A git bundle, unpacked into an empty repository.
pub(crate) struct Bundle {
    objects: Objects,
}

impl Bundle {
    /// Unpacks a bundle into an empty folder: git names every object by its hash anew. The inner error
    /// says that git refuses the bundle; the outer one that it could not be asked.
    pub(crate) fn unpack(bundle: &Path, folder: &Path) -> Result<Result<Self, String>, Silence> {
        let objects = Objects::of(folder)?;
        let form = match fs_start(bundle)? {
            start if start.contains("@object-format=sha256\n") => "--object-format=sha256",
            _ => "--object-format=sha1",
        };
        let template = "--template=";
        if !objects.succeeds(&["init", "--bare", "-q", template, form, "."])? {
            return Err("git makes no repository".to_owned());
        }
        let absolute = std::path::absolute(bundle).map_err(|error| error.to_string())?;
        let Some(path) = absolute.to_str() else {
            return Err("its path is no UTF-8".to_owned());
        };
        let unpacked = objects.succeeds(&["bundle", "unbundle", path])?;
        Ok(if unpacked {
            Ok(Self { objects })
        } else {
            Err("git cannot unpack it, or it needs commits from elsewhere".to_owned())
        })
    }

    /// Whether that commit is there, with everything that it leads to.
    pub(crate) fn holds_whole(&self, commit: &str) -> Result<bool, Silence> {
        let peeled = format!("{commit}^{{commit}}");
        let is_commit = self
            .objects
            .line(&["rev-parse", "--verify", "--quiet", &peeled]);
        if is_commit.as_deref() != Some(commit) {
            return Ok(false);
        }
        self.objects
            .succeeds(&["rev-list", "--quiet", "--objects", commit, "--"])
    }
}

/// The objects in a bundle, as the header of its pack says: git unpacks neither more nor fewer. `None` if
/// no pack follows its references within so many bytes.
pub(crate) fn bundled_objects(bundle: &Path, most: u64) -> std::io::Result<Option<u32>> {
    let mut reader = BufReader::new(std::fs::File::open(bundle)?).take(most);
    let mut line = Vec::new();
    while line != b"\n" {
        line.clear();
        if reader.read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
    }
    let mut header = [0; 12];
    match reader.read_exact(&mut header) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let [b'P', b'A', b'C', b'K', _, _, _, _, count @ ..] = header else {
        return Ok(None);
    };
    Ok(Some(u32::from_be_bytes(count)))
}

/// The first bytes of a bundle, where its form is said.
fn fs_start(bundle: &Path) -> Result<String, Silence> {
    let file = std::fs::File::open(bundle).map_err(|error| error.to_string())?;
    let mut start = Vec::new();
    let read = file.take(512).read_to_end(&mut start);
    read.map_err(|error| error.to_string())?;
    Ok(String::from_utf8_lossy(&start).into_owned())
}

fn answer(stdout: ChildStdout, name: &GitName, most: usize) -> Result<RawObject, Silence> {
    let mut reader = BufReader::new(stdout);
    let mut header = String::new();
    let limited = reader.by_ref().take(HEADER_BYTES).read_line(&mut header);
    let missing = || format!("git has no object {name}");
    limited.map_err(|_| missing())?;
    let words: Vec<&str> = header.split_whitespace().collect();
    let [_, kind, size] = words.as_slice() else {
        return Err(missing());
    };
    let size = size.parse::<usize>().map_err(|_| missing())?;
    // One byte too many is enough to refuse it.
    let size = size.min(most.saturating_add(1));
    let mut bytes = Vec::new();
    let read = reader.take(size as u64).read_to_end(&mut bytes);
    if read.ok() != Some(size) {
        return Err(format!("git handed over a part of {name} alone"));
    }
    Ok(RawObject {
        kind: (*kind).to_owned(),
        bytes,
    })
}

/// It has nothing more to say.
fn end(mut child: Child) {
    let _ = child.kill();
    let _ = child.wait();
}

/// Where git looks for a short name, in its order (gitrevisions).
const MEANT: [&str; 4] = ["refs/", "refs/tags/", "refs/heads/", "refs/remotes/"];

/// More than any name, type and size have.
const HEADER_BYTES: u64 = 256;
