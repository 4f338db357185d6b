//! Docker's credential helpers: programs that are asked for one host, for a while, and for a few bytes.
//!
//! See [docker-credential-helpers](https://github.com/docker/docker-credential-helpers).

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

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
    let (succeeded, output) = run(&path, server).map_err(refused)?;
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

/// Runs it, as long as our patience lasts.
fn run(path: &Path, server: &str) -> Result<(bool, Vec<u8>), String> {
    let mut child = Command::new(path)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("it cannot be run: {error}"))?;
    if let Some(mut stdin) = child.stdin.take() {
        // One that does not want to know the server says what it says without.
        let _ = stdin.write_all(server.as_bytes());
    }
    let output = output(&mut child);
    if output.is_err() {
        let _ = child.kill();
    }
    let ended = child.wait().map_err(|error| error.to_string())?;
    Ok((ended.success(), output?))
}

fn output(child: &mut Child) -> Result<Vec<u8>, String> {
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
    let patience = Duration::from_secs(limits::REGISTRY_HELPER_SECONDS);
    let bytes = receiver
        .recv_timeout(patience)
        .map_err(|_| format!("no answer within {} s", patience.as_secs()))?
        .map_err(|error| error.to_string())?;
    if bytes.len() > limits::REGISTRY_HELPER_BYTES {
        return Err(format!(
            "it gives more than {} bytes",
            limits::REGISTRY_HELPER_BYTES
        ));
    }
    Ok(bytes)
}
