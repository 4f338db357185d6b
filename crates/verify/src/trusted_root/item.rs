//! What a trusted root holds, item by item, so that people can read and compare it.

use jiff::Timestamp;

use crate::asn1::certificate::Certificate;
use crate::crypto;
use crate::trusted_root::{TimeWindow, TrustedRoot};

/// One log or authority of a trusted root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootItem {
    /// What it is.
    pub kind: ItemKind,
    /// Its name: the origin of a log, the common name of an authority.
    pub name: String,
    /// Where it is served, as the root says.
    pub uri: Option<String>,
    /// What tells it apart: the id of a log, the SHA-256 of an authority's first certificate.
    pub id: [u8; 32],
    /// When it is trusted.
    pub window: Option<TimeWindow>,
    /// When the certificates of an authority are valid, all of them.
    pub certificates: Option<(Timestamp, Timestamp)>,
    /// Whether anything that it signs can be verified here.
    pub is_usable: bool,
}

/// The kinds of items, in the order in which they are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ItemKind {
    /// A transparency log.
    Log,
    /// An authority that issues certificates for code signing.
    CertificateAuthority,
    /// A log of certificates.
    CertificateLog,
    /// A timestamp authority.
    TimestampAuthority,
}

impl ItemKind {
    /// Its name in words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Log => "transparency log",
            Self::CertificateAuthority => "certificate authority",
            Self::CertificateLog => "certificate log",
            Self::TimestampAuthority => "timestamp authority",
        }
    }
}

impl TrustedRoot {
    /// All that it holds.
    pub fn items(&self) -> Vec<RootItem> {
        let logs = self.logs().iter().map(|it| RootItem {
            kind: ItemKind::Log,
            name: it.origin().to_owned(),
            uri: Some(it.base_url().to_owned()),
            id: *it.id(),
            window: Some(*it.window()),
            certificates: None,
            is_usable: it.is_supported(),
        });
        let issuers = self.certificate_authorities().iter().map(|it| RootItem {
            kind: ItemKind::CertificateAuthority,
            name: it.name().to_owned(),
            uri: it.uri().map(str::to_owned),
            id: first(it.chain()),
            window: it.window().copied(),
            certificates: validity(it.chain()),
            is_usable: it.problem().is_none(),
        });
        let certificate_logs = self.certificate_logs().iter().map(|it| RootItem {
            kind: ItemKind::CertificateLog,
            name: it.name().to_owned(),
            uri: None,
            id: *it.id(),
            window: Some(*it.window()),
            certificates: None,
            is_usable: true,
        });
        let authorities = self.authorities().iter().map(|it| RootItem {
            kind: ItemKind::TimestampAuthority,
            name: it.name().to_owned(),
            uri: it.uri().map(str::to_owned),
            id: first(it.chain()),
            window: it.window().copied(),
            certificates: validity(it.chain()),
            is_usable: it.problem().is_none(),
        });
        logs.chain(issuers)
            .chain(certificate_logs)
            .chain(authorities)
            .collect()
    }
}

fn first(chain: &[Certificate]) -> [u8; 32] {
    chain.first().map_or([0; 32], |it| crypto::sha256(it.der()))
}

/// The time in which every certificate of a chain is valid.
fn validity(chain: &[Certificate]) -> Option<(Timestamp, Timestamp)> {
    let from = chain.iter().map(Certificate::not_before).max()?;
    let to = chain.iter().map(Certificate::not_after).min()?;
    Some((from, to))
}
