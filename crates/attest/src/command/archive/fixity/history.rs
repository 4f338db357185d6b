//! What all runs that were kept have found. A claim, as all that is read of their lines.
//!
//! Damage stays until a run has read that very blob, or everything, and found no damage at all: the next sample
//! reads other blobs.

use std::collections::BTreeSet;

use attest_archive::{AttachmentKind, Reader};
use attest_digest::Digest;
use jiff::Timestamp;
use serde_json::Value;

use super::kept_line;
use crate::failure::Exit;

/// What the last run that was kept has found, and what those before it have and nobody has read since.
#[derive(Debug, Clone)]
pub(crate) struct Last {
    pub(crate) time: Timestamp,
    /// `yes`, `no` or `unknown`; none if its line cannot be read.
    pub(crate) answer: Option<String>,
    /// `all` or `sample`.
    pub(crate) extent: Option<String>,
    /// What is damaged, or could not be read, as far as is known.
    pub(crate) damage: Damage,
}

/// Blobs that a run has found damaged and none has found sound since.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Damage {
    pub(crate) blobs: BTreeSet<Digest>,
    /// Whether there are more that no line names.
    pub(crate) has_unnamed: bool,
}

impl Damage {
    pub(crate) fn is_none(&self) -> bool {
        self.blobs.is_empty() && !self.has_unnamed
    }

    /// What a run adds and takes away.
    fn follow(&mut self, line: Option<&Value>, is_manifest: &dyn Fn(&Digest) -> bool) {
        let Some(line) = line else {
            self.has_unnamed = true;
            return;
        };
        let text = |name: &str| line.get(name).and_then(Value::as_str);
        let digest = |name: &str| text(name).and_then(|it| Digest::parse(it).ok());
        if text("answer") == Some(Exit::Yes.word()) {
            let ends = digest("sample_first").zip(digest("sample_last"));
            match text("extent") {
                Some("all") => *self = Self::default(),
                Some("sample") => self.blobs.retain(|blob| {
                    let is_read = ends.is_some_and(|ends| is_within(ends, blob));
                    !is_read && !is_manifest(blob)
                }),
                _ => {}
            }
            return;
        }
        let named = text("damaged").unwrap_or_default().split(", ");
        let named: BTreeSet<Digest> = named
            .filter_map(|it| Digest::parse(it.rsplit_once(' ')?.1).ok())
            .collect();
        let counted = line.get("damaged_blobs").and_then(Value::as_u64);
        self.has_unnamed |= named.is_empty() || counted != Some(named.len() as u64);
        self.blobs.extend(named);
    }
}

/// Whether a blob stands between these, themselves included, in the ring of a sample.
fn is_within((first, last): (Digest, Digest), blob: &Digest) -> bool {
    if first <= last {
        (&first..=&last).contains(&blob)
    } else {
        *blob >= first || *blob <= last
    }
}

/// The last run that was kept, by its number.
pub(crate) fn last(reader: &Reader) -> Option<Last> {
    let listed = reader.attachment_list();
    let Ok(runs) = reader.attachments_of_kind(None, &AttachmentKind::Fixity) else {
        let listed = listed.iter();
        let listed = listed.filter(|it| it.kind == AttachmentKind::Fixity);
        return Some(Last {
            time: listed.map(|it| it.created).max()?,
            answer: None,
            extent: None,
            damage: Damage {
                has_unnamed: true,
                ..Damage::default()
            },
        });
    };
    let numbered = runs.iter().map(|run| {
        let line = kept_line(run);
        let number = line.as_ref().and_then(|it| it.get("run")?.as_u64());
        (number.unwrap_or(0), run.created(), line)
    });
    let mut numbered: Vec<_> = numbered.collect();
    numbered.sort_by_key(|(number, time, _)| (*number, *time));
    // A sample reads them in each run, but for those of earlier runs.
    let others = listed.iter();
    let others = others.filter(|it| it.kind != AttachmentKind::Fixity);
    let manifests: BTreeSet<Digest> = others
        .map(|it| it.manifest)
        .chain(reader.list().iter().map(|it| it.manifest))
        .collect();
    let mut damage = Damage::default();
    for (_, _, line) in &numbered {
        damage.follow(line.as_ref(), &|it| manifests.contains(it));
    }
    let (_, time, line) = numbered.pop()?;
    let word = |name: &str| Some(line.as_ref()?.get(name)?.as_str()?.to_owned());
    Some(Last {
        time,
        answer: word("answer"),
        extent: word("extent"),
        damage,
    })
}

#[cfg(test)]
mod tests {
    use std::slice;

    use serde_json::json;

    use super::*;

    fn blob(first: u8) -> Digest {
        Digest::Sha256([first; 32])
    }

    fn damaged(blobs: &[u8]) -> Value {
        let named = blobs
            .iter()
            .map(|it| format!("blob-corrupt {}", blob(*it)))
            .collect::<Vec<_>>();
        json!({"answer": "no", "extent": "sample", "damaged": named.join(", "),
            "damaged_blobs": blobs.len(), "sample_first": blob(0).to_string(), "sample_last": blob(255).to_string()})
    }

    fn sound(first: u8, last: u8) -> Value {
        json!({"answer": "yes", "extent": "sample", "damaged": "", "damaged_blobs": 0,
            "sample_first": blob(first).to_string(), "sample_last": blob(last).to_string()})
    }

    /// What is left of blobs 3 and 7 after these lines; 7 is a manifest where that is said.
    fn left(lines: &[Value], manifest: Option<u8>) -> (Vec<Digest>, bool) {
        let mut damage = Damage::default();
        let is_manifest = |it: &Digest| manifest.is_some_and(|manifest| *it == blob(manifest));
        for line in [damaged(&[3, 7])].iter().chain(lines) {
            damage.follow(Some(line), &is_manifest);
        }
        (damage.blobs.into_iter().collect(), damage.has_unnamed)
    }

    #[test]
    fn damage_stays_until_a_run_has_read_that_blob_and_found_none() {
        let both = vec![blob(3), blob(7)];
        assert_eq!(left(&[], None), (both.clone(), false));
        assert_eq!(left(&[sound(4, 6)], None), (both.clone(), false));
        assert_eq!(left(&[sound(3, 6)], None), (vec![blob(7)], false));
        assert_eq!(left(&[sound(4, 7)], None), (vec![blob(3)], false));
        assert_eq!(left(&[sound(4, 6)], Some(7)), (vec![blob(3)], false));
        // The ring goes on from its end to its begin.
        assert_eq!(left(&[sound(8, 2)], None), (both.clone(), false));
        assert_eq!(left(&[sound(7, 3)], None), (vec![], false));
        assert_eq!(left(&[sound(5, 7), sound(1, 4)], None), (vec![], false));
        // A run that has found damage may have read less than it would have.
        assert_eq!(left(&[damaged(&[3])], None), (both.clone(), false));
        let all = json!({"answer": "yes", "extent": "all"});
        assert_eq!(left(slice::from_ref(&all), None), (vec![], false));
        // Lines of before say not where the sample began.
        let before =
            json!({"answer": "yes", "extent": "sample", "sample_last": blob(9).to_string()});
        assert_eq!(left(&[before], None), (both.clone(), false));
        let more = json!({"answer": "no", "extent": "all", "damaged": format!("blob-corrupt {}", blob(3)),
            "damaged_blobs": 2});
        assert_eq!(left(slice::from_ref(&more), None), (both, true));
        assert_eq!(left(&[more.clone(), sound(7, 3)], None), (vec![], true));
        assert_eq!(left(&[more, all], None), (vec![], false));
        let mut unread = Damage::default();
        unread.follow(None, &|_| false);
        assert!(!unread.is_none());
    }
}
