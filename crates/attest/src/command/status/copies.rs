//! Who else has a release: replicas, asked now.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use attest_archive::{Depth, Reader};
use attest_provenance::ReleaseName;
use clap::Args;
use serde_json::{Value, json};

use crate::args::replica::ReplicaFlags;
use crate::command::archive::{replicas, worse};
use crate::console::escape;
use crate::failure::{Exit, Failure};
use crate::words::counted;

#[derive(Debug, Args)]
pub(super) struct CopiesArgs {
    /// Ask this replica for each release, by names and sizes: a folder, a mount, a folder of a bucket
    /// (`s3://BUCKET/PREFIX`), or a repository of a registry (`oci://HOST/REPOSITORY`); can be repeated. Without it nothing is dialled, and no copy is counted
    #[arg(long, value_name = "PLACE")]
    replica: Vec<String>,
    #[command(flatten)]
    flags: ReplicaFlags,
}

/// The releases of the archive, and whether a replica has all of each; or why it did not say.
type Answer = Result<BTreeMap<ReleaseName, bool>, Failure>;

/// What replicas have said, each once.
pub(super) struct Copies {
    places: Vec<(String, Answer)>,
}

/// One place under two names is one copy.
fn refuse_twice(places: &[String]) -> Result<(), Failure> {
    let mut seen: BTreeMap<Place, &String> = BTreeMap::new();
    for place in places {
        if let Some(before) = seen.insert(Place::of(place), place) {
            let message = format!("--replica {before} and {place} are one place");
            return Err(Failure::request("bad-arguments", message)
                .hint("name each copy once: one disk is one copy"));
        }
    }
    Ok(())
}

/// Where a replica is, whatever it is called.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    /// A folder that is there: its device and its number on it.
    Folder(u64, u64),
    Named(String),
}

impl Place {
    fn of(text: &str) -> Self {
        match Path::new(text).metadata() {
            Ok(folder) => Self::Folder(folder.dev(), folder.ino()),
            Err(_) => Self::Named(text.trim_end_matches('/').to_owned()),
        }
    }
}

impl Copies {
    /// Asks them. One that does not answer is no reason to keep silent about the others.
    pub(super) fn ask(args: &CopiesArgs, reader: &Reader, archive: &Path) -> Result<Self, Failure> {
        refuse_twice(&args.replica)?;
        let ask = |place: &String| {
            let answer = replicas::open(place, archive, &args.flags)
                .and_then(|replica| replicas::check(reader, &*replica, Depth::Names))
                .map(|check| check.releases);
            match answer {
                Err(failure) if failure.exit == Exit::Request => Err(failure),
                answer => Ok((place.clone(), answer)),
            }
        };
        let places = args.replica.iter().map(ask).collect::<Result<_, _>>()?;
        Ok(Self { places })
    }

    /// A replica that was asked and lacks something is a no; one that did not answer is no answer.
    pub(super) fn exit(&self, release: &ReleaseName) -> Exit {
        let exits = self.places.iter().map(|(_, answer)| match answer {
            Ok(releases) if releases.get(release) == Some(&true) => Exit::Yes,
            Ok(_) => Exit::No,
            Err(failure) => failure.exit,
        });
        exits.fold(Exit::Yes, worse)
    }

    pub(super) fn lines(&self, release: &ReleaseName) -> Vec<String> {
        if self.places.is_empty() {
            return vec!["not asked: name them with --replica".to_owned()];
        }
        let has = |answer: &Answer| {
            let releases = answer.as_ref().ok()?;
            Some(releases.get(release) == Some(&true))
        };
        let whole = self.places.iter().filter(|it| has(&it.1) == Some(true));
        let mut lines = vec![format!(
            "{} of {} whole, by names and sizes",
            whole.count(),
            counted(self.places.len(), "replica")
        )];
        lines.extend(self.places.iter().map(|(place, answer)| match answer {
            Ok(_) if has(answer) == Some(true) => format!("{} has it", escape(place)),
            Ok(_) => format!("{} LACKS it, or some of it", escape(place)),
            Err(failure) => format!(
                "{} did not answer: {}: {}",
                escape(place),
                failure.code,
                escape(&failure.message)
            ),
        }));
        lines
    }

    pub(super) fn object(&self, release: &ReleaseName) -> Vec<Value> {
        let places = self.places.iter().map(|(place, answer)| match answer {
            Ok(releases) => json!({
                "replica": place, "whole": releases.get(release) == Some(&true), "error": null,
            }),
            Err(failure) => json!({
                "replica": place, "whole": null,
                "error": { "code": failure.code, "message": failure.message },
            }),
        });
        places.collect()
    }
}
