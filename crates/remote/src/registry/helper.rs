//! Docker's credential helpers: programs that are asked for one host, for a while, and for a few bytes.
//!
//! See [docker-credential-helpers](https://github.com/docker/docker-credential-helpers).

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use attest_provenance::json::{self, Object};

use super::error::RegistryError;
use crate::limits;
use crate::program::run_program;

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
        run_program(Command::new(&path).arg("get"), server, (patience, MOST)).map_err(refused)?;
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
        bytes: MOST,
        depth: 2,
    };
    let mut object = Object::new("", json::parse(output, within).ok()?).ok()?;
    let user = object.take_string("Username").ok()?;
    let secret = object.take_string("Secret").ok()?;
    Some(Found { user, secret })
}

const MOST: usize = limits::REGISTRY_HELPER_BYTES;
