//! The lines of a policy file.

use super::{Kind, Member, Quorum, Witness, WitnessPolicy};
use crate::{LogKey, codec, limits, note};

/// Why a file is not a witness policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// Beyond the limit.
    #[error(
        "witness policy has {found} bytes, at most {} are read",
        limits::POLICY_BYTES
    )]
    TooLarge {
        /// Bytes found.
        found: usize,
    },
    /// A line that is none of the format, or contradicts one before.
    #[error("witness policy line {line} {problem}")]
    Line {
        /// Which, from 1.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// No quorum.
    #[error("witness policy has no quorum line")]
    NoQuorum,
}

impl PolicyError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        "witness-policy-malformed"
    }
}

pub(super) fn policy(bytes: &[u8]) -> Result<WitnessPolicy, PolicyError> {
    if bytes.len() > limits::POLICY_BYTES {
        return Err(PolicyError::TooLarge { found: bytes.len() });
    }
    let mut lines = Lines::default();
    for (number, line) in bytes.split(|it| *it == b'\n').enumerate() {
        lines.add(line).map_err(|problem| PolicyError::Line {
            line: number + 1,
            problem,
        })?;
    }
    let quorum = lines.quorum.ok_or(PolicyError::NoQuorum)?;
    Ok(WitnessPolicy {
        logs: lines.logs,
        members: lines.members,
        quorum,
    })
}

#[derive(Default)]
struct Lines {
    logs: Vec<LogKey>,
    members: Vec<Member>,
    /// Places that are a member of a group already.
    taken: Vec<usize>,
    quorum: Option<Quorum>,
}

impl Lines {
    fn add(&mut self, line: &[u8]) -> Result<(), String> {
        if line.iter().any(|it| matches!(*it, 0..=8 | 10..=31 | 127)) {
            return Err("has a control character".to_owned());
        }
        let mut words = line
            .split(|it| matches!(*it, b' ' | b'\t'))
            .filter(|it| !it.is_empty());
        match words.next() {
            None => Ok(()),
            Some(word) if word.starts_with(b"#") => Ok(()),
            Some(b"log") => self.log(&words.collect::<Vec<_>>()),
            Some(b"witness") => self.witness(&words.collect::<Vec<_>>()),
            Some(b"group") => self.group(&words.collect::<Vec<_>>()),
            Some(b"quorum") => self.quorum(&words.collect::<Vec<_>>()),
            Some(_) => Err("begins with none of log, witness, group, quorum".to_owned()),
        }
    }

    fn log(&mut self, words: &[&[u8]]) -> Result<(), String> {
        let ([key] | [key, _]) = words else {
            return Err("is not: log VKEY [URL]".to_owned());
        };
        let key = str::from_utf8(key).map_err(|_| "has a key that is not a vkey".to_owned())?;
        let key = LogKey::parse(key).map_err(|error| format!("names a log: {error}"))?;
        if self
            .logs
            .iter()
            .any(|it| it.public_key() == key.public_key())
        {
            return Err("names a log's key again".to_owned());
        }
        bounded(self.logs.len())?;
        self.logs.push(key);
        Ok(())
    }

    fn witness(&mut self, words: &[&[u8]]) -> Result<(), String> {
        let ([name, key] | [name, key, _]) = words else {
            return Err("is not: witness NAME VKEY [URL]".to_owned());
        };
        let witness =
            vkey(key).ok_or_else(|| "has a key that is not a witness' vkey".to_owned())?;
        let same =
            |it: &Member| matches!(&it.kind, Kind::Witness(it) if it.public == witness.public);
        if self.members.iter().any(same) {
            return Err("names a witness' key again".to_owned());
        }
        self.define(name, Kind::Witness(Box::new(witness)))
    }

    fn group(&mut self, words: &[&[u8]]) -> Result<(), String> {
        let [name, count, names @ ..] = words else {
            return Err("is not: group NAME all|any|K NAME…".to_owned());
        };
        if names.is_empty() {
            return Err("is a group without members".to_owned());
        }
        let mut members = Vec::new();
        for name in names {
            let place = self.place(name)?;
            if self.taken.contains(&place) {
                return Err(format!("has the member {} a second time", shown(name)));
            }
            self.taken.push(place);
            members.push(place);
        }
        let threshold = match *count {
            b"all" => members.len(),
            b"any" => 1,
            digits => decimal(digits)
                .filter(|it| (1..=members.len()).contains(it))
                .ok_or_else(|| format!("wants {} of {} members", shown(digits), members.len()))?,
        };
        self.define(name, Kind::Group { threshold, members })
    }

    fn quorum(&mut self, words: &[&[u8]]) -> Result<(), String> {
        let [name] = words else {
            return Err("is not: quorum NAME".to_owned());
        };
        if self.quorum.is_some() {
            return Err("is a second quorum".to_owned());
        }
        self.quorum = Some(if *name == b"none" {
            Quorum::Nobody
        } else {
            Quorum::Member(self.place(name)?)
        });
        Ok(())
    }

    fn place(&self, name: &[u8]) -> Result<usize, String> {
        let place = self.members.iter().position(|it| it.name == name);
        place.ok_or_else(|| format!("names {}, which no line before defines", shown(name)))
    }

    fn define(&mut self, name: &[u8], kind: Kind) -> Result<(), String> {
        if name == b"none" || self.members.iter().any(|it| it.name == name) {
            return Err(format!("defines {} again", shown(name)));
        }
        bounded(self.members.len())?;
        self.members.push(Member {
            name: name.to_vec(),
            kind,
        });
        Ok(())
    }
}

/// `name+keyid+base64(algorithm || key)`, with the key id of that name and key.
fn vkey(text: &[u8]) -> Option<Witness> {
    let text = str::from_utf8(text).ok()?;
    let mut parts = text.splitn(3, '+');
    let (name, id, encoded) = (parts.next()?, parts.next()?, parts.next()?);
    note::check_name(name).ok()?;
    let bytes = codec::decode_base64(encoded)?;
    let (algorithm, public) = bytes.split_first()?;
    let witness = Witness::new(name, *algorithm, public)?;
    (hex::encode(witness.key_id) == id).then_some(witness)
}

fn decimal(digits: &[u8]) -> Option<usize> {
    let text = str::from_utf8(digits).ok()?;
    codec::parse_decimal(text).and_then(|it| usize::try_from(it).ok())
}

fn bounded(have: usize) -> Result<(), String> {
    if have < limits::POLICY_ITEMS {
        Ok(())
    } else {
        Err(format!("is beyond the limit of {}", limits::POLICY_ITEMS))
    }
}

fn shown(name: &[u8]) -> String {
    String::from_utf8_lossy(name).escape_debug().to_string()
}
