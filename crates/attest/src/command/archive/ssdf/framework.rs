//! The tasks of the framework, as versioned data.

use attest_provenance::json::{self, Object};
use clap::ValueEnum;

use crate::failure::Failure;

/// A version of the framework.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Version {
    /// SP 800-218, version 1.1
    #[value(name = "ssdf-1.1")]
    V1_1,
    /// SP 800-218r1, initial public draft of version 1.2
    #[value(name = "ssdf-1.2-ipd")]
    V1_2Draft,
}

/// What a version asks, as far as a release can show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Framework {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) status: String,
    /// The catalogue of controls, if NIST publishes one.
    pub(super) catalog: Option<String>,
    pub(super) remarks: String,
    pub(super) tasks: Vec<Task>,
}

/// One task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Task {
    pub(super) id: String,
    /// What it asks, in our words.
    pub(super) words: String,
    /// The evidence without which it is incomplete.
    pub(super) needs: Vec<Kind>,
    /// Evidence that is shown where it is there.
    pub(super) also: Vec<Kind>,
    /// What the evidence shows, and what not.
    pub(super) limits: String,
}

/// A kind of evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Files,
    ReleaseStatement,
    Checksums,
    Key,
    Guide,
    LogProof,
    Timestamp,
    Provenance,
    Sbom,
    DesignReview,
    CommitReview,
    AuditHead,
    Fixity,
    Renewal,
}

impl Kind {
    const ALL: [(&'static str, Self); 14] = [
        ("files", Self::Files),
        ("release-statement", Self::ReleaseStatement),
        ("checksums", Self::Checksums),
        ("key", Self::Key),
        ("guide", Self::Guide),
        ("log-proof", Self::LogProof),
        ("timestamp", Self::Timestamp),
        ("provenance", Self::Provenance),
        ("sbom", Self::Sbom),
        ("design-review", Self::DesignReview),
        ("commit-review", Self::CommitReview),
        ("audit-head", Self::AuditHead),
        ("fixity", Self::Fixity),
        ("renewal", Self::Renewal),
    ];

    /// Its stable name.
    pub(super) fn name(self) -> &'static str {
        let found = Self::ALL.iter().find(|(_, kind)| *kind == self);
        found.map_or("", |(name, _)| name)
    }

    /// What it is, for people.
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Files => "every file of the release, read again and verified",
            Self::ReleaseStatement => "signed statement of the release's files",
            Self::Checksums => "signed checksums file",
            Self::Key => "public key of the signer, or the root that certifies its identity",
            Self::Guide => "instructions to verify",
            Self::LogProof => "inclusion in a transparency log",
            Self::Timestamp => "timestamp over the signature",
            Self::Provenance => "signed provenance",
            Self::Sbom => "bill of materials that a signed statement names",
            Self::DesignReview => "independent review of the design of the source revision",
            Self::CommitReview => "review of the source revision",
            Self::AuditHead => "head of the audit trail",
            Self::Fixity => "record that all bytes were read again",
            Self::Renewal => "renewed timestamp",
        }
    }
}

impl Version {
    /// The data of this version.
    pub(super) fn load(self) -> Result<Framework, Failure> {
        let text = match self {
            Self::V1_1 => include_str!("ssdf-1.1.json"),
            Self::V1_2Draft => include_str!("ssdf-1.2-ipd.json"),
        };
        read(text).map_err(|error| Failure::unknown("internal-error", error))
    }
}

fn read(text: &str) -> Result<Framework, Box<dyn std::error::Error>> {
    let bounds = json::Limits {
        bytes: 1 << 20,
        depth: 8,
    };
    let mut fields = Object::new("", json::parse(text.as_bytes(), bounds)?)?;
    let tasks = fields.take_objects("tasks", 64)?;
    let framework = Framework {
        id: fields.take_string("id")?,
        title: fields.take_string("title")?,
        status: fields.take_string("status")?,
        catalog: Some(fields.take_string("catalog")?).filter(|it| !it.is_empty()),
        remarks: fields.take_string("remarks")?,
        tasks: tasks.into_iter().map(task).collect::<Result<_, _>>()?,
    };
    fields.finish()?;
    Ok(framework)
}

fn task(mut fields: Object) -> Result<Task, Box<dyn std::error::Error>> {
    let kinds = |names: Vec<String>| -> Result<Vec<Kind>, Box<dyn std::error::Error>> {
        let known = |name: &String| Kind::ALL.iter().find(|(it, _)| it == name);
        let kind = |name: String| known(&name).map(|(_, kind)| *kind).ok_or(name);
        let kinds = names.into_iter().map(kind).collect::<Result<_, _>>();
        kinds.map_err(|name: String| format!("{name} is no kind of evidence").into())
    };
    let task = Task {
        id: fields.take_string("id")?,
        words: fields.take_string("words")?,
        needs: kinds(fields.take_strings("needs", 16)?)?,
        also: kinds(fields.take_optional_strings("also", 16)?)?,
        limits: fields.take_string("limits")?,
    };
    fields.finish()?;
    Ok(task)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_ask_for_the_same_five_tasks_and_none_is_met_by_nothing() {
        for version in [Version::V1_1, Version::V1_2Draft] {
            let framework = version.load().unwrap();
            let ids: Vec<&str> = framework.tasks.iter().map(|it| it.id.as_str()).collect();
            assert_eq!(ids, ["PS.1.1", "PS.2.1", "PS.3.1", "PS.3.2", "PW.2.1"]);
            assert!(framework.tasks.iter().all(|it| !it.needs.is_empty()));
            // The chain from source to release is no design review.
            let design = framework.tasks.last().unwrap();
            assert_eq!(design.needs, [Kind::DesignReview]);
            assert!(design.also.is_empty());
        }
    }
}
