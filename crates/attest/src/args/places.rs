//! How places on the network that keep files are reached.

use std::time::Duration;

use attest_remote::{
    Patience, PlaceError, PlainHttp, S3Address, S3Credentials, S3Replica, S3Settings,
};
use clap::Args;
use jiff::Timestamp;

use crate::failure::{Failure, with_source};

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
}

impl PlaceFlags {
    /// The address and how it is reached, if a text is meant as a bucket.
    pub(crate) fn bucket(&self, text: &str) -> Option<Result<(S3Address, S3Settings), Failure>> {
        if !S3Address::is_meant(text) {
            return None;
        }
        let address = S3Address::parse(text).map_err(|error| place_failure(&error));
        Some(address.map(|address| (address, self.s3())))
    }

    pub(crate) fn plain_http(&self) -> PlainHttp {
        if self.plain_http {
            PlainHttp::Anywhere
        } else {
            PlainHttp::Loopback
        }
    }

    fn s3(&self) -> S3Settings {
        let key = variable(&["AWS_ACCESS_KEY_ID"]);
        let secret = variable(&["AWS_SECRET_ACCESS_KEY"]);
        let token = variable(&["AWS_SESSION_TOKEN"]);
        let endpoint = self.s3_endpoint.clone();
        let region = self.s3_region.clone();
        S3Settings {
            endpoint: endpoint.or_else(|| variable(&["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"])),
            region: region.or_else(|| variable(&["AWS_REGION", "AWS_DEFAULT_REGION"])),
            credentials: key
                .zip(secret)
                .map(|(key, secret)| S3Credentials::new(&key, &secret, token.as_deref())),
            plain_http: self.plain_http(),
            patience: PATIENCE,
            // What a signature says of the time is the service's to judge: `--at` has no say in it.
            now: Timestamp::now(),
        }
    }
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
        _ => Failure::unknown(error.code(), message),
    }
}

/// The first of these variables that is set and not empty.
pub(crate) fn variable(names: &[&str]) -> Option<String> {
    let values = names.iter().filter_map(|name| std::env::var(name).ok());
    values.into_iter().find(|it| !it.trim().is_empty())
}

/// A place that keeps releases may be far away.
pub(crate) const PATIENCE: Patience = Patience {
    connect: Duration::from_secs(20),
    total: Duration::from_secs(60),
};
