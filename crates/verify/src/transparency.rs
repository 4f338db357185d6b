//! Step 12: a trusted certificate log has seen the signer's certificate (RFC 6962).
//!
//! The log signed the certificate before its own timestamp was put into it: that is rebuilt, never
//! taken from anywhere.

use jiff::Timestamp;

use crate::asn1::precertificate;
use crate::chain::Issued;
use crate::check::Check;
use crate::crypto;
use crate::evidence::Skipped;
use crate::limits;
use crate::signer::Signer;
use crate::trusted_root::CertificateLog;

/// What the certificate's timestamps prove.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// The certificate logs that signed, by their host.
    pub(crate) logs: Vec<(String, Timestamp)>,
    pub(crate) skipped: Option<Skipped>,
}

/// A signed certificate timestamp (RFC 6962 §3.2).
struct CertificateTimestamp<'a> {
    log: &'a [u8],
    /// Milliseconds since 1970.
    time: u64,
    extensions: &'a [u8],
    hash: u8,
    algorithm: u8,
    signature: &'a [u8],
}

/// At least one log of the issuer's trusted root must have signed, and none of its logs may have
/// signed something else. A root without certificate logs asks for nothing.
pub(crate) fn verify(signer: &Signer, issued: &Issued<'_>) -> Result<Seen, Check> {
    let known = issued.root.certificate_logs();
    let Some(certificate) = signer.certificate.as_ref() else {
        return Ok(Seen::default());
    };
    if !issued.root.asks_for_certificate_logs() {
        return Ok(Seen {
            skipped: Some(Skipped::CertificateLog),
            ..Seen::default()
        });
    }
    let Some(list) = certificate.certificate_timestamps() else {
        return Err(Check::new(
            "certificate-transparency-missing",
            "a certificate without a timestamp of a certificate log",
            "one of a trusted certificate log",
        ));
    };
    let timestamps = list
        .map_err(|_| ())
        .and_then(parse_list)
        .map_err(|()| invalid("a list of timestamps that is malformed"))?;
    let key_hash = crypto::sha256(issued.issuer.spki());
    let precertificate = precertificate::tbs(certificate)
        .ok_or_else(|| invalid("a certificate that cannot be rebuilt without its timestamps"))?;
    let mut logs = Vec::new();
    for timestamp in &timestamps {
        let of_log: Vec<&CertificateLog> =
            known.iter().filter(|it| it.id() == timestamp.log).collect();
        if of_log.is_empty() {
            continue;
        }
        let entry = timestamp.entry(&key_hash, &precertificate);
        logs.push(timestamp.verify(&entry, &of_log)?);
    }
    if logs.is_empty() {
        let ids: Vec<String> = timestamps.iter().map(|it| hex::encode(it.log)).collect();
        return Err(Check::new(
            "certificate-log-unknown",
            format!("certificate log {} (claimed)", ids.join(", ")),
            "a certificate log of a trusted root",
        ));
    }
    Ok(Seen {
        logs,
        skipped: None,
    })
}

impl CertificateTimestamp<'_> {
    /// What the log signed: RFC 6962 §3.2, a precertificate entry.
    fn entry(&self, key_hash: &[u8; 32], precertificate: &[u8]) -> Vec<u8> {
        let length = u32::try_from(precertificate.len()).unwrap_or(u32::MAX);
        let mut signed = vec![VERSION_1, CERTIFICATE_TIMESTAMP];
        signed.extend(self.time.to_be_bytes());
        signed.extend(PRECERTIFICATE_ENTRY);
        signed.extend(key_hash);
        signed.extend(length.to_be_bytes().iter().skip(1));
        signed.extend(precertificate);
        let extensions = u16::try_from(self.extensions.len()).unwrap_or(u16::MAX);
        signed.extend(extensions.to_be_bytes());
        signed.extend(self.extensions);
        signed
    }

    fn verify(
        &self,
        signed: &[u8],
        logs: &[&CertificateLog],
    ) -> Result<(String, Timestamp), Check> {
        let by: Vec<&&CertificateLog> = logs
            .iter()
            .filter(|it| {
                self.hash == SHA_256
                    && self.algorithm == it.algorithm()
                    && it.verifies(signed, self.signature)
            })
            .collect();
        let log = by
            .first()
            .ok_or_else(|| invalid("a timestamp that the certificate log did not sign"))?;
        let time = i64::try_from(self.time)
            .ok()
            .and_then(|it| Timestamp::from_millisecond(it).ok())
            .ok_or_else(|| invalid("a time that is none"))?;
        if by.iter().any(|it| it.window().contains(time)) {
            return Ok((log.name().to_owned(), time));
        }
        let windows: Vec<String> = by.iter().map(|it| it.window().to_string()).collect();
        Err(Check::new(
            "certificate-log-validity",
            format!("{time} by {}", log.name()),
            windows.join(" or "),
        ))
    }
}

/// `SignedCertificateTimestampList`: lengths of two bytes each.
fn parse_list(list: &[u8]) -> Result<Vec<CertificateTimestamp<'_>>, ()> {
    let (mut rest, after) = short(list)?;
    if !after.is_empty() || rest.is_empty() {
        return Err(());
    }
    let mut found = Vec::new();
    while !rest.is_empty() {
        if found.len() == limits::CERTIFICATE_TIMESTAMPS {
            return Err(());
        }
        let (one, more) = short(rest)?;
        found.push(parse(one)?);
        rest = more;
    }
    Ok(found)
}

fn parse(bytes: &[u8]) -> Result<CertificateTimestamp<'_>, ()> {
    let (version, rest) = bytes.split_first().ok_or(())?;
    let (log, rest) = rest.split_at_checked(32).ok_or(())?;
    let (time, rest) = rest.split_first_chunk::<8>().ok_or(())?;
    let (extensions, rest) = short(rest)?;
    let ([hash, algorithm], rest) = rest.split_first_chunk::<2>().ok_or(())?;
    let (signature, rest) = short(rest)?;
    if *version != VERSION_1 || !rest.is_empty() {
        return Err(());
    }
    Ok(CertificateTimestamp {
        log,
        time: u64::from_be_bytes(*time),
        extensions,
        hash: *hash,
        algorithm: *algorithm,
        signature,
    })
}

/// A length in two bytes, that many bytes, and the rest.
fn short(bytes: &[u8]) -> Result<(&[u8], &[u8]), ()> {
    let (length, rest) = bytes.split_first_chunk::<2>().ok_or(())?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
        .ok_or(())
}

fn invalid(found: &str) -> Check {
    Check::new(
        "certificate-transparency-invalid",
        found,
        "a timestamp that a trusted certificate log signed for this certificate",
    )
}

const VERSION_1: u8 = 0;
const CERTIFICATE_TIMESTAMP: u8 = 0;
const PRECERTIFICATE_ENTRY: [u8; 2] = [0, 1];
/// RFC 5246 §7.4.1.4.1.
const SHA_256: u8 = 4;
