//! The built command, run in a world of its own: an empty `HOME`, no variables but those given.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A folder with a `HOME`, from which the command is run.
pub(crate) struct World {
    folder: TempDir,
}

/// What a run answered.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) exit: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl World {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("user")).unwrap();
        Self { folder }
    }

    /// The folder in which commands run.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A path below it.
    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// Writes a file, and the folders on its way.
    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.at(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    /// Writes a program that can be run.
    pub(crate) fn write_program(&self, name: &str, text: &str) -> PathBuf {
        let text = self.write(&format!("{name}.text"), text);
        let path = self.copy_program(&text, name);
        fs::remove_file(text).unwrap();
        path
    }

    /// Copies a program to a place from which it can be run. Another process does: a file that this one
    /// has open for writing is inherited by whatever another test starts at that moment, and is then
    /// too busy to be run (`ETXTBSY`).
    pub(crate) fn copy_program(&self, from: impl AsRef<Path>, name: &str) -> PathBuf {
        let path = self.at(name);
        let install = Command::new("install")
            .args(["-m", "755"])
            .arg(from.as_ref())
            .arg(&path)
            .status();
        assert!(install.unwrap().success(), "{}", path.display());
        path
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.at(name)).unwrap()
    }

    /// The built `attest`, without a terminal and without the variables of the tester.
    pub(crate) fn command(&self) -> Command {
        self.program(env!("CARGO_BIN_EXE_attest"))
    }

    /// Any program, in the same surroundings.
    pub(crate) fn program(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.at("user"))
            .env("LC_ALL", "C")
            .stdin(Stdio::null());
        // Which check is changed, where `tests/mutants/switched` asks whether a test notices.
        for name in ["ATTEST_MUTANT", "ATTEST_MUTANTS_REACHED"] {
            command.envs(std::env::var_os(name).map(|value| (name, value)));
        }
        command
    }

    /// Runs `attest` with arguments that are split at spaces.
    pub(crate) fn attest(&self, arguments: &str) -> Ran {
        self.attest_with(&arguments.split(' ').collect::<Vec<_>>())
    }

    pub(crate) fn attest_with(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.command().args(arguments))
    }

    /// Runs a line of shell, with `attest` in the path.
    pub(crate) fn shell(&self, line: &str) -> Ran {
        let here = Path::new(env!("CARGO_BIN_EXE_attest")).parent().unwrap();
        let path = format!(
            "{}:{}",
            here.display(),
            std::env::var("PATH").unwrap_or_default()
        );
        Ran::of(self.program("/bin/sh").args(["-c", line]).env("PATH", path))
    }

    /// Every file below a folder with its content, so that two moments can be compared.
    pub(crate) fn listing(&self, folder: &str) -> Vec<String> {
        listing(&self.at(folder))
    }
}

impl Ran {
    #[track_caller]
    pub(crate) fn of(command: &mut Command) -> Self {
        Self::from_output(&command.output().unwrap())
    }

    #[track_caller]
    pub(crate) fn from_output(output: &Output) -> Self {
        let ran = Self {
            exit: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        };
        crate::codes::assert_listed(ran.exit, &ran.err);
        ran
    }

    /// Asserts that the run said yes.
    #[track_caller]
    pub(crate) fn yes(self) -> Self {
        assert_eq!(self.exit, 0, "{self:#?}");
        self
    }

    /// Asserts that the run was refused with this exit code and this code.
    #[track_caller]
    pub(crate) fn refused(self, exit: i32, code: &str) -> Self {
        assert_eq!(self.exit, exit, "wanted {code}: {self:#?}");
        let wanted = format!("error[{code}]: ");
        assert!(
            self.err.lines().any(|line| line.starts_with(&wanted)),
            "wanted {code}: {self:#?}"
        );
        self
    }

    /// The one JSON object on stdout.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }

    /// The line of the output that begins like this, without the beginning.
    #[track_caller]
    pub(crate) fn line(&self, begin: &str) -> &str {
        self.out
            .lines()
            .find_map(|line| line.trim_start().strip_prefix(begin))
            .unwrap_or_else(|| panic!("no line {begin:?}: {self:#?}"))
            .trim()
    }
}

/// Every path below a folder, with kind, mode, link target and content, sorted.
pub(crate) fn listing(folder: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    collect(folder, folder, &mut lines);
    lines.sort();
    lines
}

fn collect(top: &Path, folder: &Path, lines: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(top).unwrap().display().to_string();
        let metadata = path.symlink_metadata().unwrap();
        let kind = metadata.file_type();
        let content = if kind.is_symlink() {
            format!("-> {}", fs::read_link(&path).unwrap().display())
        } else if kind.is_file() && metadata.size() <= 1 << 20 {
            brief(&fs::read(&path).unwrap())
        } else {
            format!("{} bytes", metadata.size())
        };
        if kind.is_dir() {
            lines.push(format!("{name}/ {:o}", metadata.mode() & 0o7777));
            collect(top, &path, lines);
        } else {
            lines.push(format!("{name} {:o} {content}", metadata.mode() & 0o7777));
        }
    }
}

/// A short content as it is, a long one by its size and a hash.
fn brief(bytes: &[u8]) -> String {
    if bytes.len() <= 64 {
        return format!("{:?}", String::from_utf8_lossy(bytes));
    }
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    format!("{} bytes {:016x}", bytes.len(), hasher.finish())
}

/// Asserts that two listings are the same, and shows what is not.
#[track_caller]
pub(crate) fn assert_same(before: &[String], after: &[String], what: &str) {
    let gone: Vec<_> = before.iter().filter(|line| !after.contains(line)).collect();
    let new: Vec<_> = after.iter().filter(|line| !before.contains(line)).collect();
    assert!(
        gone.is_empty() && new.is_empty(),
        "{what}\n  gone: {gone:#?}\n  new: {new:#?}"
    );
}
