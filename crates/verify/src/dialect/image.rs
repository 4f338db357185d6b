//! Images as OCI layouts hold them, and the signatures that cosign attaches to them.
//!
//! Everything here is a claim: that a blob has the digest by which it is named is the caller's to
//! check, and the signatures' to prove.

use attest_digest::{Algorithm, Digest};
use attest_provenance::json::{self, Object, Value};
use attest_provenance::{Envelope, base64};

use crate::bundle::Bundle;
use crate::dialect::draft::{Draft, DraftContent, DraftSigner};
use crate::dialect::{Dialect, DialectError, cosign, pem};
use crate::limits;

/// What points to a blob.
///
/// ```text
/// {"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:ebc7…","size":423}
/// ```
#[derive(Debug, Clone)]
pub struct Descriptor {
    media_type: String,
    digest: Digest,
    size: u64,
    annotations: Vec<(String, String)>,
}

/// A manifest or an index of manifests. Fields that we do not know are ignored, as the
/// [OCI image specification](https://github.com/opencontainers/image-spec) asks.
#[derive(Debug, Clone)]
pub enum Manifest {
    /// An index: of a layout, or of one image for several platforms.
    Index {
        /// What it lists.
        manifests: Vec<Descriptor>,
        /// What it is attached to.
        subject: Option<Digest>,
    },
    /// An image, or evidence in the form of one.
    Image {
        /// Its configuration.
        config: Descriptor,
        /// Its layers.
        layers: Vec<Descriptor>,
        /// What it is attached to.
        subject: Option<Digest>,
    },
}

impl Descriptor {
    /// How the blob is to be read.
    pub fn media_type(&self) -> &str {
        &self.media_type
    }

    /// SHA-256 of the blob.
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// Bytes of the blob.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// What is noted beside it.
    pub fn annotation(&self, name: &str) -> Option<&str> {
        let found = self.annotations.iter().find(|(it, _)| it == name);
        found.map(|(_, value)| value.as_str())
    }

    fn read(mut object: Object) -> Result<Self, DialectError> {
        let at = object.path().to_owned();
        let media_type = object.take_string("mediaType")?;
        let digest = digest(&at, &object.take_string("digest")?)?;
        let size = object.take_u64("size")?;
        let annotations = match object.take_optional_object("annotations")? {
            Some(annotations) => annotations.into_rest(),
            None => serde_json::Map::new(),
        };
        let text = |(name, value): (String, Value)| Some((name, value.as_str()?.to_owned()));
        let annotations: Option<Vec<_>> = annotations.into_iter().map(text).collect();
        Ok(Self {
            media_type,
            digest,
            size,
            annotations: annotations
                .ok_or_else(|| DialectError::problem(&at, "has an annotation that is no text"))?,
        })
    }
}

impl Manifest {
    /// Reads either kind.
    ///
    /// # Errors
    /// Too large; not JSON of one meaning; neither, or both; a descriptor without media type, SHA-256
    /// and size; more descriptors than are read.
    pub fn parse(bytes: &[u8]) -> Result<Self, DialectError> {
        let mut object = Object::new("", json::parse(bytes, MANIFEST)?)?;
        let subject = object.take_optional_object("subject")?;
        let subject = subject
            .map(Descriptor::read)
            .transpose()?
            .map(|it| it.digest);
        match (object.has("manifests"), object.has("layers")) {
            (true, false) => {
                let manifests = object.take_objects("manifests", limits::IMAGE_DESCRIPTORS)?;
                let manifests = manifests.into_iter().map(Descriptor::read);
                Ok(Self::Index {
                    manifests: manifests.collect::<Result<_, _>>()?,
                    subject,
                })
            }
            (false, true) => {
                let config = Descriptor::read(object.take_object("config")?)?;
                let layers = object.take_objects("layers", limits::IMAGE_DESCRIPTORS)?;
                let layers = layers.into_iter().map(Descriptor::read);
                Ok(Self::Image {
                    config,
                    layers: layers.collect::<Result<_, _>>()?,
                    subject,
                })
            }
            _ => Err(DialectError::problem(
                "",
                "needs either manifests or layers",
            )),
        }
    }

    /// What it is attached to.
    pub const fn subject(&self) -> Option<Digest> {
        match self {
            Self::Index { subject, .. } | Self::Image { subject, .. } => *subject,
        }
    }
}

fn digest(at: &str, text: &str) -> Result<Digest, DialectError> {
    let digest = Digest::parse(text).ok();
    digest
        .filter(|it| it.algorithm() == Algorithm::Sha256)
        .ok_or_else(|| DialectError::problem(at, "has no SHA-256"))
}

/// The manifest that a signed payload of cosign's older form is about.
///
/// ```text
/// {"critical":{"identity":{"docker-reference":"example.org/demo"},
///   "image":{"docker-manifest-digest":"sha256:ebc7…"},"type":"cosign container image signature"},
///  "optional":null}
/// ```
///
/// # Errors
/// Not of this form, or of another type.
pub fn signed_image(payload: &[u8]) -> Result<Digest, DialectError> {
    let mut object = Object::new("", json::parse(payload, MANIFEST)?)?;
    let mut critical = object.take_object("critical")?;
    object.take_optional("optional");
    object.finish()?;
    let mut identity = critical.take_object("identity")?;
    identity.take_string("docker-reference")?;
    identity.finish()?;
    let mut image = critical.take_object("image")?;
    let named = image.take_string("docker-manifest-digest")?;
    let digest = digest(image.path(), &named)?;
    image.finish()?;
    let kind = critical.take_string("type")?;
    critical.finish()?;
    if kind != "cosign container image signature" {
        return Err(DialectError::problem("critical.type", "is another"));
    }
    Ok(digest)
}

/// The signature that the annotations of a layer of cosign's older form hold: over the layer's bytes,
/// or of the envelope that the layer is.
///
/// # Errors
/// No signature, or anything malformed beside it.
pub fn layer_signature(layer: &Descriptor, blob: &[u8]) -> Result<Bundle, DialectError> {
    let chain = match layer.annotation(CHAIN).filter(|it| !it.is_empty()) {
        Some(text) => certificates(text)?,
        None => Vec::new(),
    };
    let signer = match layer.annotation(CERTIFICATE).filter(|it| !it.is_empty()) {
        Some(text) => {
            let mut all = certificates(text)?;
            // Its issuers up to the root, which a bundle leaves out.
            all.extend(chain.into_iter().rev().skip(1).rev());
            DraftSigner::Certificates(all)
        }
        None => DraftSigner::Key { hint: None },
    };
    let entry = match layer.annotation(BUNDLE).filter(|it| !it.is_empty()) {
        Some(text) => {
            let logged = Object::new("", json::parse(text.as_bytes(), limits::BUNDLE)?)?;
            Some(cosign::entry(logged)?)
        }
        None => None,
    };
    let timestamp = match layer.annotation(TIMESTAMP).filter(|it| !it.is_empty()) {
        Some(text) => {
            let mut stamp = Object::new("", json::parse(text.as_bytes(), limits::BUNDLE)?)?;
            let bytes = stamp.take_bytes("SignedRFC3161Timestamp")?;
            stamp.finish()?;
            Some(base64::encode(&bytes))
        }
        None => None,
    };
    let content = if layer.media_type == ENVELOPE {
        let envelope = Envelope::parse(blob)?;
        DraftContent::of(&envelope, envelope.only_signature()?)
    } else {
        let signature = layer.annotation(SIGNATURE).unwrap_or_default();
        let signature = base64::decode(signature)
            .map_err(|_| DialectError::problem(SIGNATURE, "is not canonical base64"))?;
        DraftContent::Message(signature)
    };
    let draft = Draft {
        dialect: Dialect::Image,
        signer,
        content,
        entries: entry.into_iter().collect(),
        timestamps: timestamp.into_iter().collect(),
    };
    draft.bundle()
}

fn certificates(text: &str) -> Result<Vec<Vec<u8>>, DialectError> {
    match pem::signer(text.as_bytes())? {
        DraftSigner::Certificates(chain) => Ok(chain),
        DraftSigner::Key { .. } => Err(DialectError::problem(CERTIFICATE, "is a key")),
    }
}

/// The media type of a signed payload in cosign's older form.
pub const SIMPLE_SIGNING: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
/// The media type of an envelope.
pub const ENVELOPE: &str = "application/vnd.dsse.envelope.v1+json";

const SIGNATURE: &str = "dev.cosignproject.cosign/signature";
const CERTIFICATE: &str = "dev.sigstore.cosign/certificate";
const CHAIN: &str = "dev.sigstore.cosign/chain";
const BUNDLE: &str = "dev.sigstore.cosign/bundle";
const TIMESTAMP: &str = "dev.sigstore.cosign/rfc3161timestamp";

const MANIFEST: json::Limits = json::Limits {
    bytes: limits::IMAGE_MANIFEST_BYTES,
    depth: 8,
};

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:ebc7628c8634fdcce4f019edcaae5076ce8dafb11a5db3cdb172d10fd54dc26c";

    #[test]
    fn a_payload_names_its_image_in_one_way() {
        let good = format!(
            r#"{{"critical":{{"identity":{{"docker-reference":"a"}},"image":{{"docker-manifest-digest":"{DIGEST}"}},"type":"cosign container image signature"}},"optional":null}}"#
        );
        assert_eq!(signed_image(good.as_bytes()).unwrap().to_string(), DIGEST);
        for (from, to) in [
            ("docker-manifest", "Docker-manifest"),
            ("sha256:ebc7", "sha256:EBC7"),
            ("sha256:", "sha512:"),
            ("cosign container", "atomic container"),
            ("\"optional\"", "\"critical\""),
            ("\"optional\"", "\"more\""),
            (":null}", ":null}{}"),
        ] {
            let bad = good.replace(from, to);
            assert_ne!(good, bad);
            let refused = signed_image(bad.as_bytes()).unwrap_err();
            assert_eq!(refused.code(), "evidence-malformed", "{to}");
        }
    }

    #[test]
    fn a_manifest_is_an_image_or_an_index() {
        let one = format!(r#"{{"mediaType":"m","digest":"{DIGEST}","size":1}}"#);
        let parse = |text: &str| Manifest::parse(text.as_bytes());
        assert!(parse(&format!(r#"{{"manifests":[{one}],"unknown":1}}"#)).is_ok());
        assert!(
            parse(&format!(
                r#"{{"config":{one},"layers":[],"subject":{one}}}"#
            ))
            .is_ok()
        );
        let many = vec![one.as_str(); limits::IMAGE_DESCRIPTORS + 1].join(",");
        for bad in [
            "{}".to_owned(),
            format!(r#"{{"manifests":[],"layers":[],"config":{one}}}"#),
            r#"{"layers":[]}"#.to_owned(),
            format!(r#"{{"manifests":[{many}]}}"#),
            r#"{"manifests":[{"mediaType":"m","digest":"sha256:../../etc/passwd","size":1}]}"#
                .to_owned(),
            format!(r#"{{"manifests":[{{"mediaType":"m","digest":"{DIGEST}","size":-1}}]}}"#),
            format!(r#"{{"manifests":[{one}],"manifests":[]}}"#),
        ] {
            assert_eq!(
                parse(&bad).unwrap_err().code(),
                "evidence-malformed",
                "{bad:.80}"
            );
        }
    }
}
