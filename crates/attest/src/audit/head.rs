//! The head of the trail, signed at each release and kept with it: whoever rewrites what came before
//! needs the key.

use attest_archive::audit::Head;
use attest_archive::{AttachedFileInput, AttachmentInput, AttachmentKind, Source, Store};
use attest_digest::RelativePath;
use attest_provenance::{Envelope, PAYLOAD_TYPE, ReleaseName, json, pae};
use jiff::Timestamp;

use super::trail::Trail;
use crate::command::archive::archive_failure;
use crate::failure::{Failure, with_source};
use crate::identity::{Card, Identity};

/// Signs the head of the trail as it is now, and attaches it to a release of the home's archive.
///
/// # Errors
/// As for [`Trail::append`]; what signing and the archive say.
pub(crate) fn keep(
    identity: &Identity,
    store: &mut Store,
    release: &ReleaseName,
    now: Timestamp,
) -> Result<(), Failure> {
    let refused =
        |error: &dyn std::error::Error| Failure::unknown("audit-head-failed", with_source(error));
    let home = identity.home();
    let card = Card::read(home)?;
    let Some((events, last)) = Trail::of(home, &card.log).head()? else {
        return Ok(());
    };
    let head = Head {
        home: card.log,
        events,
        last,
        release: release.to_string(),
    };
    let payload = head
        .statement()
        .map_err(|error| refused(&error))?
        .to_bytes();
    let signature = identity
        .artifact_key
        .sign(&pae(PAYLOAD_TYPE, &payload))
        .map_err(|error| refused(&error))?;
    let envelope = Envelope::new(PAYLOAD_TYPE, payload, signature).to_json();
    let bytes = json::canonical(&envelope).map_err(|error| refused(&error))?;
    let attachment = AttachmentInput {
        subject: Some(release.clone()),
        kind: AttachmentKind::Audit,
        created: now,
        files: vec![AttachedFileInput {
            path: RelativePath::parse(HEAD_FILE).map_err(|_| {
                Failure::unknown("internal-error", "the name of the head's file is none")
            })?,
            media_type: "application/vnd.in-toto+json".to_owned(),
            source: Source::Bytes(&bytes),
            expected: None,
        }],
    };
    store
        .attach(&attachment)
        .map(drop)
        .map_err(|error| archive_failure(&error))
}

/// The name of the file in its attachment.
const HEAD_FILE: &str = "audit-head.intoto.json";
