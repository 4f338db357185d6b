//! A release that is signed with services that others run: for an identity, or with the key.
//!
//! What is signed is kept in the home until the release is recorded: a run that goes on after a
//! service failed signs nothing twice.
//!
//! ```text
//! .attest/drafts/<of the release>/signer.json      whom the certificate names
//!                                 <digest>.json    a signature, and what services have said to it so far
//!                                 <digest>.asc     what gpg signed
//! ```

use std::cell::RefCell;
use std::fs;
use std::path::PathBuf;

use attest_digest::{Artifact, Hashes};
use attest_provenance::ReleaseName;
use attest_sign::{Holder, Signed, Unsigned};
use attest_verify::ProvenSigner;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::ReleaseArgs;
use super::compose::{Composed, SignedBy};
use super::gpg::GpgKey;
use super::make::Making;
use crate::audit::{self, Change};
use crate::console::Console;
use crate::failure::{Exit, Failure};
use crate::files::{self, Overwrite};
use crate::home::Home;
use crate::services::{self, DRAFT_BYTES, DraftFolder, Services, Tokens, Who};

/// The services at hand, and who signs.
pub(super) struct ByServices {
    services: Services,
    /// None when the key signs.
    tokens: Option<RefCell<Tokens>>,
}

/// What came of it.
pub(super) struct SignedRelease {
    pub(super) composed: Composed,
    pub(super) signed: Vec<Signed>,
    /// Whom the certificates name.
    pub(super) holder: Option<Holder>,
}

impl ByServices {
    /// # Errors
    /// What is wrong with the flags, or why there is no token.
    pub(super) fn open(
        args: &ReleaseArgs,
        now: Timestamp,
        console: &Console,
    ) -> Result<Option<Self>, Failure> {
        let flags = &args.services;
        if !flags.is_asked() {
            flags.refuse_alone()?;
            return Ok(None);
        }
        let refused = |message| Err(Failure::request("bad-arguments", message));
        if args.tsa.is_some() {
            return refused(
                "--tsa names an authority for the home's own log; the signing config names those of its services",
            );
        }
        if flags.is_keyless() && args.signing.has_key() {
            return refused(
                "--key signs with a key, --identity-token, --keyless and --oidc-issuer without one",
            );
        }
        let services = Services::resolve(flags, now)?;
        let tokens = if flags.is_keyless() && !args.dry_run {
            Some(RefCell::new(Tokens::open(flags, services.now(), console)?))
        } else {
            None
        };
        Ok(Some(Self { services, tokens }))
    }

    /// By which acquirers will verify.
    pub(super) fn trusted_root(&self) -> &[u8] {
        &self.services.root_bytes
    }

    /// Composes for whom will sign, and signs: statements first, the checksums file last.
    pub(super) fn sign(
        &self,
        making: &Making<'_>,
        compose: impl Fn(SignedBy<'_>, &Drawer) -> Result<Composed, Failure>,
    ) -> Result<SignedRelease, Failure> {
        let key = making.identity.signing_key();
        let mut drawer = Drawer::of(making.identity.home(), &making.request.name);
        let verifier = self.services.verifier()?;
        let mut tokens = self.tokens.as_ref().map(RefCell::borrow_mut);
        let who = match &mut tokens {
            Some(tokens) => Who::Identity(tokens),
            None => Who::Key(key),
        };
        let failed = |error| services::sign_failure(&error, |_| String::new());
        let (made, _) = self.services.with(who, &verifier, |signer, credential| {
            let holder = signer.holder(credential, drawer.holder()).map_err(failed)?;
            let by = match &holder {
                Some(holder) => SignedBy::Identity(holder),
                None => SignedBy::Key(key),
            };
            if let Some(holder) = &holder {
                drawer.keep_holder(holder)?;
            }
            let composed = compose(by, &drawer)?;
            let statements = composed.statements.iter();
            let unsigned: Vec<Unsigned<'_>> = statements
                .map(|(_, statement)| Unsigned::Statement(statement))
                .chain([Unsigned::Artifact(&composed.checksums)])
                .collect();
            let signed = signer.sign(credential, &mut drawer.drafts, &unsigned);
            let signed = signed.map_err(|error| match failed(error) {
                failure if failure.exit == Exit::Unknown => failure.hint(GO_ON),
                failure => failure,
            })?;
            Ok(SignedRelease {
                composed,
                signed,
                holder,
            })
        })?;
        if let Some(holder) = &made.holder {
            drawer.expect(holder, &made.signed)?;
        }
        Ok(made)
    }

    /// Whether authorities stamp what is signed, and not logs alone.
    pub(super) fn has_authorities(&self) -> bool {
        self.services.has_authorities()
    }

    /// The release is recorded: nothing of it will be signed again. The home keeps the services' trusted
    /// root, so that `status` knows how long its times are proven.
    pub(super) fn done(&self, home: &Home, release: &ReleaseName) -> Result<(), Failure> {
        let _ = fs::remove_dir_all(Drawer::of(home, release).drafts.path());
        // Unless other releases wait there.
        let _ = fs::remove_dir(home.drafts());
        let root = self.trusted_root();
        let digest = Artifact::of_bytes(root, Hashes::Sha256).sha256();
        let path = home.service_roots().join(format!("{}.json", digest.hex()));
        if path.exists() {
            return Ok(());
        }
        let change = Change::new("trust.write").path(&path).digest(digest);
        audit::traced(home, change, |_| {
            files::make_folder(&home.service_roots())?;
            files::write(&path, root, 0o644, Overwrite::Force)
        })
    }
}

/// Where the home keeps what is signed of one release and not yet recorded.
pub(super) struct Drawer {
    drafts: DraftFolder,
}

impl Drawer {
    fn of(home: &Home, release: &ReleaseName) -> Self {
        let name = release.to_string();
        let name = Artifact::of_bytes(name.as_bytes(), Hashes::Sha256).sha256();
        Self {
            drafts: DraftFolder::new(home.drafts().join(name.hex())),
        }
    }

    /// What an earlier run had gpg sign, if it verifies; else what it signs now.
    ///
    /// # Errors
    /// As [`GpgKey::sign`].
    pub(super) fn openpgp(
        &self,
        gpg: &GpgKey,
        message: &[u8],
        (trusted_root, now): (&[u8], Timestamp),
    ) -> Result<Vec<u8>, Failure> {
        let digest = Artifact::of_bytes(message, Hashes::Sha256).sha256();
        let path = self.drafts.path().join(format!("{}.asc", digest.hex()));
        if let Ok(kept) = files::read_limited(&path, DRAFT_BYTES)
            && gpg.check(message, &kept, trusted_root, now).is_ok()
        {
            return Ok(kept);
        }
        let made = gpg.sign(message, trusted_root, now)?;
        self.drafts.write(&path, &made)?;
        Ok(made)
    }

    fn holder(&self) -> Option<Holder> {
        let bytes = files::read_limited(&self.signer(), SIGNER_BYTES).ok()?;
        let value: Value = serde_json::from_slice(&bytes).ok()?;
        let text = |name: &str| Some(value.get(name)?.as_str()?.to_owned());
        Some(Holder {
            identity: text("identity")?,
            issuer: text("issuer")?,
        })
    }

    fn keep_holder(&self, holder: &Holder) -> Result<(), Failure> {
        let value = json!({"identity": holder.identity, "issuer": holder.issuer});
        self.drafts
            .write(&self.signer(), value.to_string().as_bytes())
    }

    /// What is signed says who signed: were it another than these signatures', nobody could verify it.
    fn expect(&self, holder: &Holder, signed: &[Signed]) -> Result<(), Failure> {
        let wanted = ProvenSigner::Identity {
            identity: holder.identity.clone(),
            issuer: holder.issuer.clone(),
        };
        let other = signed.iter().map(|it| it.evidence().signer());
        match other.into_iter().find(|it| **it != wanted) {
            None => Ok(()),
            Some(other) => {
                let _ = fs::remove_dir_all(self.drafts.path());
                let message = format!("signed by {other}, the release was begun by {wanted}");
                Err(Failure::no("identity-mismatch", message)
                    .hint("nothing is released; run the same command again to begin anew"))
            }
        }
    }

    fn signer(&self) -> PathBuf {
        self.drafts.path().join("signer.json")
    }
}

const GO_ON: &str = "nothing is released; what is signed is kept in the home, and the same command goes on from there when the service answers";
const SIGNER_BYTES: u64 = 64 << 10;
