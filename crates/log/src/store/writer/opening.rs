//! How a log is made and opened.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use super::{Log, check_sizes};
use crate::merkle::empty_root;
use crate::store::Recovery;
use crate::store::disk::{Disk, Item, Lock};
use crate::store::durable::Durable;
use crate::store::edge::Edge;
use crate::store::error::{LogError, Which};
use crate::store::index::Index;
use crate::store::journal::Journal;
use crate::store::layout::{
    CHECKPOINT, CHECKPOINTS, Layout, STATE, make_durable_folders, verified,
};
use crate::store::second_copy::SecondCopy;
use crate::store::start::{self, Settled};
use crate::store::tree::{TileCache, Tree};
use crate::{Checkpoint, CheckpointSigner, SignedCheckpoint};

/// How a log is opened.
pub(crate) enum How<'a> {
    Normally,
    Adopting {
        checkpoint: &'a [u8],
        missing: &'a [Vec<u8>],
    },
}

impl<'s> Log<'s> {
    pub(crate) fn create_on(
        disk: Arc<dyn Disk>,
        dir: &Path,
        second_copy: &Path,
        signer: &'s dyn CheckpointSigner,
    ) -> Result<Self, LogError> {
        refuse_inside(second_copy, dir)?;
        make_durable_folders(disk.as_ref(), dir)?;
        let layout = Layout::new(Arc::clone(&disk), dir);
        let lock = layout.lock()?;
        if holds_a_log(&layout)? {
            return Err(LogError::Exists {
                path: dir.to_owned(),
            });
        }
        let copy = SecondCopy::open(disk, second_copy)?;
        if let Some(copy) = copy.checkpoint(signer.key())? {
            let found = copy.checkpoint().size();
            if found > 0 {
                let which = Which::SecondCopy;
                return Err(LogError::NewerThanLog {
                    which,
                    found,
                    wanted: 0,
                });
            }
        }
        make_durable_folders(layout.disk().as_ref(), &layout.path(STATE))?;
        let edge = Edge::empty();
        let journal = Journal::begin(&layout, &edge)?;
        let empty = Checkpoint::new(signer.key(), 0, empty_root());
        let mut log = Self {
            signer,
            copy,
            index: Index::open(
                &layout,
                &Tree {
                    layout: &layout,
                    edge: &edge,
                    cache: &TileCache::default(),
                },
            )?,
            layout,
            edge,
            journal,
            cache: TileCache::default(),
            published: SignedCheckpoint::sign(empty, signer)?,
            signed: 0,
            unsynced: BTreeSet::new(),
            recovery: Recovery::default(),
            stopped: false,
            _lock: lock,
        };
        log.publish_as(log.published.clone())?;
        log.layout.sync_folder("")?;
        Ok(log)
    }

    pub(crate) fn open_on(
        disk: Arc<dyn Disk>,
        dir: &Path,
        second_copy: &Path,
        signer: &'s dyn CheckpointSigner,
        how: &How<'_>,
    ) -> Result<Self, LogError> {
        refuse_inside(second_copy, dir)?;
        let key = signer.key();
        let layout = Layout::new(Arc::clone(&disk), dir);
        let not_found = || LogError::NotFound {
            path: dir.to_owned(),
        };
        if layout.read(CHECKPOINT)?.is_none() {
            return Err(not_found());
        }
        let lock = layout.lock()?;
        let published = layout.published(key)?.ok_or_else(not_found)?;
        let copy = SecondCopy::open(disk, second_copy)?;
        let durable = match Durable::read(&layout)? {
            Some(durable) => durable,
            None => Durable::rebuild(&layout, key)?,
        };
        let (durable, settled) = settle(&layout, durable, signer, published, &copy, how)?;

        // From here on the log is ours, and files are written.
        let (torn, covered) = (durable.torn, settled.newest.checkpoint().size());
        let mut log = Self::resume(signer, layout, copy, durable, settled, lock)?;
        log.recovery = Recovery {
            completed: log.size() - covered,
            torn,
        };
        Ok(log)
    }

    /// Makes the files that the journal stands for and publishes what is durable.
    fn resume(
        signer: &'s dyn CheckpointSigner,
        layout: Layout,
        copy: SecondCopy,
        durable: Durable,
        settled: Settled,
        lock: Lock,
    ) -> Result<Self, LogError> {
        let journal = durable.open_journal(&layout)?;
        let restored = durable.restore_files(&layout)?;
        let Durable { edge, full, .. } = durable;
        let cache = TileCache::default();
        let index = Index::open(
            &layout,
            &Tree {
                layout: &layout,
                edge: &edge,
                cache: &cache,
            },
        )?;
        let Settled { newest, signed } = settled;
        let mut log = Self {
            signer,
            layout,
            copy,
            edge,
            journal,
            cache,
            index,
            published: newest,
            signed,
            unsynced: restored.into_iter().collect(),
            recovery: Recovery::default(),
            stopped: false,
            _lock: lock,
        };
        if log.published.checkpoint().size() < log.edge.size() {
            log.publish()?;
        } else {
            log.publish_as(log.published.clone())?;
        }
        log.remove_partials(&full)?;
        log.index.spill(&log.layout)?;
        Ok(log)
    }
}

/// Whether there is anything that making a log does not leave behind when it is interrupted.
fn holds_a_log(layout: &Layout) -> Result<bool, LogError> {
    let made = |it: &Item| [STATE, CHECKPOINTS].contains(&it.name.as_str());
    let kept = layout.list(CHECKPOINTS)?;
    Ok(!layout.list("")?.iter().all(made) || kept.iter().any(|it| it.name != "0"))
}

fn settle(
    layout: &Layout,
    mut durable: Durable,
    signer: &dyn CheckpointSigner,
    published: SignedCheckpoint,
    copy: &SecondCopy,
    how: &How<'_>,
) -> Result<(Durable, Settled), LogError> {
    let key = signer.key();
    let settled = match how {
        How::Normally => {
            let kept = copy.checkpoint(key)?;
            let cache = durable.cache();
            start::settle(&durable.tree(layout, &cache), published, kept, copy.path())?
        }
        How::Adopting {
            checkpoint,
            missing,
        } => {
            let adopted = verified(Which::Adopted, Path::new("FILE"), checkpoint, key)?;
            check_sizes(missing)?;
            durable.add_missing(layout, missing, adopted.checkpoint().size())?;
            // A copy that cannot be read says nothing: this is what adopting is for.
            let kept = copy.checkpoint(key).ok().flatten();
            let cache = durable.cache();
            start::settle_adopting(&durable.tree(layout, &cache), published, kept, adopted)?
        }
    };
    Ok((durable, settled))
}

fn refuse_inside(copy: &Path, dir: &Path) -> Result<(), LogError> {
    let real = |it: &Path| std::path::absolute(it).unwrap_or_else(|_| it.to_owned());
    if real(copy).starts_with(real(dir)) {
        return Err(LogError::CopyInside {
            path: copy.to_owned(),
        });
    }
    Ok(())
}
