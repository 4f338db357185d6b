//! Why a layout or a link is refused before anybody looks at its signatures.

use attest_digest::{DigestError, NameProblem};

use crate::dsse::EnvelopeError;
use crate::excerpt::Excerpt;
use crate::json::{FieldError, JsonError, JsonNumberError, Object};
use crate::limits;

/// Why something is not a layout, a link or the file of one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InTotoError {
    /// Not JSON of one meaning.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// Not the fields of the format.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// A number that has no canonical form.
    #[error(transparent)]
    Number(#[from] JsonNumberError),
    /// Not a DSSE envelope.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// A digest that is none.
    #[error(transparent)]
    Digest(#[from] DigestError),
    /// Both of the forms at once: two programs read two documents.
    #[error("file has both a signed object and a payload")]
    Hybrid,
    /// Neither of the forms.
    #[error("file has neither a signed object nor a payload")]
    Shape,
    /// An envelope of something else.
    #[error("envelope holds {}, wanted {wanted}", Excerpt(found))]
    PayloadType {
        /// The payload type found.
        found: String,
        /// The one of in-toto.
        wanted: &'static str,
    },
    /// Another document than the one wanted.
    #[error("document is of type {}, wanted {wanted:?}", Excerpt(found))]
    Type {
        /// The type found.
        found: String,
        /// The type wanted.
        wanted: &'static str,
    },
    /// A signature that gpg made.
    #[error("{at} was made by gpg, which is not read here")]
    OpenPgpSignature {
        /// Its path.
        at: String,
    },
    /// A key of gpg.
    #[error("{at} is an OpenPGP key, which is not read here")]
    OpenPgpKey {
        /// Its path.
        at: String,
    },
    /// A signature that is not hexadecimal.
    #[error(
        "{at} is not 1 to {} bytes in lower-case hexadecimal digits",
        limits::SIGNATURE_BYTES
    )]
    SignatureHex {
        /// Its path.
        at: String,
    },
    /// A name that could not be the name of a file.
    #[error(
        "step or inspection is called {}, wanted 1 to {} of A-Z a-z 0-9 . _ -",
        Excerpt(found),
        limits::STEP_NAME_BYTES
    )]
    StepName {
        /// The name found.
        found: String,
    },
    /// An id of a key that could not be part of the name of a file.
    #[error(
        "key id is {}, wanted 8 to 128 lower-case hexadecimal digits",
        Excerpt(found)
    )]
    KeyId {
        /// The id found.
        found: String,
    },
    /// Two steps or inspections of one name.
    #[error("two steps or inspections are called {name}")]
    NameTwice {
        /// The name.
        name: String,
    },
    /// A path that has a second spelling.
    #[error("path {}: {problem}", Excerpt(path))]
    Path {
        /// The path found.
        path: String,
        /// What is wrong with it.
        problem: NameProblem,
    },
    /// A path with a backslash.
    #[error("path {} has a backslash", Excerpt(path))]
    Backslash {
        /// The path found.
        path: String,
    },
    /// A path that is there twice.
    #[error("path {} is there twice", Excerpt(path))]
    PathTwice {
        /// The path.
        path: String,
    },
    /// A file without any digest.
    #[error("file {} has no digest", Excerpt(path))]
    NoDigest {
        /// Its path.
        path: String,
    },
    /// A file with no digest that proves content.
    #[error(
        "file {} has none of the digests sha256, sha384, sha512",
        Excerpt(path)
    )]
    WeakDigests {
        /// Its path.
        path: String,
    },
    /// A digest that is not a text.
    #[error("digest {} is not a string", Excerpt(name))]
    DigestType {
        /// The algorithm.
        name: String,
    },
    /// More files than any honest link has.
    #[error("link has {found} files, at most {} are read", limits::LINK_ARTIFACTS)]
    TooManyArtifacts {
        /// The count of files.
        found: usize,
    },
    /// A time of expiry in another form.
    #[error("layout expires at {}, wanted YYYY-MM-DDTHH:MM:SSZ", Excerpt(found))]
    Expires {
        /// The text found.
        found: String,
    },
    /// A layout that asks for nothing.
    #[error("layout has no step")]
    NoSteps,
    /// A threshold below one.
    #[error(
        "step {step} has a threshold of {found}, wanted 1 to {}",
        limits::LAYOUT_KEYS
    )]
    Threshold {
        /// The step.
        step: String,
        /// The threshold found.
        found: String,
    },
    /// A step that nobody may do.
    #[error("step {step} names no key and no certificate that may do it")]
    NoFunctionary {
        /// The step.
        step: String,
    },
    /// A private key in a layout, which is public.
    #[error("{at} holds a private key")]
    PrivateKey {
        /// The path of the key.
        at: String,
    },
    /// A rule that is none of the seven.
    #[error("rule {} is {problem}", Excerpt(rule))]
    Rule {
        /// The words of the rule.
        rule: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A pattern that implementations read differently, or not at all.
    #[error("pattern {} {problem}", Excerpt(pattern))]
    Pattern {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A parameter that was not given.
    #[error("layout asks for the parameter {}", Excerpt(name))]
    ParameterMissing {
        /// Its name.
        name: String,
    },
    /// A parameter that the layout does not have, or whose name is none.
    #[error("layout has no parameter {}", Excerpt(name))]
    ParameterUnknown {
        /// Its name.
        name: String,
    },
}

impl InTotoError {
    /// The stable code of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Json(error) => error.code(),
            Self::Field(error) => error.code(),
            Self::Number(error) => error.code(),
            Self::Envelope(error) => error.code(),
            Self::Digest(error) => error.code(),
            Self::Hybrid => "metablock-hybrid",
            Self::Shape => "metablock-shape",
            Self::PayloadType { .. } => "metablock-payload-type",
            Self::Type { .. } => "metablock-type",
            Self::OpenPgpSignature { .. } | Self::OpenPgpKey { .. } => "metablock-openpgp",
            Self::SignatureHex { .. } => "metablock-signature-malformed",
            Self::StepName { .. } => "step-name-malformed",
            Self::KeyId { .. } => "keyid-malformed",
            Self::NameTwice { .. } => "step-name-twice",
            Self::Path { .. } | Self::Backslash { .. } | Self::PathTwice { .. } => {
                "artifact-path-ambiguous"
            }
            Self::NoDigest { .. } => "artifact-digest-empty",
            Self::WeakDigests { .. } => "artifact-digest-weak",
            Self::DigestType { .. } => "field-type",
            Self::TooManyArtifacts { .. } => "field-too-many",
            Self::Expires { .. } => "layout-expires-malformed",
            Self::NoSteps => "layout-empty",
            Self::Threshold { .. } => "step-threshold",
            Self::NoFunctionary { .. } => "step-without-functionary",
            Self::PrivateKey { .. } => "layout-private-key",
            Self::Rule { .. } => "rule-malformed",
            Self::Pattern { .. } => "rule-pattern-ambiguous",
            Self::ParameterMissing { .. } => "layout-parameter-missing",
            Self::ParameterUnknown { .. } => "layout-parameter-unknown",
        }
    }
}

/// Takes `_type`.
pub(super) fn expect_type(object: &mut Object, wanted: &'static str) -> Result<(), InTotoError> {
    let found = object.take_string("_type")?;
    if found == wanted {
        return Ok(());
    }
    Err(InTotoError::Type { found, wanted })
}
