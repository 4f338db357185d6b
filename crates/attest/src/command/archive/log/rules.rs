//! Rules for others who watch the home: the kernel's audit, and Falco.
//!
//! The trail says what attest did. Who else read or changed the files, only the system can see.

use std::fmt::Write as _;
use std::path::Path;

use clap::ValueEnum;

use crate::console::Console;
use crate::failure::{Exit, Failure};
use crate::home::{Home, real};

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Watcher {
    /// Linux audit: a file for /etc/audit/rules.d
    Auditd,
    /// Falco: a file for /etc/falco/rules.d
    Falco,
}

/// Prints the rules for this home.
pub(super) fn print(watcher: Watcher, home: &Home, console: &Console) -> Result<Exit, Failure> {
    let folder = real(home.path());
    let rules = rules(watcher, &folder)?;
    console.text(&rules);
    Ok(Exit::Yes)
}

fn rules(watcher: Watcher, folder: &Path) -> Result<String, Failure> {
    let shown = folder.to_str().filter(|it| it.bytes().all(is_plain));
    let Some(folder) = shown else {
        let message = format!(
            "{} has characters that these rules cannot hold",
            folder.display()
        );
        return Err(Failure::request("rules-path", message)
            .hint("move the home to a path of letters, digits, and . _ - + @ /"));
    };
    Ok(match watcher {
        Watcher::Auditd => auditd(folder),
        Watcher::Falco => FALCO.replace("@FOLDER@", folder),
    })
}

/// The system-call form: a watch with -w is kept for old rules alone. Keys are watched for reads too.
fn auditd(folder: &str) -> String {
    let mut rules = format!(
        "## Every change below {folder}, every read of its archive, and every use of its keys.\n\
         ## ausearch -k attest shows what was seen; attest archive log shows what attest did itself.\n"
    );
    let watched = [
        ("archive", "rwa"),
        ("keys", "rwa"),
        ("log", "wa"),
        ("trust", "wa"),
        ("audit", "wa"),
    ];
    for arch in ["b64", "b32"] {
        for (part, permissions) in watched {
            let _ = writeln!(
                rules,
                "-a always,exit -F arch={arch} -F dir={folder}/{part} -F perm={permissions} -F key=attest"
            );
        }
    }
    rules
}

/// What neither format reads as anything but itself.
const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b'_' | b'-' | b'+' | b'@')
}

const FALCO: &str = r#"# Every change below @FOLDER@ by another program than attest, and every read of its keys.
# attest archive log shows what attest did itself.
- macro: attest_file
  condition: (fd.typechar = 'f' and fd.name startswith "@FOLDER@/")

- macro: attest_key
  condition: (fd.typechar = 'f' and fd.name startswith "@FOLDER@/keys/")

- macro: attest_path
  condition: >
    (fs.path.name startswith "@FOLDER@/" or fs.path.source startswith "@FOLDER@/"
    or fs.path.target startswith "@FOLDER@/")

- rule: File of attest opened for writing
  desc: A file of the archive, the log, the trust, the keys or the audit trail was opened for writing.
  condition: evt.type in (open, openat, openat2, creat) and evt.is_open_write = true and attest_file and proc.name != "attest"
  output: file of attest opened for writing (file=%fd.name user=%user.name uid=%user.uid command=%proc.cmdline parent=%proc.pname)
  priority: CRITICAL
  tags: [attest, filesystem, integrity]

- rule: File of attest removed, renamed or changed in mode
  desc: A file or folder below the home was removed, renamed, linked, or given other permissions.
  condition: >
    evt.type in (unlink, unlinkat, rmdir, rename, renameat, renameat2, link, linkat, symlink, symlinkat,
    chmod, fchmodat, chown, fchownat) and evt.rawres >= 0 and attest_path and proc.name != "attest"
  output: file of attest removed, renamed or changed in mode (path=%fs.path.name source=%fs.path.source target=%fs.path.target user=%user.name uid=%user.uid command=%proc.cmdline parent=%proc.pname)
  priority: CRITICAL
  tags: [attest, filesystem, integrity]

- rule: Key of attest read
  desc: A private key was opened for reading by another program than attest.
  condition: evt.type in (open, openat, openat2) and evt.is_open_read = true and attest_key and proc.name != "attest"
  output: key of attest read (file=%fd.name user=%user.name uid=%user.uid command=%proc.cmdline parent=%proc.pname)
  priority: WARNING
  tags: [attest, filesystem, keys]
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_would_be_read_as_another_rule_is_refused() {
        for path in ["/a b", "/a\n-D", "/a\"", "/a,b", "/ä", "/a{{", "/a%x"] {
            for watcher in [Watcher::Auditd, Watcher::Falco] {
                let failure = rules(watcher, Path::new(path)).unwrap_err();
                assert_eq!((failure.code, failure.exit.number()), ("rules-path", 2));
            }
        }
    }

    #[test]
    fn both_watch_the_folder_that_is_named() {
        let auditd = rules(Watcher::Auditd, Path::new("/srv/.attest")).unwrap();
        let wanted =
            "-a always,exit -F arch=b64 -F dir=/srv/.attest/keys -F perm=rwa -F key=attest\n";
        assert!(auditd.contains(wanted), "{auditd}");
        let falco = rules(Watcher::Falco, Path::new("/srv/.attest")).unwrap();
        assert!(
            falco.contains("startswith \"/srv/.attest/keys/\""),
            "{falco}"
        );
        assert!(!falco.contains('@'), "{falco}");
    }
}
