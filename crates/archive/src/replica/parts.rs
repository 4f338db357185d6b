//! An index in parts, for places that cannot replace one safely: parts are only ever added, and each is
//! named by its digest.

use std::collections::BTreeSet;

use super::ReplicaError;
use crate::copy::parse_index_of;
use crate::index::{Entry, Index};
use crate::limits;

/// The index that parts make together, in whatever order they come; `None` if there are none.
///
/// Each part is the index of an archive itself. Nothing that one of them lists is lost: two writers that
/// did not know of each other have each added a part.
///
/// # Errors
/// A part is malformed or of a newer format; `replica-index-differs` if two parts contradict each other:
/// neither is believed.
pub fn join_index(replica: &str, parts: &[Vec<u8>]) -> Result<Option<Vec<u8>>, ReplicaError> {
    if parts.is_empty() {
        return Ok(None);
    }
    let mut joined = Index::default();
    let mut others = BTreeSet::new();
    for part in parts {
        let part = parse(replica, Some(part))?;
        add(replica, &mut joined, part, &mut others)?;
    }
    to_bytes(replica, &joined).map(Some)
}

/// What an index lists that another does not, in parts of at most so many bytes; releases come first.
///
/// # Errors
/// One of them is malformed, or has an entry that fits into no part.
pub fn new_index_parts(
    replica: &str,
    seen: Option<&[u8]>,
    bytes: &[u8],
    most: u64,
) -> Result<Vec<Vec<u8>>, ReplicaError> {
    let seen = parse(replica, seen)?;
    let mut new = parse(replica, Some(bytes))?;
    new.releases
        .retain(|name, manifest| seen.releases.get(name) != Some(manifest));
    new.attachments
        .retain(|key, attached| seen.attachments.get(key) != Some(attached));
    let known: BTreeSet<String> = seen.foreign.iter().map(text).collect();
    new.foreign.retain(|entry| !known.contains(&text(entry)));
    let mut parts = Vec::new();
    split(replica, new, most, &mut parts)?;
    Ok(parts)
}

/// What has no name is kept beside the rest, as what it is.
fn parse(replica: &str, bytes: Option<&[u8]>) -> Result<Index, ReplicaError> {
    let mut index = parse_index_of(replica, bytes)?;
    index.foreign.append(&mut index.unnamed);
    Ok(index)
}

fn add(
    replica: &str,
    joined: &mut Index,
    part: Index,
    others: &mut BTreeSet<String>,
) -> Result<(), ReplicaError> {
    let contradiction = |problem: String| ReplicaError::Index {
        replica: replica.to_owned(),
        problem,
    };
    for (name, manifest) in part.releases {
        if let Some(other) = joined.releases.insert(name.clone(), manifest)
            && other != manifest
        {
            let (one, two) = (other.digest, manifest.digest);
            let problem = format!("it lists {name} as {one} and as {two}");
            return Err(contradiction(problem));
        }
    }
    for (key, attached) in part.attachments {
        let manifest = key.manifest;
        if let Some(other) = joined.attachments.insert(key, attached.clone())
            && other != attached
        {
            let problem = format!("it lists the attachment {manifest} in two ways");
            return Err(contradiction(problem));
        }
    }
    let new = part.foreign.into_iter();
    joined
        .foreign
        .extend(new.filter(|entry| others.insert(text(entry))));
    Ok(())
}

fn split(
    replica: &str,
    index: Index,
    most: u64,
    parts: &mut Vec<Vec<u8>>,
) -> Result<(), ReplicaError> {
    let count = index.releases.len() + index.attachments.len() + index.foreign.len();
    if count == 0 {
        return Ok(());
    }
    let bytes = to_bytes(replica, &index)?;
    if bytes.len() as u64 <= most {
        parts.push(bytes);
        return Ok(());
    }
    if count == 1 {
        let message = "an entry of its index is larger than a part of it may be";
        return Err(ReplicaError::unavailable(replica, message));
    }
    let (first, rest) = halves(index);
    split(replica, first, most, parts)?;
    split(replica, rest, most, parts)
}

/// Two indexes of which neither is empty, of one that has two entries or more.
fn halves(index: Index) -> (Index, Index) {
    let (mut first, mut rest) = (index, Index::default());
    if !first.releases.is_empty() && first.attachments.len() + first.foreign.len() > 0 {
        rest.attachments = std::mem::take(&mut first.attachments);
        rest.foreign = std::mem::take(&mut first.foreign);
    } else if !first.attachments.is_empty() && !first.foreign.is_empty() {
        rest.foreign = std::mem::take(&mut first.foreign);
    } else {
        let middle = first.releases.keys().nth(first.releases.len() / 2).cloned();
        if let Some(middle) = middle {
            rest.releases = first.releases.split_off(&middle);
        }
        let attached = first.attachments.keys();
        let middle = attached.clone().nth(attached.len() / 2).cloned();
        if let Some(middle) = middle {
            rest.attachments = first.attachments.split_off(&middle);
        }
        rest.foreign = first.foreign.split_off(first.foreign.len() / 2);
    }
    (first, rest)
}

fn to_bytes(replica: &str, index: &Index) -> Result<Vec<u8>, ReplicaError> {
    let bytes = index.to_bytes();
    let bytes = bytes.map_err(|error| ReplicaError::unavailable(replica, error.to_string()))?;
    if bytes.len() as u64 > limits::INDEX_BYTES {
        let message = "its index is larger than is read";
        return Err(ReplicaError::unavailable(replica, message));
    }
    Ok(bytes)
}

fn text(entry: &Entry) -> String {
    entry.descriptor.to_string()
}

#[cfg(test)]
mod tests {
    use attest_provenance::ReleaseName;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::blob::Blob;

    fn release(name: &str, content: &str) -> Index {
        let mut index = Index::default();
        let name = ReleaseName::new(name, "1.0.0").unwrap();
        index.insert(name, Blob::of(content.as_bytes())).unwrap();
        index
    }

    fn join(parts: &[Vec<u8>]) -> Result<Option<Vec<u8>>, ReplicaError> {
        join_index("there", parts)
    }

    #[test]
    fn parts_that_contradict_each_other_are_refused_and_one_alone_is_not() {
        let [one, other] = ["one", "other"].map(|it| release("hello", it).to_bytes().unwrap());
        let error = join(&[one.clone(), other]).unwrap_err();
        assert_eq!(error.code(), "replica-index-differs");
        assert!(error.to_string().contains("hello@1.0.0"));
        assert_eq!(join(&[one.clone(), one.clone()]).unwrap(), Some(one));
        assert_eq!(join(&[]).unwrap(), None);
    }

    #[test]
    fn a_part_of_a_newer_format_is_refused() {
        let part = release("hello", "one").to_bytes().unwrap();
        let newer = String::from_utf8(part.clone()).unwrap();
        let newer = newer.replace("format\":\"1\"", "format\":\"2\"");
        assert_ne!(newer.as_bytes(), part);
        let error = join(&[part, newer.into_bytes()]).unwrap_err();
        assert_eq!(error.code(), "replica-unavailable");
        assert!(error.to_string().contains("format"));
    }

    #[test]
    fn an_entry_that_fits_into_no_part_is_refused() {
        let bytes = release("hello", "one").to_bytes().unwrap();
        let most = bytes.len() as u64;
        assert_eq!(
            new_index_parts("there", None, &bytes, most).unwrap(),
            std::slice::from_ref(&bytes)
        );
        assert!(new_index_parts("there", None, &bytes, most - 1).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]
        #[test]
        fn parts_make_what_was_split_and_hold_only_what_is_new(
            count in 1_usize..24, known in 0_usize..24, others in 0_usize..4,
        ) {
            let index = |count: usize, others: usize| {
                let mut index = Index::default();
                for number in 0..count {
                    index.releases.extend(release(&format!("r{number}"), "x").releases);
                }
                for number in 0..others {
                    let descriptor = json!({"mediaType": "text/plain", "number": number});
                    index.foreign.push(Entry { blob: None, descriptor });
                }
                index.to_bytes().unwrap()
            };
            let (whole, seen) = (index(count, others), index(known.min(count), 0));
            let parts = new_index_parts("there", Some(&seen), &whole, 1200).unwrap();
            prop_assert!(parts.iter().all(|it| it.len() <= 1200));
            let mut all = vec![seen];
            all.extend(parts.into_iter().rev());
            prop_assert_eq!(join(&all).unwrap().unwrap(), whole.clone());
            prop_assert!(new_index_parts("there", Some(&whole), &whole, 1200).unwrap().is_empty());
        }
    }
}
