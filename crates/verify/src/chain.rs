//! Step 11: the signer's certificate leads to an authority of a trusted root.
//!
//! RFC 5280 §6, for the chains that Sigstore has: no revocation, no policies, no name constraints (a
//! certificate that has any is refused), and judged at proven times, never at the clock's.

use attest_provenance::base64;
use jiff::Timestamp;

use crate::asn1::certificate::{Certificate, CertificateError};
use crate::bundle::{Bundle, Material};
use crate::check::Check;
use crate::evidence::ProvenTime;
use crate::signer::Signer;
use crate::trusted_root::{CertificateAuthority, TrustedRoot};

/// The authority that issued a certificate, and the certificate of the key that signed it.
#[derive(Debug)]
pub(crate) struct Issued<'r> {
    pub(crate) root: &'r TrustedRoot,
    pub(crate) authority: &'r CertificateAuthority,
    pub(crate) issuer: Certificate,
}

/// Finds the authority under which the certificate was valid at every proven time. Without a
/// certificate there is nothing to find.
pub(crate) fn verify<'r>(
    bundle: &Bundle,
    signer: &Signer,
    times: &[ProvenTime],
    roots: &'r [TrustedRoot],
) -> Result<Option<Issued<'r>>, Check> {
    let between = issuers_of(bundle).map_err(|error| {
        let wanted = "certificates of Fulcio's profile";
        Check::new("certificate-malformed", error, wanted)
    })?;
    verify_through(&between, signer, times, roots)
}

/// As [`verify`], through these issuers.
pub(crate) fn verify_through<'r>(
    between: &[Certificate],
    signer: &Signer,
    times: &[ProvenTime],
    roots: &'r [TrustedRoot],
) -> Result<Option<Issued<'r>>, Check> {
    let Some(leaf) = &signer.certificate else {
        return Ok(None);
    };
    let paths = paths(leaf, between, roots);
    let mut refused = unknown(leaf);
    let mut issued = None;
    // One authority may stand in a root several times, with other windows and other certificates.
    for path in paths {
        match path.check(times) {
            Ok(()) => {
                issued = Some(path);
                break;
            }
            Err(check) => refused = check,
        }
    }
    match issued {
        Some(path) => Ok(Some(Issued {
            root: path.root,
            authority: path.authority,
            issuer: path.issuer().clone(),
        })),
        None => Err(refused),
    }
}

/// The issuers that the bundle carries, in its order.
fn issuers_of(bundle: &Bundle) -> Result<Vec<Certificate>, CertificateError> {
    match bundle.material() {
        Material::Chain(chain) => chain
            .iter()
            .skip(1)
            .map(|it| Certificate::parse(it))
            .collect(),
        Material::Certificate(_) | Material::Key { .. } => Ok(Vec::new()),
    }
}

/// A way from a certificate to the root of an authority, by names alone.
struct Path<'a, 'r> {
    root: &'r TrustedRoot,
    authority: &'r CertificateAuthority,
    leaf: &'a Certificate,
    /// Those that the bundle brings, in its order.
    between: Vec<&'a Certificate>,
    /// Those of the trusted root, up to and with its last.
    trusted: &'r [Certificate],
}

/// Every way that the names allow: for each authority at most two, straight to it or through all that
/// the bundle carries. So a hostile bundle costs no more than an honest one.
fn paths<'a, 'r>(
    leaf: &'a Certificate,
    between: &'a [Certificate],
    roots: &'r [TrustedRoot],
) -> Vec<Path<'a, 'r>> {
    let mut found = Vec::new();
    let authorities = roots.iter().flat_map(|root| {
        root.certificate_authorities()
            .iter()
            .map(move |it| (root, it))
    });
    for (root, authority) in authorities {
        let chain = authority.chain();
        // What the trusted root has is not taken from the bundle.
        let brought: Vec<&Certificate> = between
            .iter()
            .take_while(|it| chain.iter().all(|known| known.der() != it.der()))
            .collect();
        let ways = [Vec::new(), brought];
        let ways = ways.iter().take(if ways[1].is_empty() { 1 } else { 2 });
        for way in ways {
            let last = way.last().copied().unwrap_or(leaf);
            let from = chain.iter().position(|it| last.names_as_issuer(it));
            if let Some(trusted) = from.and_then(|from| chain.get(from..)) {
                found.push(Path {
                    root,
                    authority,
                    leaf,
                    between: way.clone(),
                    trusted,
                });
            }
        }
    }
    found
}

impl Path<'_, '_> {
    fn issuer(&self) -> &Certificate {
        self.between
            .first()
            .copied()
            .or_else(|| self.trusted.first())
            .unwrap_or(self.leaf)
    }

    fn check(&self, times: &[ProvenTime]) -> Result<(), Check> {
        let invalid = |what: &str| Check::new("certificate-chain-invalid", what, self.wanted());
        if let Some(what) = self.authority.problem() {
            return Err(invalid(what));
        }
        let issuers: Vec<&Certificate> = self
            .between
            .iter()
            .copied()
            .chain(self.trusted.iter())
            .collect();
        // The trusted root's own links are checked once, with the authority.
        let links = self.between.len() + 1;
        let certificates = std::iter::once(self.leaf).chain(issuers.iter().copied());
        for (below, (certificate, issuer)) in certificates.zip(&issuers).enumerate() {
            if below < links && !certificate.is_signed_by(issuer) {
                return Err(invalid("a certificate that the next did not sign"));
            }
            if let Some(what) = issuer.wrong_as_issuer(below) {
                return Err(invalid(what));
            }
        }
        for time in times {
            self.check_at(time, &issuers)?;
        }
        Ok(())
    }

    fn check_at(&self, time: &ProvenTime, issuers: &[&Certificate]) -> Result<(), Check> {
        let outside = |window: String| {
            let found = format!("{} by {}", time.time, time.authority);
            Check::new("certificate-authority-validity", found, window)
        };
        if let Some(window) = self.authority.window().filter(|it| !it.contains(time.time)) {
            return Err(outside(window.to_string()));
        }
        match issuers.iter().find(|it| !it.is_valid_at(time.time)) {
            Some(expired) => Err(outside(validity(expired.not_before(), expired.not_after()))),
            None => Ok(()),
        }
    }

    fn wanted(&self) -> String {
        format!("a chain to {}", self.authority.name())
    }
}

fn unknown(leaf: &Certificate) -> Check {
    let issuer = leaf.issuer_name().unwrap_or_else(|| {
        let (name, _) = leaf.issuer_and_serial();
        base64::encode(name)
    });
    Check::new(
        "certificate-authority-unknown",
        format!("a certificate by {issuer} (claimed)"),
        "an authority of a trusted root",
    )
}

fn validity(from: Timestamp, to: Timestamp) -> String {
    format!("{from} to {to}")
}
