//! Bundles and trusted roots, cut into files that `openssl` reads.
//!
//! Nothing here is verified: a signature that is none is written as it stands, and the command that
//! checks it fails.

use std::collections::BTreeMap;

use attest_digest::{Algorithm, Digest, RelativePath};
use attest_log::{Hash, SignedCheckpoint};
use attest_provenance::json::{self, Value};
use attest_verify::{Bundle, BundleEntry, Content, KeyKind, Material, PublicKey};

use super::attached::Bagged;
use super::names::{AUTHORITIES, PAYLOAD, RELEASE_TREE, path};
use super::pem;
use super::proof::{Growth, Step, growth, steps};
use crate::error::ArchiveError;
use crate::kind::AttachmentKind;
use crate::later_log::LaterLog;
use crate::limits;
use crate::manifest::Member;
use crate::role::Role;

/// The derived files, and what the guide says about them.
#[derive(Debug, Default)]
pub(super) struct Unpacked {
    pub(super) files: BTreeMap<RelativePath, Vec<u8>>,
    /// The publisher's keys and trusted roots, as they stand in `trust/`.
    pub(super) trust: Vec<String>,
    pub(super) checks: Vec<Check>,
    /// What logs became later.
    pub(super) later: Vec<Later>,
    /// The checkpoints of log entries.
    seen: Vec<Seen>,
    /// Evidence that these commands say nothing about, by its path in the release.
    pub(super) left_out: Vec<String>,
    /// The bytes of the files.
    bytes: u64,
}

/// What can be checked about one bundle.
#[derive(Debug)]
pub(super) struct Check {
    /// What was signed, by its path in the bag, and how; none where `openssl` cannot tell.
    pub(super) signature: Option<Signature>,
    /// The signature's file.
    pub(super) signature_file: String,
    /// The timestamps over it.
    pub(super) times: Vec<String>,
    pub(super) entries: Vec<Entry>,
}

/// A signature that `openssl` can check.
#[derive(Debug)]
pub(super) struct Signature {
    pub(super) signed: String,
    pub(super) verifier: Verifier,
    pub(super) method: Method,
}

/// Whose public key.
#[derive(Debug)]
pub(super) enum Verifier {
    Key(String),
    Certificate(String),
}

/// How `openssl` is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    /// A signature over this digest: `openssl dgst`.
    Digest(&'static str),
    /// Ed25519 over the bytes themselves: `openssl pkeyutl`.
    Ed25519,
}

/// A log entry of a bundle.
#[derive(Debug)]
pub(super) struct Entry {
    /// Its folder in the bag.
    pub(super) folder: String,
    /// The base64 of the bundle's signature, if the entry holds it.
    pub(super) names_signature: bool,
    /// From the entry up; none where there is no proof.
    pub(super) steps: Vec<StepFile>,
    /// Whether steps and a checkpoint are there.
    pub(super) is_proven: bool,
    /// The key of the log that signed the checkpoint.
    pub(super) log_key: Option<(String, Method)>,
}

/// A later checkpoint of a log.
#[derive(Debug)]
pub(super) struct Later {
    /// Its folder in the bag.
    pub(super) folder: String,
    /// The key of the log that signed the checkpoint.
    pub(super) log_key: Option<(String, Method)>,
    pub(super) growths: Vec<GrowthFiles>,
}

/// The ways from a subtree up to the roots of two checkpoints.
#[derive(Debug)]
pub(super) struct GrowthFiles {
    /// The checkpoint of a log entry.
    pub(super) from: String,
    /// The hash of the subtree.
    pub(super) seed: String,
    pub(super) steps: Vec<StepFile>,
}

/// A checkpoint that evidence carries.
#[derive(Debug)]
struct Seen {
    origin: String,
    size: u64,
    root: Hash,
    folder: String,
    log_key: Option<(String, Method)>,
}

/// A hash beside the way, in a file of its own.
#[derive(Debug)]
pub(super) struct StepFile {
    pub(super) file: String,
    pub(super) is_left: bool,
}

/// Cuts everything that the release carries.
pub(super) fn unpack(kept: &dyn Bagged) -> Result<Unpacked, ArchiveError> {
    let mut unpacked = Unpacked::default();
    let at_top = |member: &&Member| member.path.parent().is_none();
    let trust = kept
        .members()
        .iter()
        .filter(at_top)
        .filter(|member| member.role == Role::Trust && member.blob.size <= limits::TRUST_BYTES);
    let mut keys = Vec::new();
    let mut logs = Vec::new();
    for member in trust {
        let bytes = kept.unverified_bytes(&member.path, limits::TRUST_BYTES)?;
        let place = format!("trust/{}", member.path);
        if let Ok(key) = PublicKey::parse(&bytes) {
            keys.push((place.clone(), key));
        } else {
            logs.extend(unpacked.take_root(&bytes)?);
        }
        unpacked.trust.push(place.clone());
        unpacked.put(&place, bytes)?;
    }
    for member in kept.members() {
        if member.role != Role::Evidence {
            continue;
        }
        let bytes = if is_bundle(member) {
            Some(kept.unverified_bytes(&member.path, limits::BUNDLE_BYTES)?)
        } else {
            None
        };
        match bytes.as_deref().map(Bundle::parse) {
            Some(Ok(bundle)) => {
                let text = bytes.unwrap_or_default();
                unpacked.take_bundle(member, &bundle, &text, kept, &keys, &logs)?;
            }
            // What checks them checks them as files.
            _ if matches!(member.path.as_str(), "SHA256SUMS.sig" | RELEASE_TREE) => {}
            _ => unpacked.left_out.push(member.path.to_string()),
        }
    }
    let later = kept.attached_as(&AttachmentKind::Consistency);
    for (number, attachment) in later.enumerate() {
        let files = kept.attached_whole(&attachment?, limits::CONSISTENCY_BYTES)?;
        unpacked.take_later(number + 1, &files)?;
    }
    Ok(unpacked)
}

/// A log of a trusted root: the base64 of its id, and its key in the bag.
struct Log {
    id: String,
    key: String,
    method: Method,
}

impl Unpacked {
    fn put(&mut self, place: &str, bytes: Vec<u8>) -> Result<(), ArchiveError> {
        self.bytes = self.bytes.saturating_add(bytes.len() as u64);
        if self.bytes > limits::BAG_CUT_BYTES {
            return Err(ArchiveError::TooLarge {
                what: "what a bag has of bundles and keys beside them, in bytes,",
                found: self.bytes,
                limit: limits::BAG_CUT_BYTES,
            });
        }
        self.files.insert(path(place)?, bytes);
        Ok(())
    }

    /// The keys of the logs, and the certificates of the timestamp authorities.
    fn take_root(&mut self, bytes: &[u8]) -> Result<Vec<Log>, ArchiveError> {
        let Ok(root) = json::parse(bytes, TRUST) else {
            return Ok(Vec::new());
        };
        let mut logs = Vec::new();
        for (number, log) in array(&root, "/tlogs").iter().enumerate() {
            let id = text(log, "/logId/keyId");
            let raw = text(log, "/publicKey/rawBytes");
            if let (Some(id), Some(raw)) = (id, raw)
                && let Some(block) = pem::block("PUBLIC KEY", raw)
                && let Some(method) = method_of(&block)
            {
                let key = format!("trust/log-{}.pem", number + 1);
                self.put(&key, block.into_bytes())?;
                logs.push(Log {
                    id: id.to_owned(),
                    key,
                    method,
                });
            }
        }
        let mut chain = String::new();
        for authority in array(&root, "/timestampAuthorities") {
            for certificate in array(authority, "/certChain/certificates") {
                let raw = text(certificate, "/rawBytes");
                let block = raw.and_then(|raw| pem::block("CERTIFICATE", raw));
                chain.extend(block);
            }
        }
        if !chain.is_empty() {
            self.put(AUTHORITIES, chain.into_bytes())?;
        }
        Ok(logs)
    }

    fn take_bundle(
        &mut self,
        member: &Member,
        bundle: &Bundle,
        json_text: &[u8],
        kept: &dyn Bagged,
        keys: &[(String, PublicKey)],
        logs: &[Log],
    ) -> Result<(), ArchiveError> {
        let name = member.path.as_str();
        let folder = format!("evidence/{name}");
        let signature_file = format!("{folder}/signature");
        self.put(&signature_file, bundle.signature().to_vec())?;
        let signed = match bundle.content() {
            Content::Message { digest, .. } => {
                digest.as_ref().and_then(|digest| signed_file(kept, digest))
            }
            Content::Envelope(envelope) => {
                let signed = format!("{folder}/signed");
                self.put(&signed, envelope.pae())?;
                let statement = format!("{folder}/statement.json");
                self.put(&statement, envelope.unverified_payload().to_vec())?;
                Some(signed)
            }
        };
        let document = json::parse(json_text, TRUST).unwrap_or_default();
        let verifier = self.verifier(&folder, bundle, &document, keys)?;
        let is_message = matches!(bundle.content(), Content::Message { .. });
        let signature = match (signed, verifier) {
            (Some(signed), Some((verifier, kind))) => {
                method(kind, is_message).map(|method| Signature {
                    signed,
                    verifier,
                    method,
                })
            }
            _ => None,
        };
        let times = self.take_times(name, bundle)?;
        let entries = self.take_entries(name, bundle, &document, logs)?;
        self.checks.push(Check {
            signature,
            signature_file,
            times,
            entries,
        });
        Ok(())
    }

    /// The key of the signer: that of its certificate, or the release's only one of that hint.
    fn verifier(
        &mut self,
        folder: &str,
        bundle: &Bundle,
        document: &Value,
        keys: &[(String, PublicKey)],
    ) -> Result<Option<(Verifier, KeyKind)>, ArchiveError> {
        let Material::Key { hint } = bundle.material() else {
            let material = document.pointer("/verificationMaterial");
            let first = material.and_then(|it| {
                text(it, "/certificate/rawBytes")
                    .or_else(|| text(it, "/x509CertificateChain/certificates/0/rawBytes"))
            });
            let Some(block) = first.and_then(|raw| pem::block("CERTIFICATE", raw)) else {
                return Ok(None);
            };
            let place = format!("{folder}/certificate.pem");
            self.put(&place, block.into_bytes())?;
            let kind = bundle.claimed_keys().first().map(PublicKey::kind);
            return Ok(kind.map(|kind| (Verifier::Certificate(place), kind)));
        };
        let hinted = keys
            .iter()
            .find(|(_, key)| hint.as_deref() == Some(&key.hint()));
        let only = match keys {
            [only] => Some(only),
            _ => None,
        };
        let found = hinted.or(only);
        Ok(found.map(|(place, key)| (Verifier::Key(place.clone()), key.kind())))
    }

    fn take_times(&mut self, name: &str, bundle: &Bundle) -> Result<Vec<String>, ArchiveError> {
        let mut times = Vec::new();
        for (number, token) in bundle.timestamps().iter().enumerate() {
            let place = format!("time/{name}.{}.tsr", number + 1);
            self.put(&place, token.clone())?;
            times.push(place);
        }
        Ok(times)
    }

    fn take_entries(
        &mut self,
        name: &str,
        bundle: &Bundle,
        document: &Value,
        logs: &[Log],
    ) -> Result<Vec<Entry>, ArchiveError> {
        let signature = text(document, "/messageSignature/signature")
            .or_else(|| text(document, "/dsseEnvelope/signatures/0/sig"))
            .unwrap_or_default();
        let ids = array(document, "/verificationMaterial/tlogEntries");
        let mut entries = Vec::new();
        for (number, entry) in bundle.entries().iter().enumerate() {
            let folder = format!("log/{name}.{}", number + 1);
            self.put(&format!("{folder}/entry"), entry.body().to_vec())?;
            let names_signature = !signature.is_empty() && holds(entry.body(), signature);
            let mut files = Entry {
                names_signature,
                steps: Vec::new(),
                is_proven: false,
                log_key: None,
                folder,
            };
            self.take_proof(entry, &mut files)?;
            let id = ids.get(number).and_then(|it| text(it, "/logId/keyId"));
            let log = logs.iter().find(|log| Some(log.id.as_str()) == id);
            files.log_key = log.map(|log| (log.key.clone(), log.method));
            self.see(entry, &files);
            entries.push(files);
        }
        Ok(entries)
    }

    fn see(&mut self, entry: &BundleEntry, files: &Entry) {
        let Some(proof) = entry.proof().filter(|_| files.is_proven) else {
            return;
        };
        let note = proof.checkpoint();
        if let Some(root) = note
            .lines()
            .nth(2)
            .and_then(|it| Hash::from_base64(it).ok())
        {
            self.seen.push(Seen {
                origin: note.lines().next().unwrap_or_default().to_owned(),
                size: proof.size(),
                root,
                folder: files.folder.clone(),
                log_key: files.log_key.clone(),
            });
        }
    }

    /// A later checkpoint, if it is one of a log of the evidence.
    fn take_later(
        &mut self,
        number: usize,
        files: &[(RelativePath, Vec<u8>)],
    ) -> Result<(), ArchiveError> {
        let folder = format!("log/later.{number}");
        let Some((later, note)) = read_later(files) else {
            return Ok(());
        };
        let origin = note.lines().next().unwrap_or_default();
        let entries = note.lines().nth(1).and_then(|it| it.parse().ok());
        let mut seen: BTreeMap<u64, (Growth, String)> = BTreeMap::new();
        let mut log_key = None;
        for one in self.seen.iter().filter(|it| it.origin == origin) {
            let proof = later.proof(one.size).zip(entries);
            let grown = proof.and_then(|(proof, to)| growth(one.size, one.root, to, proof));
            if let Some(grown) = grown {
                // Evidence of one checkpoint shares the way.
                let from = format!("{}/checkpoint.signed", one.folder);
                seen.entry(one.size).or_insert((grown, from));
                log_key = log_key.or_else(|| one.log_key.clone());
            }
        }
        if seen.is_empty() {
            return Ok(());
        }
        self.put_note(&folder, &note)?;
        let mut growths = Vec::new();
        for (size, (growth, from)) in seen {
            growths.push(self.put_growth(&format!("{folder}/from-{size}"), &growth, from)?);
        }
        self.later.push(Later {
            folder,
            log_key,
            growths,
        });
        Ok(())
    }

    fn put_growth(
        &mut self,
        folder: &str,
        growth: &Growth,
        from: String,
    ) -> Result<GrowthFiles, ArchiveError> {
        let seed = format!("{folder}/seed");
        self.put(&seed, growth.seed.as_bytes().to_vec())?;
        let mut steps = Vec::new();
        for (number, step) in growth.steps.iter().enumerate() {
            let (beside, hash) = match step {
                Step::Left(hash) => ("left", hash),
                Step::Right(hash) => ("right", hash),
            };
            let file = format!("{folder}/{:02}.{beside}", number + 1);
            self.put(&file, hash.as_bytes().to_vec())?;
            steps.push(StepFile {
                file,
                is_left: beside == "left",
            });
        }
        Ok(GrowthFiles { from, seed, steps })
    }

    /// A checkpoint: the note, what is signed of it, and the log's own signature. False if it has none.
    fn put_note(&mut self, folder: &str, note: &str) -> Result<bool, ArchiveError> {
        let Ok(checkpoint) = SignedCheckpoint::parse_with_extensions(note.as_bytes()) else {
            return Ok(false);
        };
        let signatures = checkpoint.signatures();
        let origin = note.lines().next();
        let Some(signature) = signatures.iter().find(|it| Some(it.name()) == origin) else {
            return Ok(false);
        };
        // The signatures are over the text with its last newline, not over the empty line after it.
        let end = note.rfind("\n\n").map_or(note.len(), |at| at + 1);
        let signed = note.get(..end).unwrap_or(note);
        self.put(&format!("{folder}/checkpoint"), note.into())?;
        self.put(&format!("{folder}/checkpoint.signed"), signed.into())?;
        self.put(
            &format!("{folder}/checkpoint.signature"),
            signature.signature().to_vec(),
        )?;
        Ok(true)
    }

    fn take_proof(&mut self, entry: &BundleEntry, files: &mut Entry) -> Result<(), ArchiveError> {
        let Some(proof) = entry.proof() else {
            return Ok(());
        };
        let Some(steps) = steps(proof.index(), proof.size(), proof.hashes()) else {
            return Ok(());
        };
        let folder = &files.folder;
        if !self.put_note(folder, proof.checkpoint())? {
            return Ok(());
        }
        for (number, step) in steps.into_iter().enumerate() {
            let (side, hash): (_, Hash) = match step {
                Step::Left(hash) => ("left", hash),
                Step::Right(hash) => ("right", hash),
            };
            let file = format!("{folder}/{:02}.{side}", number + 1);
            self.put(&file, hash.as_bytes().to_vec())?;
            files.steps.push(StepFile {
                file,
                is_left: side == "left",
            });
        }
        files.is_proven = true;
        Ok(())
    }
}

fn is_bundle(member: &Member) -> bool {
    member.path.parent().is_none()
        && member.path.as_str().ends_with(".sigstore.json")
        && member.blob.size <= limits::BUNDLE_BYTES
}

/// The file of the release whose bytes were signed.
fn signed_file(kept: &dyn Bagged, digest: &Digest) -> Option<String> {
    let member = kept
        .members()
        .iter()
        .find(|member| digest.algorithm() == Algorithm::Sha256 && member.blob.digest == *digest)?;
    Some(format!("{PAYLOAD}/{}", member.path))
}

/// How a signature of such a key is checked; none for Ed25519ph, which `openssl` 3.0 has not.
fn method(kind: KeyKind, is_message: bool) -> Option<Method> {
    match kind {
        KeyKind::P256 | KeyKind::Rsa { .. } => Some(Method::Digest("sha256")),
        KeyKind::P384 => Some(Method::Digest("sha384")),
        KeyKind::P521 => Some(Method::Digest("sha512")),
        KeyKind::Ed25519 if !is_message => Some(Method::Ed25519),
        _ => None,
    }
}

/// How a log's key signs checkpoints: Ed25519, or ECDSA over SHA-256.
fn method_of(block: &str) -> Option<Method> {
    let key = PublicKey::parse(block.as_bytes()).ok()?;
    match key.kind() {
        KeyKind::Ed25519 => Some(Method::Ed25519),
        KeyKind::P256 | KeyKind::Rsa { .. } => Some(Method::Digest("sha256")),
        _ => None,
    }
}

/// What an attachment claims of a later log, with the note of its checkpoint.
fn read_later(files: &[(RelativePath, Vec<u8>)]) -> Option<(LaterLog, String)> {
    let later = LaterLog::read(files).ok()?;
    let note = str::from_utf8(later.checkpoint()).ok()?.to_owned();
    SignedCheckpoint::parse_with_extensions(note.as_bytes()).ok()?;
    Some((later, note))
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer)?.as_str()
}

fn array<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value
        .pointer(pointer)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

const TRUST: json::Limits = json::Limits {
    bytes: 12 << 20,
    depth: limits::JSON_DEPTH,
};
