//! Witnesses: who else saw a checkpoint, and how many of them are enough.
//!
//! ```text
//! log log.example+891bac2d+AepKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIs
//! witness W1 witness.example/w1+…
//! witness W2 witness.example/w2+…
//! group both all W1 W2
//! quorum both
//! ```
//! See [C2SP tlog-policy](https://c2sp.org/tlog-policy) and
//! [tlog-cosignature](https://c2sp.org/tlog-cosignature).

mod parse;

use sha2::{Digest as _, Sha256};

use crate::{Ed25519Key, LogKey, NoteSignature, SignedCheckpoint};

pub use parse::PolicyError;

/// Which logs are known, which witnesses, and which of them must have cosigned a checkpoint.
#[derive(Debug, Clone)]
pub struct WitnessPolicy {
    logs: Vec<LogKey>,
    members: Vec<Member>,
    quorum: Quorum,
}

/// Who is enough.
#[derive(Debug, Clone, Copy)]
enum Quorum {
    /// `quorum none`.
    Nobody,
    /// The member at this place.
    Member(usize),
}

/// A witness or a group, by the name that the policy gives it.
#[derive(Debug, Clone)]
struct Member {
    name: Vec<u8>,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    Witness(Box<Witness>),
    /// So many of the members at these places.
    Group {
        threshold: usize,
        members: Vec<usize>,
    },
}

/// A witness and its key.
#[derive(Debug, Clone)]
struct Witness {
    key_name: String,
    key_id: [u8; 4],
    public: Vec<u8>,
    /// `None` for an algorithm that we do not verify: such a witness never counts.
    key: Option<Ed25519Key>,
}

/// What the cosignatures of a checkpoint amount to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witnessed {
    /// The witnesses that cosigned it, by their names in the policy, and when: seconds since 1970.
    pub by: Vec<(String, u64)>,
    /// Witnesses that cosigned it, but all before the earliest time that counts, and when they last did.
    pub old: Vec<(String, u64)>,
    /// Witnesses whose keys are of an algorithm that is not verified here.
    pub unsupported: Vec<String>,
    /// Cosignatures that say they are of a witness and are not, or not yet: `NAME: why`.
    pub invalid: Vec<String>,
    /// Whether the quorum is met, and no cosignature of a known witness is invalid.
    pub enough: bool,
}

impl WitnessPolicy {
    /// Reads a policy file.
    ///
    /// # Errors
    /// A line that is none of the format, a key or name that is there twice, a name that no line before
    /// defines, or not exactly one quorum.
    pub fn parse(bytes: &[u8]) -> Result<Self, PolicyError> {
        parse::policy(bytes)
    }

    /// The logs that it names; it may name none.
    pub fn logs(&self) -> &[LogKey] {
        &self.logs
    }

    /// Judges the cosignatures under a checkpoint at a time, in seconds since 1970. Whether the log
    /// itself signed it, [`SignedCheckpoint::verify`] says.
    pub fn judge(&self, signed: &SignedCheckpoint, now: u64) -> Witnessed {
        self.judge_since(signed, 0, now)
    }

    /// The same, of cosignatures that were made at this time or later, in seconds since 1970. A view that is
    /// frozen keeps its old ones for ever.
    pub fn judge_since(&self, signed: &SignedCheckpoint, earliest: u64, now: u64) -> Witnessed {
        let text = signed.checkpoint().to_text();
        let mut found = Witnessed {
            by: Vec::new(),
            old: Vec::new(),
            unsupported: Vec::new(),
            invalid: Vec::new(),
            enough: false,
        };
        let mut counted = vec![false; self.members.len()];
        for (member, counts) in self.members.iter().zip(&mut counted) {
            let Kind::Witness(witness) = &member.kind else {
                continue;
            };
            let name = member.shown();
            let Some(key) = &witness.key else {
                found.unsupported.push(name);
                continue;
            };
            let lines = signed.signatures().iter().filter(|it| witness.wrote(it));
            let mut newest = None;
            for line in lines {
                match cosigned(key, line.signature(), &text, now) {
                    Ok(time) => newest = newest.max(Some(time)),
                    Err(why) => found.invalid.push(format!("{name}: {why}")),
                }
            }
            match newest {
                Some(time) if time >= earliest => {
                    *counts = true;
                    found.by.push((name, time));
                }
                Some(time) => found.old.push((name, time)),
                None => {}
            }
        }
        found.enough = found.invalid.is_empty() && self.met(&mut counted);
        found
    }

    /// Groups stand after their members, so one pass is enough.
    fn met(&self, counted: &mut [bool]) -> bool {
        for (place, member) in self.members.iter().enumerate() {
            if let Kind::Group { threshold, members } = &member.kind {
                let have = members
                    .iter()
                    .filter(|it| counted.get(**it).is_some_and(|it| *it))
                    .count();
                if let Some(counts) = counted.get_mut(place) {
                    *counts = have >= *threshold;
                }
            }
        }
        match self.quorum {
            Quorum::Nobody => true,
            Quorum::Member(place) => counted.get(place).is_some_and(|it| *it),
        }
    }
}

impl Member {
    fn shown(&self) -> String {
        String::from_utf8_lossy(&self.name)
            .escape_debug()
            .to_string()
    }
}

impl Witness {
    fn new(key_name: &str, algorithm: u8, public: &[u8]) -> Option<Self> {
        let key = match algorithm {
            ED25519 => Some(Ed25519Key::new(public.try_into().ok()?)?),
            ML_DSA_44 if public.len() == ML_DSA_44_BYTES => None,
            _ => return None,
        };
        let id = Sha256::new()
            .chain_update(key_name)
            .chain_update([b'\n', algorithm])
            .chain_update(public)
            .finalize();
        let [a, b, c, d, ..] = <[u8; 32]>::from(id);
        Some(Self {
            key_name: key_name.to_owned(),
            key_id: [a, b, c, d],
            public: public.to_vec(),
            key,
        })
    }

    fn wrote(&self, line: &NoteSignature) -> bool {
        line.name() == self.key_name && line.key_id() == self.key_id
    }
}

/// The time of a cosignature, or what is wrong with it.
fn cosigned(key: &Ed25519Key, signature: &[u8], text: &str, now: u64) -> Result<u64, &'static str> {
    let (time, signature) = signature
        .split_first_chunk::<8>()
        .ok_or("its cosignature is too short")?;
    let signature = signature
        .try_into()
        .map_err(|_| "its cosignature is not a time and 64 bytes")?;
    let time = u64::from_be_bytes(*time);
    let message = format!("cosignature/v1\ntime {time}\n{text}");
    if !key.verifies(message.as_bytes(), signature) {
        return Err("its cosignature does not verify");
    }
    if time > now.saturating_add(SKEW) {
        return Err("its cosignature is of a time to come");
    }
    Ok(time)
}

/// Signature types of C2SP signed-note.
const ED25519: u8 = 0x04;
const ML_DSA_44: u8 = 0x06;
const ML_DSA_44_BYTES: usize = 1312;

/// Seconds by which a witness' clock may be ahead of ours.
const SKEW: u64 = 300;

#[cfg(test)]
mod tests;
