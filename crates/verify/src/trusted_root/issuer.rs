//! Certificate authorities of a trusted root.

use std::sync::OnceLock;

use attest_provenance::json::Object;

use crate::asn1::certificate::Certificate;
use crate::trusted_root::{TimeWindow, TrustedRootError, authority, take_chain, window};

/// An authority that is trusted to issue certificates for code signing.
#[derive(Debug)]
pub struct CertificateAuthority {
    name: String,
    uri: Option<String>,
    /// From the one that issues to the root; at least one.
    chain: Vec<Certificate>,
    window: Option<TimeWindow>,
    /// Whether the chain leads to its root, found out when it is first needed.
    problem: OnceLock<Option<&'static str>>,
}

impl CertificateAuthority {
    /// The common name of the certificate that issues, else the URI, else `unnamed`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it is served, as the trusted root says.
    pub fn uri(&self) -> Option<&str> {
        self.uri.as_deref()
    }

    /// When it is trusted; without a window its certificates alone decide.
    pub const fn window(&self) -> Option<&TimeWindow> {
        self.window.as_ref()
    }

    /// Its certificates, from the one that issues to the root.
    pub(crate) fn chain(&self) -> &[Certificate] {
        &self.chain
    }

    /// Why its certificates do not lead to its root.
    pub(crate) fn problem(&self) -> Option<&'static str> {
        *self.problem.get_or_init(|| {
            let links = self.chain.iter().zip(self.chain.iter().skip(1));
            let mut broken = links.filter(|(below, issuer)| !below.is_signed_by(issuer));
            broken
                .next()
                .map(|_| "a trusted certificate that the next did not sign")
        })
    }

    pub(super) fn from_object(mut object: Object) -> Result<Self, TrustedRootError> {
        let subject = authority::take_subject(&mut object)?;
        let uri = object.take_optional_string("uri")?;
        object.take_optional_string("operator")?;
        let chain = take_chain(&mut object)?;
        let window = window::take_optional(&mut object)?;
        object.finish()?;
        let certified = chain.first().and_then(Certificate::common_name);
        let name = certified.or(subject).or_else(|| uri.clone());
        Ok(Self {
            name: name.unwrap_or_else(|| "unnamed".to_owned()),
            uri,
            chain,
            window,
            problem: OnceLock::new(),
        })
    }
}
