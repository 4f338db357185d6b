//! The expected signers, from the flags that name them.

mod file;

pub(super) use file::{deny_key, find_group};

use std::fs;
use std::path::{Path, PathBuf};

use attest_policy::{Denied, KeyValidity, LogRule, Member, Signers, SignersError, nearest};
use attest_verify::dialect::{Claim, recognise};
use attest_verify::{
    ClaimError, DetachedKeyError, ExpectedClaim, ExpectedIdentity, ExpectedSigner, IdentityPattern,
    PublicKey, claim_names,
};

use super::succession::Shelf;
use super::{PinnedFile, PinnedFiles, Surroundings, detached, parse_pin, refuse_beside, sha256};
use crate::args::{SignerArgs, TrustArgs};
use crate::failure::Failure;
use crate::files;
use crate::home::real;
use crate::identity::token;
use crate::report::TrustLine;

/// The expected signers in the report's words.
pub(crate) fn words(signers: &Signers) -> String {
    let word = |signer: &ExpectedSigner| signer.to_string();
    let words: Vec<String> = signers.accepted().iter().map(word).collect();
    match (words.len(), signers.required()) {
        (1, _) => words.concat(),
        (_, 1) => format!("any of: {}", words.join(", ")),
        (_, required) => format!("{required} of: {}", words.join(", ")),
    }
}

/// Where keys are looked for, and what was found.
pub(super) struct Look<'a> {
    pub(super) around: &'a Surroundings,
    pub(super) lines: &'a mut Vec<TrustLine>,
    pub(super) pinned: &'a mut PinnedFiles,
    pub(super) shelf: &'a mut Shelf,
    /// The keys that were named, by what their files or they themselves are pinned by.
    pub(super) named: &'a mut Vec<([u8; 32], ExpectedSigner)>,
}

impl Look<'_> {
    /// A key by another pin than its own: the SHA-256 of its file.
    fn name(&mut self, signer: &ExpectedSigner, line: &TrustLine, pin: Option<[u8; 32]>) {
        let shown = parse_pin("key", &line.sha256).ok();
        let pins = shown.into_iter().chain(pin);
        self.named.extend(pins.map(|it| (it, signer.clone())));
    }

    /// What is known of keys by their pins, of the keys that were named by one of these, whatever that is the SHA-256
    /// of.
    pub(super) fn of_named(&self, windows: &[Window]) -> Vec<Window> {
        let mut found = Vec::new();
        for (pin, validity) in windows {
            let named = self.named.iter().filter(|(it, _)| it == pin);
            let keys = named.filter_map(|(_, signer)| signer.fingerprint());
            found.extend(keys.map(|it| (it, *validity)));
        }
        found
    }

    /// Denies the keys that were named by a pin that is denied, whatever that is the SHA-256 of.
    pub(super) fn deny_named(&self, denied: &mut Denied) {
        for (pin, signer) in self.named.iter() {
            if denied.fingerprints.contains(pin) {
                deny(denied, signer.clone());
            }
        }
    }
}

/// When a key is good, by a pin of it.
type Window = ([u8; 32], KeyValidity);

/// Signers by the names of their groups.
type Groups = Vec<(String, Signers)>;

/// Resolves the flags; `run` is what they ask of the log. With a signers file also each of its groups.
pub(super) fn resolve(
    args: &SignerArgs,
    run: LogRule,
    look: &mut Look<'_>,
) -> Result<(Signers, Option<Groups>), Failure> {
    let around = look.around;
    let mut accepted = identities(args)?;
    for key in &args.key {
        let (signer, line) = key_signer(key, around, look.pinned)?;
        look.name(&signer, &line, None);
        accepted.push(signer);
        look.lines.push(line);
    }
    let mut denied = denied(args, around, look.lines)?;
    if accepted.is_empty() && args.signers.is_none() {
        return Err(Failure::request("signer-required", "nobody is expected to have signed: there is no mode that accepts anyone")
            .hint("name the signer with --key, or with --identity and --issuer, or in a file with --signers; attest inspect shows who claims to have signed"));
    }
    let unsatisfiable = |error: SignersError| {
        Failure::request("signers-unsatisfiable", error)
            .hint("who is named twice is one signer; --require counts different ones")
    };
    let mut signers = Signers::nobody();
    if !accepted.is_empty() {
        let always = |signer| Member {
            signer,
            validity: KeyValidity::default(),
        };
        let members = accepted.into_iter().map(always).collect();
        signers = signers
            .or_group(members, 0, 1, run)
            .map_err(unsatisfiable)?;
    }
    let mut names = None;
    if let Some(place) = &args.signers {
        let (with_file, added) = file::add(place, signers, run, &mut denied, look)?;
        (signers, names) = (with_file, Some(added));
    }
    if let Some(required) = args.require {
        signers = signers.requiring(required).map_err(unsatisfiable)?;
    }
    look.deny_named(&mut denied);
    let signers = signers.denying(denied);
    let groups = names.map(|names| {
        // Those whom flags name stand before them.
        let mut of_file = signers.each_group();
        let groups = of_file.split_off(of_file.len() - names.len());
        names.into_iter().zip(groups).collect()
    });
    Ok((signers, groups))
}

/// Whose evidence flags refuse, beside what a policy says.
pub(super) fn denied_by_flags(args: &TrustArgs, look: &mut Look<'_>) -> Result<Denied, Failure> {
    denied(&args.signers, look.around, look.lines)
}

/// Whose evidence is refused. A file must not lie where those could change it whom it denies.
fn denied(
    args: &SignerArgs,
    around: &Surroundings,
    lines: &mut Vec<TrustLine>,
) -> Result<Denied, Failure> {
    let mut denied = Denied::default();
    for text in &args.deny_key {
        if let Some(pin) = text.strip_prefix("sha256:") {
            denied.fingerprints.insert(parse_pin("--deny-key", pin)?);
            continue;
        }
        refuse_beside(Path::new(text), around, "denied key")?;
        let (signer, line) = any_key_file(Path::new(text))?;
        deny(&mut denied, signer);
        lines.push(TrustLine {
            what: "denied key",
            ..line
        });
    }
    for text in &args.deny_identity {
        let identity = parse_identity("--deny-identity", text)?;
        denied.identities.push(identity);
    }
    Ok(denied)
}

fn deny(denied: &mut Denied, signer: ExpectedSigner) {
    denied.fingerprints.extend(signer.fingerprint());
    denied.keys.push(signer);
}

/// The key that a flag names: by its fingerprint, by itself or by its file.
pub(super) fn key_signer(
    text: &str,
    around: &Surroundings,
    pinned: &mut PinnedFiles,
) -> Result<(ExpectedSigner, TrustLine), Failure> {
    if let Some(pin) = text.strip_prefix("sha256:") {
        let (key, line) = pinned_key(&parse_pin("--key", pin)?, around, pinned)?;
        return Ok((ExpectedSigner::Key(key), line));
    }
    if let Some((key, line)) = detached::named(text, around)? {
        return Ok((ExpectedSigner::Detached(key), line));
    }
    let path = Path::new(text);
    refuse_beside(path, around, "key")?;
    if token::is_uri(path) {
        // Not repeated: it may hold a PIN.
        let message = "--key is a pkcs11: URI, which names a key to sign with";
        return Err(Failure::request("key-unreadable", message)
            .hint("attest key public URI writes the public key, by which is verified"));
    }
    any_key_file(path)
}

/// A key of any kind: what is in a file, it says itself.
fn any_key_file(path: &Path) -> Result<(ExpectedSigner, TrustLine), Failure> {
    any_key(path, &any_key_bytes(path)?)
}

/// The bytes of a file that may be a key of any kind: who compares them with a pin takes the key from these.
fn any_key_bytes(path: &Path) -> Result<Vec<u8>, Failure> {
    files::read_limited(path, detached::KEY_BYTES)
        .map_err(|error| Failure::request("key-unreadable", format!("{}: {error}", path.display())))
}

/// The key that these bytes of a file are.
fn any_key(path: &Path, bytes: &[u8]) -> Result<(ExpectedSigner, TrustLine), Failure> {
    match detached::file(path, bytes) {
        Ok((key, line)) => Ok((ExpectedSigner::Detached(key), line)),
        Err(DetachedKeyError::NotAKey) => {
            let (key, line) = key_in_bytes(path, bytes)?;
            Ok((ExpectedSigner::Key(key), line))
        }
        Err(error) => Err(Failure::request(
            error.code(),
            format!("{}: {error}", path.display()),
        )),
    }
}

/// Each identity with its issuer: the one for all, or the one at its place.
fn identities(args: &SignerArgs) -> Result<Vec<ExpectedSigner>, Failure> {
    let (identities, issuers) = (&args.identity, &args.issuer);
    if issuers.len() > 1 && issuers.len() != identities.len() {
        let (identities, issuers) = (identities.len(), issuers.len());
        return Err(Failure::request(
            "bad-arguments",
            format!("{identities} of --identity and {issuers} of --issuer"),
        )
        .hint("give --issuer once for all identities, or once for each in their order"));
    }
    let for_all = issuers.first().into_iter().cycle();
    let issuers: Vec<&String> = match issuers.len() {
        1 => for_all.take(identities.len()).collect(),
        _ => issuers.iter().collect(),
    };
    let claims = claims(args)?;
    identities
        .iter()
        .zip(issuers)
        .map(|(identity, issuer)| {
            let identity = parse_identity("--identity", identity)?;
            check_issuer("--issuer", issuer)?;
            let identity = ExpectedIdentity::new(identity, issuer).claiming(claims.clone());
            Ok(ExpectedSigner::Identity(identity))
        })
        .collect()
}

/// What each identity must claim. A key claims nothing: with keys alone the flag would check nothing.
fn claims(args: &SignerArgs) -> Result<Vec<ExpectedClaim>, Failure> {
    if args.identity.is_empty() && !args.claim.is_empty() {
        return Err(Failure::request(
            "bad-claim",
            "--claim is about the certificates of identities, and no --identity is expected",
        )
        .hint("only certificates carry claims; name the signer with --identity and --issuer"));
    }
    let claims = args.claim.iter().map(|text| ExpectedClaim::parse(text));
    claims.collect::<Result<_, _>>().map_err(|error| {
        let failure = Failure::request("bad-claim", format!("--claim {error}"));
        match &error {
            ClaimError::Unknown { name } => failure.hint(match nearest(name, claim_names()) {
                Some(known) => format!("did you mean {known}?"),
                None => format!(
                    "claims are {}",
                    claim_names().collect::<Vec<_>>().join(", ")
                ),
            }),
            _ => failure.hint("write it as source-repository=https://github.com/OWNER/REPO"),
        }
    })
}

fn parse_identity(flag: &str, text: &str) -> Result<IdentityPattern, Failure> {
    IdentityPattern::parse(text).map_err(|error| {
        Failure::request("bad-identity", format!("{flag} {text:?}: {error}")).hint(
            "write the whole identity, such as release@example.com or https://github.com/OWNER/REPO/.github/workflows/*.yml@refs/tags/v*",
        )
    })
}

/// An issuer is one URL: whoever may vouch can vouch for anybody.
fn check_issuer(flag: &str, text: &str) -> Result<(), Failure> {
    let exact = IdentityPattern::parse(text).is_ok_and(|it| !it.is_glob());
    if exact {
        return Ok(());
    }
    Err(Failure::request(
        "bad-identity",
        format!("{flag} {text:?} is no exact issuer"),
    )
    .hint("issuers are exact, such as https://token.actions.githubusercontent.com"))
}

/// The key with this fingerprint: a `*.pub` at the top of a subject's folder, or the key that a log
/// entry carries. The pin makes either as good as the user's own copy.
fn pinned_key(
    pin: &[u8; 32],
    around: &Surroundings,
    pinned: &mut PinnedFiles,
) -> Result<(PublicKey, TrustLine), Failure> {
    let line = |place: String| TrustLine {
        what: "key",
        place,
        sha256: hex::encode(pin),
        pinned: true,
        of_home: false,
        taken: None,
        warning: None,
    };
    for path in around
        .beside
        .iter()
        .flat_map(|folder| public_keys_in(folder))
    {
        let Ok(bytes) = files::read_limited(&path, KEY_BYTES) else {
            continue;
        };
        if let Some(key) = PublicKey::parse(&bytes)
            .ok()
            .filter(|key| key.fingerprint() == *pin)
        {
            if is_key_file(&bytes, &key) {
                pinned.insert(real(&path), pinned_key_file(&bytes));
            }
            return Ok((key, line(path.display().to_string())));
        }
    }
    for path in &around.bundles {
        let Ok(bytes) = files::read_limited(path, BUNDLE_BYTES) else {
            continue;
        };
        let pieces = recognise(&bytes).unwrap_or_default();
        let mut keys = pieces.iter().flat_map(|piece| match piece.claim() {
            Claim::Bundle(bundle) => bundle.claimed_keys(),
            _ => Vec::new(),
        });
        if let Some(key) = keys.find(|key| key.fingerprint() == *pin) {
            return Ok((key, line(format!("the log entry in {}", path.display()))));
        }
    }
    for (place, bytes) in &around.archived {
        if let Some(key) = PublicKey::parse(bytes)
            .ok()
            .filter(|key| key.fingerprint() == *pin)
        {
            return Ok((key, line(place.clone())));
        }
    }
    Err(Failure::request("pin-not-found", format!("no key with sha256:{} is at hand", hex::encode(pin)))
        .hint("it is looked for as *.pub at the top of the subject's folder and in the log entries of its bundles; or name its file with --key"))
}

/// Whether a file holds this key and nothing else: trust in the key covers no other bytes.
pub(crate) fn is_key_file(bytes: &[u8], key: &PublicKey) -> bool {
    bytes == key.to_pem().as_bytes() || bytes == key.spki()
}

/// The file of a key that is pinned, with nothing in it but that.
fn pinned_key_file(bytes: &[u8]) -> PinnedFile {
    PinnedFile {
        why: "the pinned key",
        sha256: sha256(bytes),
    }
}

pub(super) fn key_file(path: &Path) -> Result<(PublicKey, TrustLine), Failure> {
    let bytes = files::read_limited(path, KEY_BYTES).map_err(|error| {
        Failure::request("key-unreadable", format!("{}: {error}", path.display()))
    })?;
    key_in_bytes(path, &bytes)
}

fn key_in_bytes(path: &Path, bytes: &[u8]) -> Result<(PublicKey, TrustLine), Failure> {
    if bytes.len() as u64 > KEY_BYTES {
        let message = format!("{}: more than {KEY_BYTES} bytes", path.display());
        return Err(Failure::request("key-unreadable", message));
    }
    let key = PublicKey::parse(bytes)
        .map_err(|error| Failure::request(error.code(), format!("{}: {error}", path.display())))?;
    let line = TrustLine {
        what: "key",
        place: path.display().to_string(),
        sha256: hex::encode(key.fingerprint()),
        pinned: false,
        of_home: false,
        taken: None,
        warning: None,
    };
    Ok((key, line))
}

fn public_keys_in(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "pub"))
        .take(KEY_FILES)
        .collect();
    paths.sort();
    paths
}

/// A public key file is a few hundred bytes.
const KEY_BYTES: u64 = 64 * 1024;
/// How much of a bundle is read to look for a pinned key.
const BUNDLE_BYTES: u64 = 32 * 1024 * 1024;
/// How many `*.pub` files of a folder are looked at.
const KEY_FILES: usize = 64;
