//! The start rules: may this log go on, and from where.
//!
//! 1. The published checkpoint must be a proven prefix of the durable entries.
//! 2. The second copy must be one too. One that is newer or has another root refuses the start, and
//!    so does one that is absent beside a log that has entries: a backup may have been restored.
//! 3. The newest of them, if it covers all durable entries, is what is published; otherwise the
//!    entries that no checkpoint covers get one, of a size that was never signed before.
//!
//! `adopt` replaces the second copy by a checkpoint from elsewhere, under the same proofs. It never
//! leads to a second checkpoint of a size that is known to have been signed.

use super::error::{LogError, Which};
use super::tree::Tree;
use crate::{SignedCheckpoint, merkle};

/// From where a log goes on.
#[derive(Debug)]
pub(crate) struct Settled {
    /// The newest checkpoint of this log.
    pub(crate) newest: SignedCheckpoint,
    /// The largest size that is known to have been signed, also on a branch that is given up.
    pub(crate) signed: u64,
}

/// Settles a normal start.
pub(crate) fn settle(
    tree: &Tree<'_>,
    published: SignedCheckpoint,
    copy: Option<SignedCheckpoint>,
    copy_path: &std::path::Path,
) -> Result<Settled, LogError> {
    proven(tree, Which::Published, &published)?;
    let Some(copy) = copy else {
        let size = tree.edge.size();
        if size > 0 {
            return Err(LogError::CopyMissing {
                path: copy_path.to_owned(),
                size,
            });
        }
        return Ok(Settled {
            newest: published,
            signed: 0,
        });
    };
    proven(tree, Which::SecondCopy, &copy)?;
    let newest = newer(published, copy);
    let signed = newest.checkpoint().size();
    Ok(Settled { newest, signed })
}

/// Settles a start with a checkpoint that the user brings.
pub(crate) fn settle_adopting(
    tree: &Tree<'_>,
    published: SignedCheckpoint,
    copy: Option<SignedCheckpoint>,
    adopted: SignedCheckpoint,
) -> Result<Settled, LogError> {
    proven(tree, Which::Adopted, &adopted)?;
    proven(tree, Which::Published, &published)?;
    let mut newest = newer(published, adopted);
    let mut signed = newest.checkpoint().size();
    if let Some(copy) = copy {
        signed = signed.max(copy.checkpoint().size());
        match proven(tree, Which::SecondCopy, &copy) {
            Ok(()) => newest = newer(newest, copy),
            // Two branches were signed. The one in the user's hand goes on, at new sizes only.
            Err(LogError::RootDiffers { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    if newest.checkpoint().size() < tree.edge.size() && tree.edge.size() <= signed {
        return Err(LogError::SignedBefore {
            size: tree.edge.size(),
        });
    }
    Ok(Settled { newest, signed })
}

fn newer(a: SignedCheckpoint, b: SignedCheckpoint) -> SignedCheckpoint {
    if b.checkpoint().size() > a.checkpoint().size() {
        b
    } else {
        a
    }
}

/// Whether the tree begins with the tree of this checkpoint.
fn proven(tree: &Tree<'_>, which: Which, signed: &SignedCheckpoint) -> Result<(), LogError> {
    let checkpoint = signed.checkpoint();
    let (size, found) = (checkpoint.size(), checkpoint.root());
    let end = tree.edge.size();
    if size > end {
        return Err(LogError::NewerThanLog {
            which,
            found: size,
            wanted: end,
        });
    }
    let wanted = tree.root_at(size)?;
    let proof = tree.consistency(size, end)?;
    let verdict = merkle::verify_consistency(size, &found, end, &tree.edge.root(), &proof);
    if found != wanted || verdict.is_err() {
        return Err(LogError::RootDiffers {
            which,
            size,
            found,
            wanted,
        });
    }
    Ok(())
}
