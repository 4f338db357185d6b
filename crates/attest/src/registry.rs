//! Registries as the flags and docker's configuration say, and what is answered when they do not.

use std::env;
use std::path::{Path, PathBuf};
use std::time::Duration;

use attest_remote::Patience;
use attest_remote::registry::{
    Login, Reference, Registry, RegistryError, RegistryOptions, Repository,
};

use crate::args::RegistryArgs;
use crate::args::places::authorities;
use crate::failure::{Failure, with_source};
use crate::files;
use crate::report::Refusal;

/// Registries, called as the flags say. Docker's configuration is read for who we are, and for nothing
/// else.
///
/// # Errors
/// A flag, the file of authorities or docker's configuration is wrong.
pub(crate) fn open(args: &RegistryArgs) -> Result<Registry, Failure> {
    let authorities = args.registry_ca.as_deref().map(authorities).transpose()?;
    let options = RegistryOptions {
        patience: PATIENCE,
        plain_http: args.plain_http.clone(),
        authorities: authorities.unwrap_or_default(),
        mirrors: pairs("--registry-mirror HOST=MIRROR", &args.registry_mirror)?,
        realms: pairs("--registry-realm HOST=REALM", &args.registry_realm)?,
        login: login(args.registry_config.as_deref())?,
    };
    Registry::new(options).map_err(|error| failure(&error))
}

/// One registry as a place to publish to, reached as places are.
///
/// # Errors
/// As [`open`].
pub(crate) fn place(
    host: &str,
    reach: attest_remote::Reach,
    config: Option<&Path>,
    realms: &[String],
) -> Result<Registry, Failure> {
    let is_plain = reach.plain_http == attest_remote::PlainHttp::Anywhere;
    let options = RegistryOptions {
        patience: reach.patience,
        plain_http: is_plain.then(|| host.to_owned()).into_iter().collect(),
        authorities: reach.authorities,
        mirrors: Vec::new(),
        realms: pairs("--registry-realm HOST=REALM", realms)?,
        login: login(config)?,
    };
    Registry::new(options).map_err(|error| failure(&error))
}

/// The hosts that a flag puts beside others.
fn pairs(flag: &str, given: &[String]) -> Result<Vec<(String, String)>, Failure> {
    let (flag, form) = flag.split_once(' ').unwrap_or((flag, ""));
    let pair = |text: &String| {
        let pair = text.split_once('=');
        pair.map(|(one, other)| (one.to_owned(), other.to_owned()))
            .ok_or_else(|| {
                let message = format!("{flag} {text:?} is not {form}");
                Failure::request("bad-arguments", message)
            })
    };
    given.iter().map(pair).collect()
}

fn login(config: Option<&Path>) -> Result<Login, Failure> {
    let (place, named) = match config {
        Some(path) => (path.to_owned(), true),
        None => match default_config() {
            Some(path) => (path, false),
            None => return Ok(Login::anonymous()),
        },
    };
    let bytes = match files::read_limited(&place, LOGIN_BYTES) {
        Ok(bytes) => bytes,
        Err(error) if !named && error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(Login::anonymous());
        }
        Err(error) => {
            let message = format!("{}: {error}", place.display());
            return Err(Failure::request("registry-login", message));
        }
    };
    let search = env::var_os("PATH").unwrap_or_default();
    let search: Vec<PathBuf> = env::split_paths(&search).collect();
    Login::parse(&place.display().to_string(), &bytes, search).map_err(|error| failure(&error))
}

fn default_config() -> Option<PathBuf> {
    let folder = |name: &str| env::var_os(name).filter(|it| !it.is_empty());
    let folder = match folder("DOCKER_CONFIG") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(&folder("HOME")?).join(".docker"),
    };
    Some(folder.join("config.json"))
}

/// A reference of the command line.
///
/// # Errors
/// `registry-reference` (exit 2).
pub(crate) fn reference(text: &str) -> Result<Reference, Failure> {
    Reference::parse(text).map_err(|error| failure(&error))
}

/// Who is read in the place of the registry that was named, if somebody is.
pub(crate) fn mirror<'a>(repository: &'a Repository<'_>) -> Option<&'a str> {
    let host = repository.host();
    (host != repository.reference().host()).then_some(host)
}

/// What a registry said or did not say, with its exit code.
pub(crate) fn failure(error: &RegistryError) -> Failure {
    let message = with_source(error);
    if error.is_bad_request() {
        return Failure::request(error.code(), message);
    }
    if error.is_wrong_bytes() {
        return Failure::no(error.code(), message);
    }
    Failure::unknown(error.code(), message)
}

/// The same as a reason in a report.
pub(crate) fn refusal(error: &RegistryError) -> Refusal {
    Refusal {
        code: error.code(),
        found: with_source(error),
        wanted: "what its digest names, from a registry that answers".to_owned(),
    }
}

/// Whether a code says that a registry gave no answer: then nothing is known, and it is no "no".
pub(crate) fn is_unanswered(code: &str) -> bool {
    code.starts_with("registry-") && !matches!(code, "registry-differs" | "registry-too-large")
}

const PATIENCE: Patience = Patience {
    connect: Duration::from_secs(10),
    total: Duration::from_secs(60),
};
const LOGIN_BYTES: u64 = attest_remote::limits::REGISTRY_LOGIN_BYTES;
