//! A token for a person: a login at an `OpenID` provider, in the browser.

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use attest_remote::{LoginError, Persistence, Provider};
use attest_sign::IdentityToken;
use jiff::{SignedDuration, Timestamp};

use super::ambient;
use crate::args::{LoginWay, ServiceArgs};
use crate::console::{Console, escape};
use crate::failure::Failure;
use crate::programs;

/// How to get to the provider, if somebody is to be asked at all: the flag says so, or there is somebody
/// at a terminal, and it is not a job's.
pub(super) fn way(args: &ServiceArgs) -> Option<LoginWay> {
    let is_manned =
        || io::stdin().is_terminal() && io::stderr().is_terminal() && !ambient::is_job();
    match args.login.oidc_login {
        Some(LoginWay::Never) => None,
        Some(way) => Some(way),
        None => is_manned().then_some(LoginWay::Browser),
    }
}

/// The token of whoever logs in at this provider now, and when they have.
///
/// # Errors
/// Exit 1: somebody answered, and what they said is wrong. Exit 3: nobody did.
pub(super) fn token(
    issuer: &str,
    way: LoginWay,
    args: &ServiceArgs,
    persistence: Persistence,
    now: Timestamp,
    console: &Console,
) -> Result<IdentityToken, Failure> {
    let since = Instant::now();
    let provider = Provider::discover(issuer, &args.oidc_client_id, persistence);
    let provider = provider.map_err(|error| refused(&error))?;
    let login = provider.begin().map_err(|error| refused(&error))?;
    console.ask(format_args!(
        "Log in at {}, with a browser on this machine:\n\n    {}\n",
        escape(issuer),
        escape(login.url())
    ));
    console.note("note: the name that it vouches for will be in the certificate, and in a log that everybody reads");
    if way == LoginWay::Browser && !open(login.url()) {
        console.note("note: no browser was found; open the address yourself");
    }
    let limit = Duration::from_secs(args.login.oidc_login_timeout);
    let clock = || {
        let passed = SignedDuration::try_from(since.elapsed()).unwrap_or_default();
        now.checked_add(passed).unwrap_or(now)
    };
    login.finish(limit, &clock).map_err(|error| refused(&error))
}

fn refused(error: &LoginError) -> Failure {
    let code = error.code();
    if error.is_wrong_answer() {
        return Failure::no(code, error);
    }
    match error {
        LoginError::Service(attest_remote::ServiceError::Address { .. }) => {
            Failure::request(code, error)
        }
        _ => Failure::unknown(code, error),
    }
}

/// Whether a program was started that shows pages: that of `BROWSER`, else the system's.
fn open(url: &str) -> bool {
    let chosen = std::env::var("BROWSER").unwrap_or_default();
    let chosen = chosen.split(':').filter(|it| !it.is_empty());
    let mut programs = chosen.chain(OPENERS.iter().copied()).filter_map(program);
    programs.any(|program| {
        let mut command = Command::new(program);
        command.arg(url).stdin(Stdio::null());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        // It is not waited for: a browser goes on as long as it is used.
        command.spawn().is_ok()
    })
}

/// A program by its path, or by its name in an absolute folder of `PATH`: never one of the current folder.
fn program(name: &str) -> Option<PathBuf> {
    let path = Path::new(name);
    if path.is_absolute() {
        return Some(path.to_owned());
    }
    if name.contains('/') {
        return None;
    }
    programs::find(name, std::env::var_os("PATH").as_deref())
}

const OPENERS: &[&str] = &["xdg-open", "open"];
