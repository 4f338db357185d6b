//! Docker's credential helpers: programs that are asked for one host, for a while, and for a few bytes.
//!
//! See [docker-credential-helpers](https://github.com/docker/docker-credential-helpers).

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use attest_provenance::json::{self, Object};

use super::error::RegistryError;
use crate::limits;

/// What a helper gave.
pub(super) struct Found {
    pub(super) user: String,
    pub(super) secret: String,
}

/// Whether this can be the end of a program's name, and nothing of a path.
pub(super) fn is_name(text: &str) -> bool {
    let allowed = |it: char| it.is_ascii_alphanumeric() || "-_.".contains(it);
    !text.is_empty() && text.len() <= 64 && text.chars().all(allowed)
}

/// Asks `docker-credential-NAME` for the credentials of a server; `None` if it has none.
pub(super) fn get(
    name: &str,
    server: &str,
    search: &[PathBuf],
) -> Result<Option<Found>, RegistryError> {
    let program = format!("docker-credential-{name}");
    let refused = |problem: String| RegistryError::Helper {
        helper: program.clone(),
        problem,
    };
    let places = search.iter().map(|it| it.join(&program));
    let path = places
        .into_iter()
        .find(|it| it.is_file())
        .ok_or_else(|| refused("there is no such program".to_owned()))?;
    let patience = Duration::from_secs(limits::REGISTRY_HELPER_SECONDS);
    let (succeeded, output) =
        run(Command::new(&path).arg("get"), server, patience).map_err(refused)?;
    if !succeeded {
        let said = String::from_utf8_lossy(&output);
        if said.trim().starts_with("credentials not found") {
            return Ok(None);
        }
        // What it says may hold secrets.
        return Err(refused("it fails".to_owned()));
    }
    let found = read(&output).ok_or_else(|| refused("it gives no credentials".to_owned()))?;
    Ok(Some(found).filter(|it| !it.secret.is_empty()))
}

fn read(output: &[u8]) -> Option<Found> {
    let within = json::Limits {
        bytes: limits::REGISTRY_HELPER_BYTES,
        depth: 2,
    };
    let mut object = Object::new("", json::parse(output, within).ok()?).ok()?;
    let user = object.take_string("Username").ok()?;
    let secret = object.take_string("Secret").ok()?;
    Some(Found { user, secret })
}

/// Runs it, as long as our patience lasts: until it has said everything, and has ended.
fn run(helper: &mut Command, server: &str, patience: Duration) -> Result<(bool, Vec<u8>), String> {
    let until = Instant::now() + patience;
    let mut child = helper
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("it cannot be run: {error}"))?;
    if let Some(mut stdin) = child.stdin.take() {
        // One that does not want to know the server says what it says without.
        let _ = stdin.write_all(server.as_bytes());
    }
    let slow = || format!("no answer within {} s", patience.as_secs_f32());
    let heard = output(&mut child, until, &slow)
        .and_then(|output| Ok((ended(&mut child, until, &slow)?.success(), output)));
    if heard.is_err() {
        let _ = child.kill();
        let _ = child.wait();
    }
    heard
}

/// Waits for its end: one that has said everything may still not go.
fn ended(
    child: &mut Child,
    until: Instant,
    slow: &dyn Fn() -> String,
) -> Result<ExitStatus, String> {
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(status) = child.try_wait().map_err(|error| error.to_string())? {
            return Ok(status);
        }
        if Instant::now() >= until {
            return Err(slow());
        }
        thread::sleep(pause);
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

fn output(child: &mut Child, until: Instant, slow: &dyn Fn() -> String) -> Result<Vec<u8>, String> {
    let Some(stdout) = child.stdout.take() else {
        return Ok(Vec::new());
    };
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let most = limits::REGISTRY_HELPER_BYTES as u64 + 1;
        let read = stdout.take(most).read_to_end(&mut bytes);
        // Nobody waits any more: then nobody needs it.
        let _ = sender.send(read.map(|_| bytes));
    });
    let bytes = receiver
        .recv_timeout(until.saturating_duration_since(Instant::now()))
        .map_err(|_| slow())?
        .map_err(|error| error.to_string())?;
    if bytes.len() > limits::REGISTRY_HELPER_BYTES {
        return Err(format!(
            "it gives more than {} bytes",
            limits::REGISTRY_HELPER_BYTES
        ));
    }
    Ok(bytes)
}

const LONGEST_PAUSE: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(line: &str) -> Result<(bool, Vec<u8>), String> {
        let mut shell = Command::new("/bin/sh");
        run(
            shell.args(["-c", line]),
            "registry.example",
            Duration::from_millis(700),
        )
    }

    #[test]
    fn a_helper_is_told_the_server_and_heard() {
        let found = shell("read server; echo \"$server\"").unwrap();
        assert_eq!(found, (true, b"registry.example\n".to_vec()));
        // One that does not ask is heard all the same, and so is how it ended.
        assert_eq!(shell("echo no; exit 3").unwrap(), (false, b"no\n".to_vec()));
    }

    #[test]
    fn a_helper_that_hangs_is_left_wherever_it_does() {
        for line in [
            "exec sleep 60",
            // What it has said is no answer before it has ended.
            "echo said; exec sleep 60",
            "echo said; exec >&-; exec sleep 60",
            // One that leaves somebody behind who holds the line.
            "sleep 60 & echo said",
            "trap '' TERM; while :; do sleep 1; done",
        ] {
            let started = Instant::now();
            let refused = shell(line).unwrap_err();
            assert!(
                refused.starts_with("no answer within 0.7 s"),
                "{line}: {refused}"
            );
            assert!(started.elapsed() < Duration::from_secs(10), "{line}");
        }
    }

    #[test]
    fn a_helper_that_does_not_stop_talking_is_left() {
        let refused = shell("while :; do echo 0123456789012345678901234567890123456789; done");
        assert!(refused.unwrap_err().contains("more than"));
    }
}
