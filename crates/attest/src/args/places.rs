//! How places on the network that keep files are reached.

use std::path::{Path, PathBuf};
use std::time::Duration;

use attest_remote::{
    Patience, PlaceError, PlainHttp, Reach, S3Address, S3Credentials, S3Replica, S3Settings,
};
use clap::Args;
use jiff::Timestamp;

use crate::failure::{Failure, with_source};
use crate::files;
use crate::registry;

/// How a bucket is reached. Who asks is in the usual variables, and never in an argument.
#[derive(Debug, Clone, Args)]
pub(crate) struct PlaceFlags {
    /// The S3 service that has the bucket [default: `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL`, else Amazon's]
    #[arg(long, value_name = "URL")]
    s3_endpoint: Option<String>,
    /// Its region [default: `AWS_REGION`, `AWS_DEFAULT_REGION`, else us-east-1]
    #[arg(long, value_name = "REGION")]
    s3_region: Option<String>,
    /// Call places on other machines without TLS too: who listens can read and change what goes by
    #[arg(long)]
    plain_http: bool,
    /// Trust these certification authorities (PEM) for places on the network, beside the system's
    /// [default: for buckets `AWS_CA_BUNDLE`]
    #[arg(long, value_name = "FILE")]
    place_ca: Option<PathBuf>,
}

impl PlaceFlags {
    /// The address and how it is reached, if a text is meant as a bucket.
    pub(crate) fn bucket(&self, text: &str) -> Option<Result<(S3Address, S3Settings), Failure>> {
        if !S3Address::is_meant(text) {
            return None;
        }
        let address = S3Address::parse(text).map_err(|error| place_failure(&error));
        Some(address.and_then(|address| Ok((address, self.s3()?))))
    }

    pub(crate) fn plain_http(&self) -> PlainHttp {
        if self.plain_http {
            PlainHttp::Anywhere
        } else {
            PlainHttp::Loopback
        }
    }

    /// How a place is reached.
    ///
    /// # Errors
    /// `bad-arguments` (2): the file of authorities is none.
    pub(crate) fn reach(&self) -> Result<Reach, Failure> {
        let authorities = self.place_ca.as_deref().map(authorities).transpose()?;
        Ok(Reach {
            patience: PATIENCE,
            plain_http: self.plain_http(),
            authorities: authorities.unwrap_or_default(),
        })
    }

    fn s3(&self) -> Result<S3Settings, Failure> {
        let mut reach = self.reach()?;
        if self.place_ca.is_none()
            && let Some(path) = variable(&["AWS_CA_BUNDLE"])
        {
            reach.authorities = authorities(Path::new(&path))?;
        }
        let key = variable(&["AWS_ACCESS_KEY_ID"]);
        let secret = variable(&["AWS_SECRET_ACCESS_KEY"]);
        let token = variable(&["AWS_SESSION_TOKEN"]);
        let endpoint = self.s3_endpoint.clone();
        let region = self.s3_region.clone();
        Ok(S3Settings {
            endpoint: endpoint.or_else(|| variable(&["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"])),
            region: region.or_else(|| variable(&["AWS_REGION", "AWS_DEFAULT_REGION"])),
            credentials: key
                .zip(secret)
                .map(|(key, secret)| S3Credentials::new(&key, &secret, token.as_deref())),
            plain_http: reach.plain_http,
            patience: reach.patience,
            authorities: reach.authorities,
            // What a signature says of the time is the service's to judge: `--at` has no say in it.
            now: Timestamp::now(),
        })
    }
}

/// Certificates of authorities, as a file has them.
///
/// # Errors
/// `bad-arguments` (2): it cannot be read, or is no PEM.
pub(crate) fn authorities(path: &Path) -> Result<Vec<u8>, Failure> {
    let refused = |problem: String| {
        Failure::request("bad-arguments", format!("{}: {problem}", path.display()))
    };
    let read = files::read_limited(path, AUTHORITIES_BYTES);
    let bytes = read.map_err(|error| refused(error.to_string()))?;
    if !bytes.windows(PEM.len()).any(|it| it == PEM) {
        return Err(refused("it holds no certificate in PEM".to_owned()));
    }
    Ok(bytes)
}

/// A replica in a bucket, to read from or to write to.
pub(crate) fn bucket_replica(
    (address, settings): &(S3Address, S3Settings),
    writes: bool,
) -> Result<S3Replica, Failure> {
    let replica = if writes {
        S3Replica::init(address, settings)
    } else {
        S3Replica::open(address, settings)
    };
    replica.map_err(|error| place_failure(&error))
}

/// What a place said, with its exit code.
pub(crate) fn place_failure(error: &PlaceError) -> Failure {
    let message = with_source(error);
    match error {
        PlaceError::Address { .. } | PlaceError::Credentials { .. } => {
            Failure::request(error.code(), message)
        }
        PlaceError::Registry { source, .. } => registry::failure(source),
        _ => Failure::unknown(error.code(), message),
    }
}

/// The first of these variables that is set and not empty.
pub(crate) fn variable(names: &[&str]) -> Option<String> {
    let values = names.iter().filter_map(|name| std::env::var(name).ok());
    values.into_iter().find(|it| !it.trim().is_empty())
}

/// A place that keeps releases may be far away.
const PATIENCE: Patience = Patience {
    connect: Duration::from_secs(20),
    total: Duration::from_secs(60),
};
const AUTHORITIES_BYTES: u64 = 1 << 20;
const PEM: &[u8] = b"-----BEGIN CERTIFICATE-----";
