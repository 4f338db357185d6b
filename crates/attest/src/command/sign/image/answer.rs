//! What was signed and attached, in words and in JSON.

use attest_digest::Digest;
use attest_remote::registry::{ReferrersSource, fallback_tag};
use attest_sign::{ArtifactKey, Signed};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::with_services::{logs, say_proofs, times};
use super::{About, Target, attach};
use crate::command::archive::worse;
use crate::console::{Console, escape};
use crate::failure::{Exit, Failure};
use crate::registry;

/// Who signed, and who else has seen it.
pub(super) enum By<'a> {
    /// The home, with its own log and authority.
    Home {
        key: &'a ArtifactKey,
        origin: &'a str,
        now: Timestamp,
    },
    /// Services that others run.
    Others { certificates: usize },
}

/// Everything that was attached.
pub(super) struct Done<'a> {
    images: Vec<Attached<'a>>,
    /// What was not attached, and tags that could not be asked for again: the rest was.
    lost: Vec<(String, Failure)>,
    /// The tags that do not name any more what was signed.
    moved: Vec<String>,
}

struct Attached<'a> {
    target: &'a Target<'a>,
    signed: &'a Signed,
    digest: Digest,
    place: ReferrersSource,
}

impl<'a> Done<'a> {
    /// Attaches every bundle to its image; one that fails keeps no other from its own.
    ///
    /// # Errors
    /// Why nothing was attached.
    pub(super) fn attach(
        targets: &'a [Target<'a>],
        signed: &'a [Signed],
        about: &About,
        now: Timestamp,
    ) -> Result<Self, Failure> {
        let (mut images, mut lost) = (Vec::new(), Vec::new());
        for (target, signed) in targets.iter().zip(signed) {
            match attach(target, signed.bundle(), about, &now.to_string()) {
                Ok((digest, place)) => images.push(Attached {
                    target,
                    signed,
                    digest,
                    place,
                }),
                Err(failure) => lost.push((target.place(), failure)),
            }
        }
        if images.is_empty()
            && let Some((_, failure)) = lost.pop()
        {
            return Err(failure);
        }
        let moved = moved(targets, &mut lost);
        Ok(Self {
            images,
            lost,
            moved,
        })
    }

    pub(super) fn exit(&self) -> Exit {
        let exits = self.lost.iter().map(|(_, failure)| failure.exit);
        exits.fold(Exit::Yes, worse)
    }

    pub(super) fn answer(&self, console: &Console, about: &About, by: &By<'_>) {
        if console.is_json() {
            console.json(&self.object(about, by));
        } else {
            self.say(console, by);
        }
    }

    fn say(&self, console: &Console, by: &By<'_>) {
        match by {
            By::Home { key, .. } => {
                let pin = hex::encode(key.fingerprint());
                console.say(format!("key        sha256:{pin}"));
            }
            By::Others { .. } => {
                if let Some(signer) = self.signer() {
                    console.say(format!("signer     {}", escape(&signer)));
                }
            }
        }
        for image in &self.images {
            let tag = image.target.tag.as_ref();
            let named = tag
                .map(|it| format!(", which {it} named"))
                .unwrap_or_default();
            let entry = match by {
                By::Home { .. } => format!(", entry {}", image.signed.log_index()),
                By::Others { .. } => String::new(),
            };
            let place = escape(&image.target.place());
            console.say(format!("signed     {place}{named}{entry}"));
            if matches!(by, By::Others { .. }) {
                say_proofs(console, image.signed);
            }
            let listed = words_of(image.place, image.target);
            console.say(format!("attached   {}, {listed}", image.digest));
        }
        for (what, failure) in &self.lost {
            console.say(format!(
                "LOST       {}  {}: {}",
                escape(what),
                failure.code,
                escape(&failure.message)
            ));
        }
        for tag in &self.moved {
            console.say(format!(
                "moved      {}: names another image now, which is not signed",
                escape(tag)
            ));
        }
        if let By::Home { origin, now, .. } = by {
            console.say(format!(
                "logged     {origin}, kept by you: nobody else has seen it"
            ));
            console.say(format!("time       {now}, asserted by you"));
        }
    }

    fn signer(&self) -> Option<String> {
        let first = self.images.first()?;
        Some(first.signed.evidence().signer().to_string())
    }

    fn object(&self, about: &About, by: &By<'_>) -> Value {
        let images = self.images.iter().map(|it| it.object(about, by));
        let lost = self.lost.iter().map(|(what, failure)| {
            json!({ "what": what, "code": failure.code, "message": failure.message })
        });
        let mut report = json!({
            "version": 1,
            "command": "sign",
            "answer": self.exit().word(),
            "exit": self.exit().number(),
            "images": images.collect::<Vec<_>>(),
            "lost": lost.collect::<Vec<_>>(),
            "moved_tags": self.moved,
        });
        let more = match by {
            By::Home { key, origin, now } => json!({
                "key": format!("sha256:{}", hex::encode(key.fingerprint())),
                "log": { "origin": origin, "kept_by": "signer" },
                "time": { "time": now.to_string(), "asserted_by": "signer" },
            }),
            By::Others { certificates } => {
                json!({ "signer": self.signer(), "certificates": certificates })
            }
        };
        extend(&mut report, more);
        report
    }
}

impl Attached<'_> {
    fn object(&self, about: &About, by: &By<'_>) -> Value {
        let mut object = json!({
            "image": self.target.place(),
            "sha256": self.target.fetched.digest().hex(),
            "tag": self.target.tag,
            "attached": self.digest.to_string(),
            "listed_by": listed_by(self.place),
            "predicate_type": about.predicate_type,
            "log_index": self.signed.log_index(),
        });
        if matches!(by, By::Others { .. }) {
            let more = json!({ "logs": logs(self.signed), "times": times(self.signed) });
            extend(&mut object, more);
        }
        object
    }
}

fn extend(object: &mut Value, more: Value) {
    if let (Some(fields), Value::Object(more)) = (object.as_object_mut(), more) {
        fields.extend(more);
    }
}

/// The tags that do not name any more what was signed.
fn moved(targets: &[Target<'_>], lost: &mut Vec<(String, Failure)>) -> Vec<String> {
    let mut moved = Vec::new();
    for target in targets {
        let Some(tag) = &target.tag else { continue };
        match target.repository.check_tag(tag, target.fetched.digest()) {
            Ok(()) => {}
            Err(error) if error.code() == "registry-tag-moved" => moved.push(tag.clone()),
            Err(error) => lost.push((tag.clone(), registry::failure(&error))),
        }
    }
    moved
}

fn listed_by(place: ReferrersSource) -> &'static str {
    match place {
        ReferrersSource::Api => "registry",
        ReferrersSource::Tag => "tag",
        ReferrersSource::None => "nobody",
    }
}

fn words_of(place: ReferrersSource, target: &Target<'_>) -> String {
    match place {
        ReferrersSource::Tag => {
            let tag = fallback_tag(target.fetched.digest());
            format!("under the tag {tag}: this registry keeps no lists")
        }
        _ => "as the registry lists it".to_owned(),
    }
}
