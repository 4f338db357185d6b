//! Metadata of a TUF repository as it is kept between refreshes.
//!
//! ```text
//! {"version":1,"roots":["eyJz…"],"timestamp":"eyJz…","snapshot":"eyJz…","targets":"eyJz…"}
//! ```

use attest_provenance::base64;
use attest_provenance::json::{self, FieldError, Object, Value};
use serde_json::json;

use crate::limits;
use crate::tuf_error::TufError;

/// Metadata of a repository, byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// Consecutive versions of `root.json`, the oldest first.
    pub roots: Vec<Vec<u8>>,
    /// The roles below them.
    pub roles: Option<RoleBytes>,
}

/// The roles that lead to a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleBytes {
    /// `timestamp.json`.
    pub timestamp: Vec<u8>,
    /// `snapshot.json`.
    pub snapshot: Vec<u8>,
    /// `targets.json`.
    pub targets: Vec<u8>,
}

impl Metadata {
    /// A root to start from, and nothing else.
    pub fn of_root(root: Vec<u8>) -> Self {
        Self {
            roots: vec![root],
            roles: None,
        }
    }

    /// The bytes to keep.
    pub fn to_json(&self) -> Vec<u8> {
        let text = |bytes: &Vec<u8>| base64::encode(bytes);
        let mut object = json!({
            "version": VERSION,
            "roots": self.roots.iter().map(text).collect::<Vec<_>>(),
        });
        if let (Some(roles), Some(fields)) = (&self.roles, object.as_object_mut()) {
            fields.insert("timestamp".to_owned(), text(&roles.timestamp).into());
            fields.insert("snapshot".to_owned(), text(&roles.snapshot).into());
            fields.insert("targets".to_owned(), text(&roles.targets).into());
        }
        format!("{object}\n").into_bytes()
    }

    /// Reads what was kept. It is as trusted as its signatures, which the next refresh verifies.
    ///
    /// # Errors
    /// Not what [`to_json`](Self::to_json) writes.
    pub fn parse(bytes: &[u8]) -> Result<Self, TufError> {
        let limits = json::Limits {
            bytes: limits::STATE_BYTES,
            depth: 3,
        };
        let value = json::parse(bytes, limits).map_err(|error| wrong(&error))?;
        read(value).map_err(|error| wrong(&error))?
    }
}

fn wrong(error: &dyn std::error::Error) -> TufError {
    TufError::State(error.to_string())
}

/// The fields as they are, or what is wrong in them.
fn read(value: Value) -> Result<Result<Metadata, TufError>, FieldError> {
    let mut object = Object::new("", value)?;
    let version = object.take_u64("version")?;
    if version != VERSION {
        return Ok(Err(TufError::State(format!(
            "version is {version}, wanted {VERSION}"
        ))));
    }
    let texts = object.take_array("roots", limits::STATE_ROOTS)?;
    let roots = texts
        .iter()
        .map(|it| it.as_str().and_then(|text| base64::decode(text).ok()))
        .collect::<Option<Vec<_>>>();
    let timestamp = object.take_optional_bytes("timestamp")?;
    let roles = match timestamp {
        None => None,
        Some(timestamp) => Some(RoleBytes {
            timestamp,
            snapshot: object.take_bytes("snapshot")?,
            targets: object.take_bytes("targets")?,
        }),
    };
    object.finish()?;
    Ok(match roots.filter(|it| !it.is_empty()) {
        Some(roots) => Ok(Metadata { roots, roles }),
        None => Err(TufError::State("roots are not base64, or none".to_owned())),
    })
}

const VERSION: u64 = 1;
