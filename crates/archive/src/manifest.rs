//! The manifest of one release.

use std::collections::BTreeMap;

use attest_digest::{Digest, RelativePath, colliding_names};
use attest_provenance::ReleaseName;
use attest_provenance::json::{self, Object, Value};
use serde_json::{Map, json};

use crate::blob::Blob;
use crate::error::Malformed;
use crate::layout::{
    EMPTY, EMPTY_TYPE, MANIFEST_TYPE, RELEASE_NAME, RELEASE_PURL, RELEASE_SUMS, RELEASE_TYPE,
    RELEASE_VERSION, ROLE, TITLE, VERSION,
};
use crate::limits;
use crate::role::Role;

/// The files of a release, as its manifest claims them.
///
/// ```json
/// {
///   "schemaVersion": 2,
///   "mediaType": "application/vnd.oci.image.manifest.v1+json",
///   "artifactType": "application/vnd.attest.release.v1",
///   "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": "sha256:4413…", "size": 2},
///   "layers": [
///     {"mediaType": "application/octet-stream", "digest": "sha256:2cf2…", "size": 5,
///      "annotations": {"dev.attest.role": "artifact", "org.opencontainers.image.title": "bin/hello"}}
///   ],
///   "annotations": {
///     "dev.attest.release.name": "hello",
///     "dev.attest.release.version": "1.0.0",
///     "dev.attest.release.purl": "pkg:generic/hello@1.0.0",
///     "dev.attest.release.sha256sums": "sha256:9a1b…",
///     "org.opencontainers.image.version": "1.0.0"
///   }
/// }
/// ```
///
/// Layers are sorted by title. The bytes are those of RFC 8785, and nothing else is read: one release
/// has one manifest, and one manifest one meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Manifest {
    name: ReleaseName,
    members: Vec<Member>,
}

/// One file of an archived release, as the manifest claims it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    pub(crate) path: RelativePath,
    pub(crate) role: Role,
    pub(crate) media_type: String,
    pub(crate) blob: Blob,
}

impl Member {
    /// Its path in the release's folder.
    pub fn path(&self) -> &RelativePath {
        &self.path
    }

    /// What it is there for.
    pub fn role(&self) -> Role {
        self.role
    }

    /// Its media type.
    pub fn media_type(&self) -> &str {
        &self.media_type
    }

    /// The SHA-256 of its bytes.
    pub fn digest(&self) -> Digest {
        self.blob.digest
    }

    /// The count of its bytes.
    pub fn size(&self) -> u64 {
        self.blob.size
    }
}

impl Manifest {
    /// The manifest of these files.
    pub(crate) fn new(name: ReleaseName, mut members: Vec<Member>) -> Self {
        members.sort_unstable_by(|one, other| one.path.cmp(&other.path));
        Self { name, members }
    }

    /// Reads a manifest; `None` if it is that of something else than a release.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Option<Self>, Malformed> {
        parse_only_form(bytes, RELEASE_TYPE, Self::of, Self::to_bytes)
    }

    pub(crate) fn name(&self) -> &ReleaseName {
        &self.name
    }

    pub(crate) fn members(&self) -> &[Member] {
        &self.members
    }

    pub(crate) fn member(&self, path: &RelativePath) -> Option<&Member> {
        let at = self
            .members
            .binary_search_by(|member| member.path.cmp(path))
            .ok()?;
        self.members.get(at)
    }

    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, Malformed> {
        let layers: Vec<Value> = self.members.iter().map(layer).collect();
        Ok(json::canonical(&json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "artifactType": RELEASE_TYPE,
            "config": empty_blob().descriptor(EMPTY_TYPE),
            "layers": layers,
            "annotations": self.annotations(),
        }))?)
    }

    fn annotations(&self) -> BTreeMap<&'static str, String> {
        let version = self.name.version().to_owned();
        let mut annotations = BTreeMap::from([
            (RELEASE_NAME, self.name.name().to_owned()),
            (RELEASE_VERSION, version.clone()),
            (RELEASE_PURL, self.name.purl()),
            (VERSION, version),
        ]);
        let sums = self
            .members
            .iter()
            .find(|member| member.path.as_str() == SUMS && member.role == Role::Checksums);
        if let Some(sums) = sums {
            annotations.insert(RELEASE_SUMS, sums.blob.digest.to_string());
        }
        annotations
    }

    fn of(fields: &mut Object) -> Result<Self, Malformed> {
        let layers = fields.take_objects("layers", limits::MEMBERS)?;
        let members = layers
            .into_iter()
            .map(member)
            .collect::<Result<Vec<_>, _>>()?;
        let names = members.iter().map(|member| member.path.as_str());
        if let Some((first, second)) = colliding_names(names) {
            return Err(Malformed::Collision { first, second });
        }
        let annotations = fields.take_object("annotations")?;
        let name = release_name(annotations)?.ok_or_else(|| Malformed::Value {
            field: "annotations".to_owned(),
            found: "nothing".to_owned(),
            wanted: "the name and the version of the release",
        })?;
        // Sorted, so that another order is found when the bytes are compared.
        Ok(Self::new(name, members))
    }
}

/// Reads a manifest of this artifact type, which has one form alone; `None` if it is of another type.
pub(crate) fn parse_only_form<T>(
    bytes: &[u8],
    artifact_type: &str,
    read: impl FnOnce(&mut Object) -> Result<T, Malformed>,
    write: impl FnOnce(&T) -> Result<Vec<u8>, Malformed>,
) -> Result<Option<T>, Malformed> {
    let bounds = json::Limits {
        bytes: usize::try_from(limits::MANIFEST_BYTES).unwrap_or(usize::MAX),
        depth: limits::JSON_DEPTH,
    };
    let mut fields = Object::new("", json::parse(bytes, bounds)?)?;
    match fields.take_optional_string("artifactType")? {
        Some(found) if found == artifact_type => {}
        _ => return Ok(None),
    }
    let manifest = read(&mut fields)?;
    // What was not taken is caught here as well: the one way to write it is this.
    if write(&manifest)? != bytes {
        fields.finish()?;
        return Err(Malformed::NotCanonical);
    }
    Ok(Some(manifest))
}

/// The release that annotations name, if they name one.
pub(crate) fn release_name(mut annotations: Object) -> Result<Option<ReleaseName>, Malformed> {
    let name = annotations.take_optional_string(RELEASE_NAME)?;
    let version = annotations.take_optional_string(RELEASE_VERSION)?;
    let (name, version) = match (name, version) {
        (None, None) => return Ok(None),
        (name, version) => (name.unwrap_or_default(), version.unwrap_or_default()),
    };
    match ReleaseName::new(&name, &version) {
        Ok(release) => Ok(Some(release)),
        Err(_) => Err(Malformed::Value {
            field: annotations.path_of(RELEASE_NAME),
            found: format!("{name}@{version}"),
            wanted: "the name and the version of a release",
        }),
    }
}

/// The configuration that says nothing.
pub(crate) fn empty_blob() -> Blob {
    Blob::of(EMPTY)
}

fn layer(member: &Member) -> Value {
    let mut descriptor = member.blob.descriptor(&member.media_type);
    let annotations: Map<String, Value> =
        [(TITLE, member.path.as_str()), (ROLE, member.role.name())]
            .into_iter()
            .map(|(key, value)| (key.to_owned(), Value::from(value)))
            .collect();
    if let Some(fields) = descriptor.as_object_mut() {
        fields.insert("annotations".to_owned(), annotations.into());
    }
    descriptor
}

fn member(mut descriptor: Object) -> Result<Member, Malformed> {
    let (path, media_type, blob, mut annotations) = take_file(&mut descriptor)?;
    let role = annotations.take_string(ROLE)?;
    let Some(role) = Role::from_name(&role) else {
        return Err(Malformed::Value {
            field: annotations.path_of(ROLE),
            found: role,
            wanted: "a role of a file",
        });
    };
    annotations.finish()?;
    descriptor.finish()?;
    Ok(Member {
        path,
        role,
        media_type,
        blob,
    })
}

/// Title, media type and blob of a layer, and what is left of its annotations.
pub(crate) fn take_file(
    descriptor: &mut Object,
) -> Result<(RelativePath, String, Blob, Object), Malformed> {
    let blob = Blob::take(descriptor)?;
    let media_type = descriptor.take_string("mediaType")?;
    if !is_media_type(&media_type) {
        return Err(Malformed::Value {
            field: descriptor.path_of("mediaType"),
            found: media_type,
            wanted: "a media type",
        });
    }
    let mut annotations = descriptor.take_object("annotations")?;
    let title = annotations.take_string(TITLE)?;
    let path = RelativePath::parse(&title).map_err(|problem| Malformed::Name {
        found: title,
        problem,
    })?;
    Ok((path, media_type, blob, annotations))
}

/// `type/subtype` of RFC 6838, without parameters, as the image specification has it.
fn is_media_type(text: &str) -> bool {
    let is_name = |name: &str| {
        name.starts_with(|first: char| first.is_ascii_alphanumeric())
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
    };
    text.len() <= limits::MEDIA_TYPE_BYTES
        && text
            .split_once('/')
            .is_some_and(|(kind, subtype)| is_name(kind) && is_name(subtype))
}

/// The checksums file whose digest stands in the annotations.
const SUMS: &str = "SHA256SUMS";
