//! From what is to be signed to bundles that verify, step by step, each step kept before the next.

use std::fmt;

use attest_digest::{Algorithm, Digest};
use attest_provenance::{Envelope, base64};
use attest_verify::{ExpectedSigner, IssuedCertificate, ProvenSigner, PublicKey, Verifier};
use serde_json::{Value, json};

use super::certifier::{Certifier, expects, holder, is_usable};
use super::draft::{Draft, Drafts, Verifier as DraftVerifier};
use super::{Clock, ENTRY_EXISTS, EntryLog, NamedTimestamper, Proposal};
use crate::artifact_key::ArtifactKey;
use crate::bundle::{Content, assemble};
use crate::signer::{self, SignError, Signed, Unsigned};

/// Who signs.
pub enum Credential<'c, 'a> {
    /// The holder of this key.
    Key(&'a ArtifactKey),
    /// Whom a certificate names.
    Identity(&'c mut Certifier<'a>),
}

/// Signs with services that others run, for one verifier.
pub struct ServiceSigner<'a> {
    /// All of them timestamp each signature.
    pub authorities: Vec<NamedTimestamper<'a>>,
    /// All of them get an entry about each signature; at least one.
    pub logs: Vec<&'a dyn EntryLog>,
    /// Has the trust that acquirers will have.
    pub verifier: &'a Verifier,
    /// What time it is.
    pub clock: Clock<'a>,
}

impl Credential<'_, '_> {
    /// Certificates are for P-256 keys.
    const fn digest_algorithm(&self) -> Algorithm {
        match self {
            Self::Key(key) => key.digest_algorithm(),
            Self::Identity(_) => Algorithm::Sha256,
        }
    }
}

/// Whom a certificate names, and who vouches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The e-mail address or URI.
    pub identity: String,
    /// Who vouches for it.
    pub issuer: String,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} by {}", self.identity, self.issuer)
    }
}

/// One signature on its way.
struct Piece<'a> {
    unsigned: Unsigned<'a>,
    digest: Digest,
    draft: Option<Draft>,
    expected: Option<ExpectedSigner>,
    content: Option<Content>,
}

impl ServiceSigner<'_> {
    /// Signs all of these, in order: every signature, then every timestamp, then every log entry; each
    /// step is kept as a draft before the next begins, and what a draft has is not asked for again.
    /// Nothing is handed out that does not verify. Drafts stay until the caller takes them away.
    ///
    /// # Errors
    /// Before anything is asked: `pae-as-message`, a statement's code. After that what a service said,
    /// or what is wrong with what it gave: then its draft is forgotten.
    pub fn sign(
        &self,
        credential: &mut Credential<'_, '_>,
        drafts: &mut dyn Drafts,
        unsigned: &[Unsigned<'_>],
    ) -> Result<Vec<Signed>, SignError> {
        for (position, one) in unsigned.iter().enumerate() {
            signer::check(one, position)?;
        }
        let mut pieces = Vec::with_capacity(unsigned.len());
        for one in unsigned {
            pieces.push(self.resume(one, credential, drafts)?);
        }
        self.add_signatures(&mut pieces, credential, drafts)?;
        self.add_timestamps(&mut pieces, drafts)?;
        if self.add_entries(&mut pieces, drafts)?.is_some() {
            // A log has an entry and does not prove it: only another signature gets another entry.
            self.add_signatures(&mut pieces, credential, drafts)?;
            self.add_timestamps(&mut pieces, drafts)?;
            if let Some(exists) = self.add_entries(&mut pieces, drafts)? {
                return Err(exists);
            }
        }
        let finished = pieces.into_iter().enumerate();
        finished
            .map(|(position, piece)| self.finish(piece, position, drafts))
            .collect()
    }

    /// Whom the certificates of this credential name; nobody for a key. `known` is whom an earlier run
    /// signed for: if the token can name them, nothing is asked, else a certificate is.
    ///
    /// # Errors
    /// Why there is no certificate.
    pub fn holder(
        &self,
        credential: &mut Credential<'_, '_>,
        known: Option<Holder>,
    ) -> Result<Option<Holder>, SignError> {
        let Credential::Identity(certifier) = credential else {
            return Ok(None);
        };
        if let Some(known) = known.filter(|it| expects(certifier.expected(), it)) {
            return Ok(Some(known));
        }
        let ours = certifier.key_at((self.clock)(), self.verifier)?;
        match ours.certificate().holder() {
            ProvenSigner::Identity { identity, issuer } => Ok(Some(Holder {
                identity: identity.clone(),
                issuer: issuer.clone(),
            })),
            _ => Err(SignError::CertificateKey),
        }
    }

    /// With what an earlier run kept, if it can still become a bundle of this signer.
    fn resume<'u>(
        &self,
        unsigned: &Unsigned<'u>,
        credential: &Credential<'_, '_>,
        drafts: &mut dyn Drafts,
    ) -> Result<Piece<'u>, SignError> {
        let digest = unsigned.digest(credential.digest_algorithm())?;
        let mut piece = Piece {
            unsigned: *unsigned,
            digest,
            draft: None,
            expected: None,
            content: None,
        };
        let kept = drafts.find(&digest);
        let kept = kept.and_then(|it| Draft::parse(&it, &digest));
        if let Some(draft) = kept.map(|it| self.of_these_services(it))
            && let Some(expected) = self.whose(&draft, credential)
        {
            piece.set(draft, expected);
        }
        Ok(piece)
    }

    /// Without what services said that are not asked now.
    fn of_these_services(&self, mut draft: Draft) -> Draft {
        let asked = |address: &str| self.authorities.iter().any(|it| it.address == address);
        draft.timestamps.retain(|(address, _)| asked(address));
        let asked = |address: &str| self.logs.iter().any(|it| it.address() == address);
        draft.entries.retain(|(address, _)| asked(address));
        draft
    }

    /// Whose draft it is, if it is this signer's and what it lacks can still be had.
    fn whose(&self, draft: &Draft, credential: &Credential<'_, '_>) -> Option<ExpectedSigner> {
        match (credential, &draft.verifier) {
            (Credential::Key(key), DraftVerifier::PublicKey(spki)) if key.spki() == spki => {
                Some(ExpectedSigner::Key(PublicKey::from_spki(spki).ok()?))
            }
            (Credential::Identity(certifier), DraftVerifier::Certificate(der)) => {
                let certificate = self
                    .verifier
                    .verify_issued(der, certifier.expected(), draft.signed)
                    .ok()?;
                self.can_go_on(draft, &certificate)
                    .then(|| holder(&certificate))?
            }
            _ => None,
        }
    }

    /// While the certificate is valid, or when no time of it is still to be proven.
    fn can_go_on(&self, draft: &Draft, certificate: &IssuedCertificate) -> bool {
        let stamped = self
            .authorities
            .iter()
            .all(|it| draft.has_timestamp(it.address));
        let mut telling = self.logs.iter().filter(|it| it.tells_time());
        let logged = telling.all(|it| draft.has_entry(it.address()));
        is_usable(certificate, (self.clock)()) || (stamped && logged)
    }

    fn add_signatures(
        &self,
        pieces: &mut [Piece<'_>],
        credential: &mut Credential<'_, '_>,
        drafts: &mut dyn Drafts,
    ) -> Result<(), SignError> {
        for piece in pieces.iter_mut().filter(|it| it.draft.is_none()) {
            let now = (self.clock)();
            let (key, verifier, expected) = match credential {
                Credential::Key(key) => {
                    let expected = ExpectedSigner::Key(key.public().clone());
                    let verifier = DraftVerifier::PublicKey(key.spki().to_vec());
                    (*key, verifier, expected)
                }
                Credential::Identity(certifier) => {
                    let ours = certifier.key_at(now, self.verifier)?;
                    let certificate = ours.certificate();
                    let expected = holder(certificate).ok_or(SignError::CertificateKey)?;
                    let verifier = DraftVerifier::Certificate(certificate.der().to_vec());
                    (ours.key(), verifier, expected)
                }
            };
            let draft = Draft {
                signed: now,
                digest: piece.digest,
                signature: key.sign_digest(&piece.digest)?,
                verifier,
                timestamps: Vec::new(),
                entries: Vec::new(),
            };
            keep(&draft, drafts)?;
            piece.set(draft, expected);
        }
        Ok(())
    }

    fn add_timestamps(
        &self,
        pieces: &mut [Piece<'_>],
        drafts: &mut dyn Drafts,
    ) -> Result<(), SignError> {
        for authority in &self.authorities {
            let mut lacking: Vec<&mut Draft> = pieces
                .iter_mut()
                .filter_map(|it| it.draft.as_mut())
                .filter(|it| !it.has_timestamp(authority.address))
                .collect();
            for some in lacking.chunks_mut(AT_ONCE) {
                let signatures: Vec<&[u8]> =
                    some.iter().map(|it| it.signature.as_slice()).collect();
                let answers = authority.service.timestamp_all(&signatures)?;
                signer::expect_answers("timestamp authority", answers.len(), some.len())?;
                for (draft, answer) in some.iter_mut().zip(answers) {
                    draft
                        .timestamps
                        .push((authority.address.to_owned(), answer));
                    keep(draft, drafts)?;
                }
            }
        }
        Ok(())
    }

    /// Hears every log about every signature before it stops at an error. If a log has entries and does
    /// not prove them, the answer says so, and these signatures are forgotten.
    fn add_entries(
        &self,
        pieces: &mut [Piece<'_>],
        drafts: &mut dyn Drafts,
    ) -> Result<Option<SignError>, SignError> {
        let mut refused: Option<SignError> = None;
        let mut exist = Vec::new();
        for log in &self.logs {
            let lacking: Vec<usize> = positions_lacking(pieces, log.address());
            let mut heard = Vec::with_capacity(lacking.len());
            {
                let proposals: Vec<Proposal<'_>> = lacking
                    .iter()
                    .filter_map(|at| pieces.get(*at)?.proposal())
                    .collect();
                log.add_all(&proposals, &mut |at, answer| heard.push((at, answer)));
                signer::expect_answers("log", heard.len(), proposals.len())?;
            }
            for (at, answer) in heard {
                let Some(position) = lacking.get(at).copied() else {
                    continue;
                };
                let Some(draft) = pieces.get_mut(position).and_then(|it| it.draft.as_mut()) else {
                    continue;
                };
                match answer {
                    Ok(entry) => {
                        draft.entries.push((log.address().to_owned(), entry));
                        keep(draft, drafts)?;
                    }
                    Err(error) if error.code() == ENTRY_EXISTS => {
                        exist.push(position);
                        refused = refused.or(Some(error.into()));
                    }
                    Err(error) => return_first(&mut refused, error.into()),
                }
            }
        }
        match refused {
            None => Ok(None),
            Some(SignError::Log(error)) if error.code() == ENTRY_EXISTS => {
                for position in exist {
                    if let Some(piece) = pieces.get_mut(position) {
                        drafts.forget(&piece.digest);
                        piece.draft = None;
                    }
                }
                Ok(Some(error.into()))
            }
            Some(error) => Err(error),
        }
    }

    fn finish(
        &self,
        piece: Piece<'_>,
        position: usize,
        drafts: &mut dyn Drafts,
    ) -> Result<Signed, SignError> {
        let (Some(draft), Some(expected), Some(content)) =
            (piece.draft, piece.expected, piece.content)
        else {
            return Err(SignError::Answers {
                service: "signer",
                found: 0,
                wanted: 1,
            });
        };
        let entries: Vec<&Value> = draft.entries.iter().map(|(_, it)| it.to_json()).collect();
        let timestamps: Vec<&[u8]> = draft.timestamps.iter().map(|(_, it)| &it[..]).collect();
        let bundle = assemble(material(&draft.verifier), entries, &timestamps, &content)?;
        // A large release takes longer than clocks may differ.
        let now = Some((self.clock)());
        let verified = signer::verify(
            self.verifier,
            now,
            &piece.unsigned,
            &bundle,
            &expected,
            position,
        );
        let evidence = match verified {
            Ok(Ok(evidence)) => evidence,
            Ok(Err(rejection)) => {
                drafts.forget(&piece.digest);
                let rejection = Box::new(rejection);
                return Err(SignError::Refuted {
                    position,
                    rejection,
                });
            }
            Err(error) => {
                drafts.forget(&piece.digest);
                return Err(error);
            }
        };
        Ok(Signed {
            bundle,
            signature: draft.signature,
            log_index: draft.entries.first().map_or(0, |(_, it)| it.index()),
            evidence,
        })
    }
}

impl Piece<'_> {
    fn set(&mut self, draft: Draft, expected: ExpectedSigner) {
        self.content = Some(self.unsigned.signed(self.digest, &draft.signature));
        self.expected = Some(expected);
        self.draft = Some(draft);
    }

    fn proposal(&self) -> Option<Proposal<'_>> {
        let envelope: Option<&Envelope> = match &self.content {
            Some(Content::Envelope(envelope)) => Some(envelope),
            _ => None,
        };
        Some(self.draft.as_ref()?.proposal(envelope))
    }
}

fn positions_lacking(pieces: &[Piece<'_>], address: &str) -> Vec<usize> {
    let lacks = |it: &Piece<'_>| it.draft.as_ref().is_some_and(|it| !it.has_entry(address));
    let numbered = pieces.iter().enumerate();
    numbered
        .filter(|(_, it)| lacks(it))
        .map(|(position, _)| position)
        .collect()
}

/// What went wrong counts for more than an entry that is there already.
fn return_first(refused: &mut Option<SignError>, error: SignError) {
    match refused {
        Some(SignError::Log(first)) if first.code() == ENTRY_EXISTS => *refused = Some(error),
        Some(_) => {}
        None => *refused = Some(error),
    }
}

fn keep(draft: &Draft, drafts: &mut dyn Drafts) -> Result<(), SignError> {
    let bytes = draft.to_json().map_err(crate::bundle::BundleError::from)?;
    Ok(drafts.keep(&draft.digest, &bytes)?)
}

/// cosign's hint for managed keys, or the certificate alone (protobuf-specs: version 0.3 has no chain).
fn material(verifier: &DraftVerifier) -> Value {
    match verifier {
        DraftVerifier::PublicKey(spki) => {
            json!({"publicKey": {"hint": base64::encode(&crate::crypto::sha256(spki))}})
        }
        DraftVerifier::Certificate(der) => {
            json!({"certificate": {"rawBytes": base64::encode(der)}})
        }
    }
}

/// Signatures that are timestamped before they are kept.
const AT_ONCE: usize = 64;
