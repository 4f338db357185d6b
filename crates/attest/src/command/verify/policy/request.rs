//! What flags ask of a policy: read, resolved to whom and what it trusts, and refused where they contradict it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use attest_policy::{Accepts, Policy, Rules};
use attest_verify::{Accept, Verifier};

use super::super::shelf::Shelf;
use super::super::subject::Subject as Asked;
use super::super::{Session, VerifyArgs, file};
use super::{Judge, git, layout};
use crate::args::{PolicyArgs, TrustArgs};
use crate::clock::Now;
use crate::failure::{Exit, Failure};
use crate::report::Verdict;
use crate::trust::policy::Named;
use crate::trust::{self, Surroundings, Trust};

/// The policy that `--policy` names, and whom and what it trusts.
pub(in crate::command::verify) fn named(
    args: &VerifyArgs,
    place: &str,
    subjects: &[Asked],
    around: &Surroundings,
    now: Now,
) -> Result<(Trust, Accept, Judge), Failure> {
    refuse_conflicts(args)?;
    let is_git = |it: &Asked| matches!(it, Asked::Git { .. } | Asked::GitObject(_));
    if args.release.is_some() && subjects.iter().any(is_git) {
        let message = "--release asks for a release statement, and commits and tags have none";
        return Err(Failure::request("bad-arguments", message));
    }
    let repository = args.deployed.source_repository.clone();
    let request = Request {
        flags: &args.policy,
        trust: &args.trust,
        place,
        links: args.layout.chain.links.as_deref(),
        around,
        now,
    };
    let tighten = |rules: &mut Rules| args.build.tighten(rules);
    let check = |rules: &Rules| {
        git::refuse_without_repository(
            rules.ask_git(),
            repository.as_deref(),
            subjects.iter().all(is_git),
            args.deployed.deployed,
        )
    };
    request.judge(repository.clone(), tighten, check)
}

/// The policy that a command on archived releases names, and whom and what it trusts.
///
/// # Errors
/// `policy-conflict` for flags that say whom to accept; `repository-required` for a policy with rules about
/// commits; as for `attest verify`.
pub(crate) fn of_archive(
    flags: &PolicyArgs,
    trust: &TrustArgs,
    independent: &[String],
    place: &str,
    around: &Surroundings,
    now: Now,
) -> Result<(Trust, Accept, Judge), Failure> {
    let given = given_signers(flags, trust);
    let given = given
        .into_iter()
        .chain([("--independent", !independent.is_empty())]);
    refuse_given(given)?;
    let request = Request {
        flags,
        trust,
        place,
        links: None,
        around,
        now,
    };
    request.judge(
        None,
        |_| Ok(()),
        |rules| git::refuse_without_repository(rules.ask_git(), None, false, false),
    )
}

/// What flags say of a policy.
struct Request<'a> {
    flags: &'a PolicyArgs,
    trust: &'a TrustArgs,
    place: &'a str,
    links: Option<&'a Path>,
    around: &'a Surroundings,
    now: Now,
}

impl Request<'_> {
    fn judge(
        &self,
        repository: Option<PathBuf>,
        tighten: impl FnOnce(&mut Rules) -> Result<(), Failure>,
        check: impl FnOnce(&Rules) -> Result<(), Failure>,
    ) -> Result<(Trust, Accept, Judge), Failure> {
        let Self { around, now, .. } = *self;
        let named = trust::policy::named(self.flags, self.place, around, now)?;
        let (trust, mut rules) = named.resolve(self.trust, around, now)?;
        tighten(&mut rules)?;
        refuse_old_trust(&named, &trust, now)?;
        let signed_by = match &self.flags.policy_key {
            Some(key) => Some(check_signature(
                &named, key, self.trust, &trust, around, now,
            )?),
            None => None,
        };
        let (layouts, layout_notes) = layout::proven(&rules, self.links, now)?;
        check(&rules)?;
        let accept = named.accept(&rules);
        let git = git_verifier(&named, &trust, accept, now)?;
        let judge = Judge {
            named,
            rules,
            now: now.time,
            signed_by,
            git,
            repository,
            layouts,
            layout_notes,
        };
        Ok((trust, accept, judge))
    }
}

fn git_verifier(
    named: &Named,
    trust: &Trust,
    accept: Accept,
    now: Now,
) -> Result<Verifier, Failure> {
    let unlogged = named.closure.accepts(Accepts::GitUnlogged);
    let of_git = Accept {
        no_log: accept.no_log || unlogged,
        no_time: accept.no_time || unlogged,
        ..accept
    };
    Verifier::new(trust.roots.clone(), now.time, of_git)
        .map_err(|error| Failure::request("trusted-root-malformed", error))
}

/// Roots that are older than the policy takes, or of which nobody knows how old they are.
fn refuse_old_trust(named: &Named, trust: &Trust, now: Now) -> Result<(), Failure> {
    let Some(most) = named.closure.max_trust_age() else {
        return Ok(());
    };
    let roots = trust.lines.iter().filter(|it| it.what == "trusted root");
    for root in roots {
        let taken = root
            .taken
            .and_then(|day| format!("{day}T00:00:00Z").parse().ok());
        let found = match taken {
            Some(taken) if most.covers(taken, now.time) => continue,
            Some(taken) => format!("was taken {taken}"),
            None => "is a file, of which nobody knows when it was taken".to_owned(),
        };
        let message = format!(
            "the trusted root {} {found}; the policy takes none older than {most}",
            root.place
        );
        return Err(Failure::request("trust-too-old", message).hint(
            "a newer attest embeds newer roots; a root of your own is pinned, and not aged",
        ));
    }
    Ok(())
}

/// Flags beside a policy can only ask for more.
fn refuse_conflicts(args: &VerifyArgs) -> Result<(), Failure> {
    let given = [
        ("--independent", !args.independent.is_empty()),
        ("--allow-extra", !args.allow_extra.is_empty()),
        ("--ignore-missing", args.ignore_missing),
        ("--allow-parameter", args.build.allows_more()),
        (
            "what is asked of a layout",
            args.layout.chain.asks_more_than_links(),
        ),
        (
            "what is expected of a summary",
            args.summary.asks_levels() || (args.summary.is_given() && !args.emit.is_given()),
        ),
    ];
    refuse_given(
        given_signers(&args.policy, &args.trust)
            .into_iter()
            .chain(given),
    )
}

/// The flags that say whom and what to accept, and whether they are given.
fn given_signers(flags: &PolicyArgs, trust: &TrustArgs) -> [(&'static str, bool); 7] {
    let signers = &trust.signers;
    [
        ("--key", !signers.key.is_empty()),
        ("--identity", !signers.identity.is_empty()),
        ("--claim", !signers.claim.is_empty()),
        ("--signers", signers.signers.is_some()),
        ("--require", signers.require.is_some()),
        ("--type", !trust.types.is_empty()),
        (
            "--accept",
            !trust.accept.is_empty() && flags.policy_key.is_none(),
        ),
    ]
}

fn refuse_given(mut given: impl Iterator<Item = (&'static str, bool)>) -> Result<(), Failure> {
    match given.find(|(_, given)| *given) {
        Some((flag, _)) => Err(Failure::request(
            "policy-conflict",
            format!("{flag} beside --policy, which says whom and what to accept"),
        )
        .hint("write it into the policy; flags beside it can only ask for more, such as --release or --deny-key")),
        None => Ok(()),
    }
}

/// Whether the key signed the policy: as a lone file, by what lies beside it.
fn check_signature(
    named: &Named,
    key: &str,
    args: &TrustArgs,
    trust: &Trust,
    around: &Surroundings,
    now: Now,
) -> Result<String, Failure> {
    let signer = trust::policy_key(key, around)?;
    let words = signer.to_string();
    let mut accept = trust::flag_accept(args);
    accept.set_only |= accept.no_log;
    let verifier = Verifier::new(trust.roots.clone(), now.time, accept)
        .map_err(|error| Failure::request("trusted-root-malformed", error))?;
    let policy = Policy::expecting(signer.clone());
    let trust = Trust {
        signers: signer.into(),
        groups: None,
        roots: Vec::new(),
        keeping: Vec::new(),
        lines: Vec::new(),
        pinned: BTreeMap::new(),
        heard: Vec::new(),
    };
    let session = Session {
        accept_no_names: true,
        ..Session::new(verifier, policy, trust)
    };
    let report = file::verify(&named.path, &session, &mut Shelf::new());
    let digest = named.closure.digest().hex();
    let file = report.files.first();
    if report.exit() == Exit::Yes && file.is_some_and(|it| it.sha256.as_ref() == Some(&digest)) {
        return Ok(words);
    }
    let why = match file.map(|it| &it.verdict) {
        Some(Verdict::Rejected(why) | Verdict::Unreadable(why)) => {
            format!("{}: found {}, wanted {}", why.code, why.found, why.wanted)
        }
        _ => "it changed while it was read".to_owned(),
    };
    let place = named.path.display();
    Err(Failure::request(
        "policy-unsigned",
        format!("{place} is not signed by {words}: {why}"),
    )
    .hint("its signature is looked for beside it, such as FILE.sigstore.json"))
}
