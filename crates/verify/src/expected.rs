//! Who is expected to have signed.

use std::fmt;

use crate::claims::ExpectedClaim;
use crate::dialect::DetachedKey;
use crate::identity::IdentityPattern;
use crate::key::PublicKey;

/// Who is expected to have signed. There is no value for anyone.
///
/// A verification takes one of these, or several of which any may have signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExpectedSigner {
    /// The holder of this key.
    Key(PublicKey),
    /// An identity in a certificate.
    Identity(ExpectedIdentity),
    /// The holder of an OpenPGP, minisign or SSH key, by a detached signature.
    Detached(DetachedKey),
}

/// An identity that a certificate must carry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedIdentity {
    identity: IdentityPattern,
    issuer: String,
    claims: Vec<ExpectedClaim>,
}

impl ExpectedSigner {
    /// This identity, vouched for by this issuer, both compared byte for byte.
    pub fn exactly(identity: impl Into<String>, issuer: impl Into<String>) -> Self {
        Self::Identity(ExpectedIdentity::new(
            IdentityPattern::exactly(identity),
            issuer,
        ))
    }

    /// The key, if one is expected.
    pub const fn key(&self) -> Option<&PublicKey> {
        match self {
            Self::Key(key) => Some(key),
            Self::Identity(_) | Self::Detached(_) => None,
        }
    }
}

impl ExpectedSigner {
    /// Takes what another copy of the same key says of it besides, such as that it is revoked. Of anybody else nothing.
    pub fn learn(&mut self, copy: &Self) {
        if let (Self::Detached(key), Self::Detached(copy)) = (self, copy) {
            key.learn(copy);
        }
    }

    /// SHA-256 of the `SubjectPublicKeyInfo` that the key has or would have, in whatever form it is
    /// named; of OpenPGP of the primary key. None for an identity, or a key that cannot verify.
    pub fn fingerprint(&self) -> Option<[u8; 32]> {
        match self {
            Self::Key(key) => Some(key.fingerprint()),
            Self::Detached(key) => key.numbers().map(|it| it.fingerprint()),
            Self::Identity(_) => None,
        }
    }
}

impl ExpectedIdentity {
    /// Identities that the pattern covers, vouched for by exactly this issuer of identity tokens.
    pub fn new(identity: IdentityPattern, issuer: impl Into<String>) -> Self {
        Self {
            identity,
            issuer: issuer.into(),
            claims: Vec::new(),
        }
    }

    /// Expects these claims as well.
    #[must_use]
    pub fn claiming(mut self, claims: impl IntoIterator<Item = ExpectedClaim>) -> Self {
        self.claims.extend(claims);
        self
    }

    /// What the certificate must claim beside the identity.
    pub fn claims(&self) -> &[ExpectedClaim] {
        &self.claims
    }

    /// The e-mail address or URI, or a pattern of them.
    pub const fn identity(&self) -> &IdentityPattern {
        &self.identity
    }

    /// Who vouches for it: the issuer of the identity token.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }
}

impl AsRef<[Self]> for ExpectedSigner {
    fn as_ref(&self) -> &[Self] {
        std::slice::from_ref(self)
    }
}

impl fmt::Display for ExpectedSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key) => key.fmt(f),
            Self::Identity(identity) => identity.fmt(f),
            Self::Detached(key) => key.fmt(f),
        }
    }
}

impl fmt::Display for ExpectedIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} by {}", self.identity, self.issuer)?;
        self.claims
            .iter()
            .try_for_each(|claim| write!(f, ", {claim}"))
    }
}

/// Several expected signers in one line.
pub(crate) fn any_of(expected: &[ExpectedSigner]) -> String {
    let words: Vec<String> = expected.iter().map(ToString::to_string).collect();
    words.join(" or ")
}
