//! A certificate as it was before certificate logs signed it (RFC 6962 §3.2).

use const_oid::ObjectIdentifier;
use const_oid::db::rfc6962::CT_PRECERT_SCTS;
use der::asn1::AnyRef;
use der::{Decode, Encode, Tag, TagNumber, Tagged};

use crate::asn1::certificate::Certificate;

/// The part of a certificate that is signed, without the timestamps of certificate logs: every other
/// byte as it stands, and the lengths around it anew.
pub(crate) fn tbs(certificate: &Certificate) -> Option<Vec<u8>> {
    let mut fields = Vec::<AnyRef<'_>>::from_der(certificate.tbs()).ok()?;
    let position = fields.iter().position(|it| it.tag() == EXTENSIONS)?;
    let all = Vec::<AnyRef<'_>>::from_der(fields.get(position)?.value()).ok()?;
    let count = all.len();
    let kept: Vec<AnyRef<'_>> = all.into_iter().filter(|it| !is_timestamps(it)).collect();
    if kept.len() + 1 != count {
        return None;
    }
    let content = kept.to_der().ok()?;
    match fields.get_mut(position) {
        // Without any other extension the field would not have been there.
        _ if kept.is_empty() => drop(fields.remove(position)),
        Some(field) => *field = AnyRef::new(EXTENSIONS, &content).ok()?,
        None => return None,
    }
    fields.to_der().ok()
}

fn is_timestamps(extension: &AnyRef<'_>) -> bool {
    extension
        .to_der()
        .ok()
        .and_then(|der| {
            let parts = Vec::<AnyRef<'_>>::from_der(&der).ok()?;
            parts.first()?.decode_as::<ObjectIdentifier>().ok()
        })
        .is_some_and(|it| it == CT_PRECERT_SCTS)
}

/// The field of extensions (RFC 5280 §4.1).
const EXTENSIONS: Tag = Tag::ContextSpecific {
    constructed: true,
    number: TagNumber::N3,
};
