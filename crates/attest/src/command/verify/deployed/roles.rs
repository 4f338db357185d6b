//! Who may sign which link.

use attest_policy::{Link, Rules, Signers};

use crate::args::{DeployedArgs, LinkArg, TrustArgs};
use crate::failure::Failure;
use crate::trust::{self, Surroundings};

/// The signers of each link.
pub(super) struct Roles {
    named: Vec<(&'static str, Signers)>,
}

impl Roles {
    /// Each link has the group of its name in the signers file; without a file the flags name who may sign
    /// all of them.
    ///
    /// # Errors
    /// `role-missing` (exit 2): nobody may sign a link that is asked for.
    pub(super) fn resolve(
        trust_args: &TrustArgs,
        args: &DeployedArgs,
        around: &Surroundings,
    ) -> Result<Self, Failure> {
        let mut named = Vec::new();
        for (role, is_needed) in needed(args) {
            match trust::role(trust_args, around, role)? {
                Some(signers) => named.push((role, signers)),
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
