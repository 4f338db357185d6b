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
        asks: "SSDF PS.2: the release statement and the provenance of a release, by whoever releases",
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
    /// Keys of those who sign, or for ssdf-pw2 of those who review, as sha256:HEX of their SubjectPublicKeyInfo;
    /// can be repeated
    #[arg(long, value_name = "sha256:HEX")]
    key: Vec<String>,
    /// The identity of who signs in certificates, such as
    /// https://github.com/OWNER/REPO/.github/workflows/release.yml@refs/tags/v* for CI; can be repeated. The
    /// sets ssdf-ps, slsa-build-l1 and two-person-release take identities or keys
    #[arg(long, value_name = "ID")]
    identity: Vec<String>,
    /// Their issuer
    #[arg(
        long,
        value_name = "URL",
        default_value = "https://token.actions.githubusercontent.com"
    )]
    issuer: String,
    /// The identity of who reviews in certificates, such as bob@example.com, for ssdf-pw2 in the place of --key; can
    /// be repeated
    #[arg(long, value_name = "ID", requires = "reviewer_issuer")]
    reviewer: Vec<String>,
    /// The issuer of those who review, such as https://accounts.google.com
    #[arg(long, value_name = "URL", requires = "reviewer")]
    reviewer_issuer: Option<String>,
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

/// Puts what the flags say in its places: `{{keys}}` and the like. Each flag has a place, and each place
/// its flag.
fn fill(set: &Set, args: &NewArgs) -> Result<String, Failure> {
    let name = args.name.clone().unwrap_or_else(|| set.name.to_owned());
    let expires = args.expires.as_ref().map(|it| format!("expires = {it}\n"));
    let mut text = set
        .text
        .replace("{{name}}", &quoted(&name))
        .replace("{{expires}}", &expires.unwrap_or_default());
    if text.contains(SIGNERS) {
        text = text.replace(SIGNERS, signers(set, args)?);
    }
    if text.contains(REVIEWERS) {
        text = text.replace(REVIEWERS, reviewers(set, args)?);
    }
    let keys = keys(&args.key);
    let identity = identities(&args.identity);
    let reviewer = identities(&args.reviewer);
    let source = args.source.as_ref().map(|it| quoted(it));
    for (flag, place, value) in [
        ("--key", "{{keys}}", keys),
        ("--identity", "{{identity}}", identity),
        ("--reviewer", "{{reviewer}}", reviewer),
        ("--source", "{{source}}", source),
    ] {
        match (value, text.contains(place)) {
            (Some(value), true) => text = text.replace(place, &value),
            (None, true) => return Err(lacks(set, flag)),
            (Some(_), false) => {
                let message = format!("{} has no place for {flag}", set.name);
                return Err(Failure::request("set-incomplete", message));
            }
            (None, false) => {}
        }
    }
    let reviewer_issuer = args.reviewer_issuer.as_deref().unwrap_or_default();
    Ok(text
        .replace("{{issuer}}", &quoted(&args.issuer))
        .replace("{{reviewer_issuer}}", &quoted(reviewer_issuer)))
}

/// Where a set takes keys or identities.
const SIGNERS: &str = "{{signers}}";

/// The fields of a group that has keys, or of one that has identities.
fn signers(set: &Set, args: &NewArgs) -> Result<&'static str, Failure> {
    match (args.key.is_empty(), args.identity.is_empty()) {
        (false, true) => Ok("kind = \"keys\"\nkeys = {{keys}}"),
        (true, false) => {
            Ok("kind     = \"sigstore\"\nissuer   = {{issuer}}\nidentity = {{identity}}")
        }
        (true, true) => Err(lacks(set, "--key or --identity")),
        (false, false) => Err(Failure::request(
            "set-incomplete",
            format!("{} takes --key or --identity, and not both", set.name),
        )),
    }
}

/// Where a set takes keys or identities of those who review.
const REVIEWERS: &str = "{{reviewers}}";

/// The same of those who review.
fn reviewers(set: &Set, args: &NewArgs) -> Result<&'static str, Failure> {
    match (args.key.is_empty(), args.reviewer.is_empty()) {
        (false, true) => Ok("kind = \"keys\"\nkeys = {{keys}}"),
        (true, false) => {
            Ok("kind     = \"sigstore\"\nissuer   = {{reviewer_issuer}}\nidentity = {{reviewer}}")
        }
        (true, true) => Err(lacks(set, "--key or --reviewer")),
        (false, false) => Err(Failure::request(
            "set-incomplete",
            format!("{} takes --key or --reviewer, and not both", set.name),
        )),
    }
}

fn lacks(set: &Set, flag: &str) -> Failure {
    Failure::request("set-incomplete", format!("{} needs {flag}", set.name))
        .hint("what only you know is a flag: the policy would accept nobody, or anyone, without it")
}

fn keys(keys: &[String]) -> Option<String> {
    (!keys.is_empty()).then(|| list(keys))
}

fn identities(identities: &[String]) -> Option<String> {
    match identities {
        [] => None,
        [one] => Some(quoted(one)),
        several => Some(list(several)),
    }
}

fn list(texts: &[String]) -> String {
    let lines = texts.iter().map(|it| format!("  {},\n", quoted(it)));
    format!("[\n{}]", lines.collect::<String>())
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
