//! Reads the entries of a tree, and looks for ours.

use attest_log::{Hash, merkle};

use super::Seen;
use super::known::Known;
use super::state::{Foreign, State};
use super::watch::Watch;
use super::watched::{Tree, Watched};
use crate::failure::Failure;

/// What is looked for in entries, and what was found.
pub(super) struct Looked<'a> {
    pub(super) acknowledged: &'a [u64],
    /// The last run, if it was in the present tree.
    pub(super) before: Option<&'a State>,
    pub(super) watch: &'a Watch,
    pub(super) known: &'a Known,
    pub(super) foreign: Vec<Foreign>,
}

impl Looked<'_> {
    /// Reads a tree from this edge of it to its end.
    pub(super) fn read(
        &mut self,
        log: &Watched<'_>,
        tree: Tree<'_>,
        mut frontier: merkle::Frontier,
        seen: &mut Seen,
    ) -> Result<merkle::Frontier, Failure> {
        seen.looked = seen
            .looked
            .saturating_add(tree.size().saturating_sub(frontier.size()));
        (seen.begin, seen.end) = (frontier.size(), tree.size());
        while frontier.size() < tree.size() {
            for body in log.entries(tree, frontier.size())? {
                let index = tree.offset.saturating_add(frontier.size());
                let leaf = merkle::leaf_hash(&body);
                frontier.push(leaf);
                self.look(&body, leaf, index, frontier.size(), seen);
            }
        }
        if frontier.root() == tree.root() {
            return Ok(frontier);
        }
        Err(Failure::no(
            "log-corrupt",
            format!(
                "the entries that the log hands out lead to root {}, it signed {}",
                frontier.root(),
                tree.root()
            ),
        ))
    }

    fn look(&mut self, body: &[u8], leaf: Hash, index: u64, size: u64, seen: &mut Seen) {
        let Some((name, who)) = self.watch.finds(body, &mut seen.unread) else {
            return;
        };
        // An earlier run has judged it, and what became of it is remembered.
        let judged = self.before.is_some_and(|it| {
            size <= it.size && it.watched.get(&name).is_some_and(|since| *since < size)
        });
        let is_known = self.known.has(&leaf) || self.known.signed(body);
        if !judged && !is_known && !self.acknowledged.contains(&index) {
            self.foreign.push(Foreign::new(index, leaf, &who));
        }
    }
}
