//! `attest policy new`: ready sets of rules. They are data in the binary; what only the user knows are
//! flags, and a policy that lacks one is not written.

use std::path::PathBuf;

use attest_policy::PolicyFile;
use clap::Args;

use crate::console::{Console, escape};
use crate::failure::{Exit, Failure};
use crate::files::{self, Overwrite};

/// A ready set: its name, what it asks, and its text with places for what only the user knows.
struct Set {
    name: &'static str,
    asks: &'static str,
    text: &'static str,
}

const SETS: &[Set] = &[
    Set {
        name: "ssdf-ps",
        asks: "SSDF PS.2: the release statement and the provenance of a release, by its key",
        text: include_str!("sets/ssdf-ps.toml"),
    },
    Set {
        name: "ssdf-pw2",
        asks: "SSDF PW.2: built by CI, tests passed, and reviewed by somebody who is named",
        text: include_str!("sets/ssdf-pw2.toml"),
    },
    Set {
        name: "slsa-build-l1",
        asks: "SLSA build level 1: provenance of the expected signer exists",
        text: include_str!("sets/slsa-build-l1.toml"),
    },
    Set {
        name: "slsa-build-l2",
        asks: "SLSA build level 2: signed provenance of a hosted platform",
        text: include_str!("sets/slsa-build-l2.toml"),
    },
    Set {
        name: "slsa-build-l3",
        asks: "SLSA build level 3: provenance that the build itself could not forge",
        text: include_str!("sets/slsa-build-l3.toml"),
    },
    Set {
        name: "github-actions",
        asks: "provenance of a workflow of one repository, at its tags",
        text: include_str!("sets/github-actions.toml"),
    },
    Set {
        name: "two-person-release",
        asks: "a release statement by two different people",
        text: include_str!("sets/two-person-release.toml"),
    },
];

#[expect(clippy::doc_markdown, reason = "these comments are the help text")]
#[derive(Debug, Args)]
pub(super) struct NewArgs {
    /// The set: ssdf-ps, ssdf-pw2, slsa-build-l1, slsa-build-l2, slsa-build-l3, github-actions,
    /// two-person-release
    #[arg(value_name = "SET")]
    set: String,
    /// The file to write
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
    /// Replace a file that exists
    #[arg(long)]
    force: bool,
    /// What the policy is called [default: the set's name]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Keys of those who sign, as sha256:HEX of their SubjectPublicKeyInfo; can be repeated
    #[arg(long, value_name = "sha256:HEX")]
    key: Vec<String>,
    /// The identity of CI in its certificates, such as
    /// https://github.com/OWNER/REPO/.github/workflows/release.yml@refs/tags/v*
    #[arg(long, value_name = "ID")]
    identity: Option<String>,
    /// Its issuer
    #[arg(
        long,
        value_name = "URL",
        default_value = "https://token.actions.githubusercontent.com"
    )]
    issuer: String,
    /// The repository that is built, such as https://github.com/OWNER/REPO
    #[arg(long, value_name = "URI")]
    source: Option<String>,
    /// Until when the policy is good, such as 2027-12-31T00:00:00Z
    #[arg(long, value_name = "TIME")]
    expires: Option<String>,
}

pub(super) fn run(args: &NewArgs, console: &Console) -> Result<Exit, Failure> {
    let set = SETS
        .iter()
        .find(|it| it.name == args.set)
        .ok_or_else(|| unknown(&args.set))?;
    let text = fill(set, args)?;
    PolicyFile::parse(&text).map_err(|error| {
        Failure::request("policy-malformed", format!("{}: {error}", args.set))
            .hint("a value of a flag is not what the policy needs there")
    })?;
    let overwrite = if args.force {
        Overwrite::Force
    } else {
        Overwrite::Refuse
    };
    files::write(&args.out, text.as_bytes(), 0o644, overwrite)?;
    let place = args.out.display().to_string();
    console.say(format_args!(
        "{}  policy of the set {}: {}",
        escape(&place),
        set.name,
        set.asks
    ));
    Ok(Exit::Yes)
}

fn unknown(name: &str) -> Failure {
    let names: Vec<&str> = SETS.iter().map(|it| it.name).collect();
    let meant = attest_policy::nearest(name, names.iter().copied());
    let hint = meant.map_or_else(
        || format!("sets are {}", names.join(", ")),
        |it| format!("did you mean {it}?"),
    );
    Failure::request("set-incomplete", format!("{name:?} is no set")).hint(hint)
}

/// Puts what the flags say in its places: `{{key}}` and the like. Each flag has a place, and each place
/// its flag.
fn fill(set: &Set, args: &NewArgs) -> Result<String, Failure> {
    let quoted = |text: &String| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    let keys: Vec<String> = args
        .key
        .iter()
        .map(|it| format!("  {},\n", quoted(it)))
        .collect();
    let keys = (!keys.is_empty()).then(|| format!("[\n{}]", keys.concat()));
    let name = args.name.clone().unwrap_or_else(|| set.name.to_owned());
    let expires = args.expires.as_ref().map(|it| format!("expires = {it}\n"));
    let places = [
        ("--name", "{{name}}", Some(quoted(&name)), false),
        (
            "--expires",
            "{{expires}}",
            Some(expires.unwrap_or_default()),
            false,
        ),
        ("--key", "{{keys}}", keys, true),
        (
            "--identity",
            "{{identity}}",
            args.identity.as_ref().map(quoted),
            true,
        ),
        ("--issuer", "{{issuer}}", Some(quoted(&args.issuer)), false),
        (
            "--source",
            "{{source}}",
            args.source.as_ref().map(quoted),
            true,
        ),
    ];
    let mut text = set.text.to_owned();
    for (flag, place, value, must_have_place) in places {
        match (value, text.contains(place)) {
            (Some(value), true) => text = text.replace(place, &value),
            (None, true) => {
                return Err(Failure::request("set-incomplete", format!("{} needs {flag}", set.name))
                    .hint("what only you know is a flag: the policy would accept nobody, or anyone, without it"));
            }
            (Some(_), false) if must_have_place => {
                let message = format!("{} has no place for {flag}", set.name);
                return Err(Failure::request("set-incomplete", message));
            }
            _ => {}
        }
    }
    Ok(text)
}
