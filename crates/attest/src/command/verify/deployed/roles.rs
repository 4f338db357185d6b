//! Who may sign which link.

use attest_policy::{Link, Rules, Signers};

use crate::args::{DeployedArgs, LinkArg, SignerArgs};
use crate::command::verify::Session;
use crate::failure::Failure;

/// The signers of each link.
pub(super) struct Roles {
    named: Vec<(&'static str, Signers)>,
}

impl Roles {
    /// Each link has the group of its name in the signers file; without a file the flags name who may sign
    /// all of them.
    ///
    /// # Errors
    /// `role-missing` (exit 2): nobody may sign a link that is asked for; `pin-not-found` (2): no key of
    /// those who may is at hand; `bad-arguments` (2): a file and flags both name signers.
    pub(super) fn resolve(
        flags: &SignerArgs,
        args: &DeployedArgs,
        session: &Session,
    ) -> Result<Self, Failure> {
        let by_flags = !flags.key.is_empty() || !flags.identity.is_empty();
        if flags.signers.is_some() && (by_flags || flags.require.is_some()) {
            let message =
                "who signs which link is said by --signers alone, or by --key and --identity alone";
            return Err(Failure::request("bad-arguments", message));
        }
        let declared = session.policy.signers().independent();
        let mut named = Vec::new();
        for (role, is_needed) in needed(args) {
            match session.trust.role(role) {
                Some(signers) if signers.accepted().is_empty() => {
                    return Err(Failure::request(
                        "pin-not-found",
                        format!("none of the keys that are pinned for {role} is at hand"),
                    )
                    .hint("a pinned key is looked for beside the subject and in its bundles; name its file instead"));
                }
                Some(signers) => {
                    let signers = signers.clone().with_independent(declared.iter().cloned());
                    named.push((role, signers));
                }
                None if is_needed => {
                    return Err(Failure::request(
                        "role-missing",
                        format!("nobody is trusted as {role}: the signers file has no group of that name"),
                    )
                    .hint(format!(
                        "add [trust.{role}] with those who may sign it, or leave the link out with --deployed-links"
                    )));
                }
                None => {}
            }
        }
        Ok(Self { named })
    }

    /// Each link has the group of its name in the policy.
    ///
    /// # Errors
    /// As [`Self::resolve`].
    pub(super) fn of_policy(rules: &Rules, args: &DeployedArgs) -> Result<Self, Failure> {
        let mut named = Vec::new();
        for (role, is_needed) in needed(args) {
            let signers = match role {
                AUTHOR => rules.group_of_git(role),
                _ => rules.group(role).cloned(),
            };
            match signers {
                Some(signers) => named.push((role, signers)),
                None if is_needed => {
                    return Err(Failure::request(
                        "role-missing",
                        format!("nobody is trusted as {role}: the policy has no group of that name"),
                    )
                    .hint(format!(
                        "add [trust.{role}] to it with those who may sign it, or leave the link out with --deployed-links"
                    )));
                }
                None => {}
            }
        }
        Ok(Self { named })
    }

    pub(super) fn of(&self, link: Link) -> Option<&Signers> {
        self.named(link.name())
    }

    pub(super) fn deploy(&self) -> Option<&Signers> {
        self.named(DEPLOY)
    }

    pub(super) fn author(&self) -> Option<&Signers> {
        self.named(AUTHOR)
    }

    fn named(&self, role: &str) -> Option<&Signers> {
        let found = self.named.iter().find(|(name, _)| *name == role);
        found.map(|(_, signers)| signers)
    }
}

fn needed(args: &DeployedArgs) -> [(&'static str, bool); 6] {
    let asked =
        |link: LinkArg| args.deployed_links.is_empty() || args.deployed_links.contains(&link);
    [
        (DEPLOY, false),
        ("build", true),
        (AUTHOR, args.source_repository.is_some()),
        ("review", asked(LinkArg::Review)),
        ("test", asked(LinkArg::Test)),
        ("scan", asked(LinkArg::Scan)),
    ]
}

/// Those who may say what was deployed.
const DEPLOY: &str = "deploy";
/// Those whose commits count.
const AUTHOR: &str = "author";
