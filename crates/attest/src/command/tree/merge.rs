//! Signed entries and what is found, side by side: both come in one order.

use std::cmp::Ordering;
use std::io::BufRead;

use attest_digest::{Sighting, Step, Survey, walk_order};
use attest_provenance::tree::{TreeEntry, TreeReader};

use super::check::Stop;
use super::left_out::{LeftOut, RELEASE_TREE, Unnamed};

/// What is to be judged next.
#[derive(Debug)]
pub(super) enum Pair {
    /// Signed and found.
    Both(TreeEntry, Sighting),
    /// Signed, and not there.
    Missing(TreeEntry),
    /// There, and not signed.
    Added(Sighting),
    /// The system would not say what stands there, or in there: by its path.
    Untold(Vec<u8>, String),
}

/// Goes through both at once.
pub(super) struct Merge<'a, R> {
    reader: &'a mut TreeReader<R>,
    survey: Survey,
    left_out: &'a LeftOut,
    /// Files beside a release that a pattern alone leaves out.
    pub(super) unnamed: Unnamed,
    /// The copy of its manifest that stands beside a release.
    pub(super) own: Option<Sighting>,
    entry: Option<TreeEntry>,
    step: Option<Step>,
    begun: bool,
    /// A folder that could not be listed: nothing can be told of what was signed below it.
    dark: Option<Vec<u8>>,
}

impl<'a, R: BufRead> Merge<'a, R> {
    pub(super) fn new(
        reader: &'a mut TreeReader<R>,
        survey: Survey,
        left_out: &'a LeftOut,
    ) -> Self {
        Self {
            reader,
            survey,
            left_out,
            unnamed: Unnamed::default(),
            own: None,
            entry: None,
            step: None,
            begun: false,
            dark: None,
        }
    }

    /// The next pair; none when both are at their end.
    pub(super) fn next(&mut self) -> Result<Option<Pair>, Stop> {
        if !self.begun {
            self.begun = true;
            self.read_entry()?;
            self.take_step()?;
        }
        loop {
            match self.step.take() {
                Some(Step::Changed(path)) => {
                    self.take_step()?;
                    let why = "it was written or replaced while it was walked".to_owned();
                    return Ok(Some(Pair::Untold(path.into_bytes(), why)));
                }
                Some(Step::Unlisted { path, reason }) => {
                    let Some(pair) = self.unlisted(path, reason)? else {
                        continue;
                    };
                    return Ok(Some(pair));
                }
                Some(Step::Seen(sighting)) => return self.seen(sighting).map(Some),
                None => {
                    let Some(entry) = self.entry.take() else {
                        return Ok(None);
                    };
                    self.read_entry()?;
                    if !self.is_dark(&entry) {
                        return Ok(Some(Pair::Missing(entry)));
                    }
                }
            }
        }
    }

    fn seen(&mut self, sighting: Sighting) -> Result<Pair, Stop> {
        loop {
            let Some(entry) = self.entry.take() else {
                self.take_step()?;
                return Ok(Pair::Added(sighting));
            };
            match walk_order(entry.path_bytes(), sighting.path_bytes()) {
                Ordering::Equal => {
                    self.read_entry()?;
                    self.take_step()?;
                    return Ok(Pair::Both(entry, sighting));
                }
                Ordering::Greater => {
                    self.entry = Some(entry);
                    self.take_step()?;
                    return Ok(Pair::Added(sighting));
                }
                Ordering::Less => {
                    self.read_entry()?;
                    if !self.is_dark(&entry) {
                        self.step = Some(Step::Seen(sighting));
                        return Ok(Pair::Missing(entry));
                    }
                }
            }
        }
    }

    /// What was signed before it comes first.
    fn unlisted(
        &mut self,
        path: Vec<u8>,
        reason: std::io::ErrorKind,
    ) -> Result<Option<Pair>, Stop> {
        if let Some(entry) = self.entry.take() {
            match walk_order(entry.path_bytes(), &path) {
                Ordering::Less => {
                    self.read_entry()?;
                    self.step = Some(Step::Unlisted { path, reason });
                    let dark = self.is_dark(&entry);
                    return Ok((!dark).then_some(Pair::Missing(entry)));
                }
                Ordering::Equal => self.read_entry()?,
                Ordering::Greater => self.entry = Some(entry),
            }
        }
        self.take_step()?;
        self.dark = Some(path.clone());
        Ok(Some(Pair::Untold(path, reason.to_string())))
    }

    fn is_dark(&self, entry: &TreeEntry) -> bool {
        self.dark.as_ref().is_some_and(|dark| {
            let rest = entry.path_bytes().strip_prefix(dark.as_slice());
            rest.is_some_and(|rest| rest.starts_with(b"/"))
        })
    }

    fn read_entry(&mut self) -> Result<(), Stop> {
        self.entry = self.reader.next().map_err(Stop::Manifest)?;
        if let Some(path) = self.entry.as_ref().and_then(|entry| entry.path.as_ref())
            && self.left_out.covers(path.as_str())
        {
            return Err(Stop::Ignored(path.clone()));
        }
        Ok(())
    }

    fn take_step(&mut self) -> Result<(), Stop> {
        let skips = |path: &str| self.left_out.skips(path);
        loop {
            match self.survey.next(&skips).map_err(Stop::Walk)? {
                Some(Step::Seen(sighting)) if self.left_out.is_beside(&sighting) => {
                    let path = sighting.shown_path();
                    if self.left_out.is_by_pattern(&path) {
                        self.unnamed.add(path);
                    } else if path == RELEASE_TREE {
                        self.own = Some(sighting);
                    }
                }
                step => {
                    self.step = step;
                    return Ok(());
                }
            }
        }
    }
}
