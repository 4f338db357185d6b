//! Whose entries are looked for.

use std::path::Path;

use attest_verify::{
    ExpectedIdentity, IdentityPattern, LoggedEntry, LoggedHolder, LoggedName, PublicKey,
};

use crate::failure::Failure;
use crate::files;

/// Our keys by their fingerprints, and our identities.
pub(super) struct Watch {
    keys: Vec<[u8; 32]>,
    identities: Vec<ExpectedIdentity>,
}

impl Watch {
    pub(super) fn of(
        keys: &[String],
        identities: &[String],
        issuers: &[String],
    ) -> Result<Self, Failure> {
        if issuers.len() > 1 && issuers.len() != identities.len() {
            let (identities, issuers) = (identities.len(), issuers.len());
            return Err(Failure::request(
                "bad-arguments",
                format!("{identities} of --identity and {issuers} of --issuer"),
            )
            .hint("give --issuer once for all identities, or once for each in their order"));
        }
        let keys = keys.iter().map(|it| key(it)).collect::<Result<_, _>>()?;
        let identities = identities
            .iter()
            .enumerate()
            .map(|(place, text)| {
                let pattern = IdentityPattern::parse(text).map_err(|error| {
                    Failure::request("bad-identity", format!("--identity {text:?}: {error}"))
                })?;
                let issuer = issuers.get(place).or_else(|| issuers.first());
                Ok(ExpectedIdentity::new(
                    pattern,
                    issuer.cloned().unwrap_or_default(),
                ))
            })
            .collect::<Result<_, Failure>>()?;
        Ok(Self { keys, identities })
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.identities.is_empty()
    }

    /// What is looked for, each in words that stay the same from run to run.
    pub(super) fn names(&self) -> impl Iterator<Item = String> {
        let identities = self.identities.iter().map(identity_name);
        self.keys.iter().map(key_name).chain(identities)
    }

    /// In whose name an entry is, if it is one of ours: as [`Self::names`] has it, and in words. Counts what
    /// cannot be read.
    pub(super) fn finds(&self, body: &[u8], unread: &mut u64) -> Option<(String, String)> {
        if self.is_empty() {
            return None;
        }
        let Some(entry) = LoggedEntry::parse(body) else {
            *unread += 1;
            return None;
        };
        // A key of ours says more than a name that anybody can write.
        let (mut by_key, mut by_name) = (None, None);
        entry.names(&mut |name| match name {
            LoggedName::Key(key) if by_key.is_none() => by_key = self.key(&key),
            LoggedName::Holder(holder) if by_name.is_none() => by_name = self.holder(&holder),
            LoggedName::Key(_) | LoggedName::Holder(_) => {}
        });
        by_key.or(by_name)
    }

    fn key(&self, key: &PublicKey) -> Option<(String, String)> {
        let fingerprint = key.fingerprint();
        let name = key_name(&fingerprint);
        let ours = self.keys.contains(&fingerprint);
        ours.then(|| (name.clone(), name))
    }

    fn holder(&self, holder: &LoggedHolder) -> Option<(String, String)> {
        let ours = self.identities.iter().find(|it| {
            it.identity().matches(&holder.identity) && holder.issuer.as_deref() == Some(it.issuer())
        })?;
        let (identity, issuer) = (&holder.identity, ours.issuer());
        let who = format!("{identity} by {issuer} (as its certificate claims)");
        Some((identity_name(ours), who))
    }
}

fn key_name(fingerprint: &[u8; 32]) -> String {
    format!("the key sha256:{}", hex::encode(fingerprint))
}

fn identity_name(identity: &ExpectedIdentity) -> String {
    format!("{} by {}", identity.identity(), identity.issuer())
}

/// The fingerprint of a key that is named by its file or by itself.
fn key(text: &str) -> Result<[u8; 32], Failure> {
    if let Some(digits) = text.strip_prefix("sha256:") {
        return hex::decode(digits)
            .ok()
            .and_then(|it| it.try_into().ok())
            .ok_or_else(|| {
                Failure::request(
                    "bad-pin",
                    format!("--key {text:?} has no 64 hexadecimal digits"),
                )
            });
    }
    let unreadable = |code, problem: String| Failure::request(code, format!("{text}: {problem}"));
    let bytes = files::read_limited(Path::new(text), KEY_BYTES)
        .map_err(|error| unreadable("key-unreadable", error.to_string()))?;
    let key =
        PublicKey::parse(&bytes).map_err(|error| unreadable(error.code(), error.to_string()))?;
    Ok(key.fingerprint())
}

const KEY_BYTES: u64 = attest_verify::limits::KEY_BYTES as u64;
