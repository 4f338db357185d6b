//! Trust from cosign's environment variables: only behind `--trust-env`, and never in silence.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use attest_verify::{Assembly, ChainUse, TrustedRoot, TrustedRootError};
use jiff::Timestamp;

use super::{Surroundings, refuse_beside, sha256};
use crate::failure::Failure;
use crate::files;
use crate::report::TrustLine;

/// The root that the variables make together; none if none of them is set.
pub(super) fn root(
    around: &Surroundings,
    lines: &mut Vec<TrustLine>,
) -> Result<Option<TrustedRoot>, Failure> {
    let mut assembly = Assembly::default();
    let mut names = Vec::new();
    for variable in VARIABLES {
        let Some(path) = set(variable) else { continue };
        let path = PathBuf::from(path);
        refuse_beside(&path, around, variable)?;
        let bytes = files::read_limited(&path, PART_BYTES).map_err(|error| {
            let message = format!("{variable}: {}: {error}", path.display());
            Failure::request("trusted-root-unreadable", message)
        })?;
        add(&mut assembly, variable, &bytes).map_err(|error| malformed(&path, variable, &error))?;
        lines.push(TrustLine {
            what: "trusted root",
            place: format!("{variable}={}", path.display()),
            sha256: hex::encode(sha256(&bytes)),
            pinned: false,
            of_home: false,
            taken: None,
            warning: None,
        });
        names.push(*variable);
    }
    if names.is_empty() {
        return Ok(None);
    }
    let whole = |error| malformed(Path::new("together"), "the variables", &error);
    let json = assembly.to_json().map_err(whole)?;
    let root = TrustedRoot::parse(&json).map_err(whole)?;
    Ok(Some(root.named(&names.join("+"))))
}

fn add(assembly: &mut Assembly, variable: &str, bytes: &[u8]) -> Result<(), TrustedRootError> {
    let always = Timestamp::UNIX_EPOCH;
    match variable {
        ROOT => assembly
            .add_chain(bytes, None, Some(ChainUse::Signing))
            .map(drop),
        TSA => assembly
            .add_chain(bytes, None, Some(ChainUse::Timestamping))
            .map(drop),
        CT => assembly.add_certificate_log(bytes, "https://ctfe.sigstore.dev", always),
        _ => {
            let url = set(REKOR_URL).and_then(|it| it.into_string().ok());
            let url = url.as_deref().unwrap_or("https://rekor.sigstore.dev");
            assembly.add_log(bytes, url, always)
        }
    }
}

fn set(variable: &str) -> Option<OsString> {
    std::env::var_os(variable).filter(|it| !it.is_empty())
}

fn malformed(path: &Path, variable: &str, error: &TrustedRootError) -> Failure {
    let message = format!("{variable}: {}: {error}", path.display());
    Failure::request(error.code(), message)
}

const ROOT: &str = "SIGSTORE_ROOT_FILE";
const REKOR: &str = "SIGSTORE_REKOR_PUBLIC_KEY";
const CT: &str = "SIGSTORE_CT_LOG_PUBLIC_KEY_FILE";
const TSA: &str = "SIGSTORE_TSA_CERTIFICATE_FILE";
const VARIABLES: &[&str] = &[ROOT, REKOR, CT, TSA];
/// Where the log is, which is not in its key; without it cosign's own default.
const REKOR_URL: &str = "COSIGN_REKOR_URL";
/// Bytes of one of the files.
const PART_BYTES: u64 = 256 * 1024;
