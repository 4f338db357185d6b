//! Reads a manifest one line at a time.

use std::io::{BufRead, Read as _};

use attest_digest::walk_order;

use super::TreeError;
use super::cursor::{Cursor, Unexpected};
use super::entry::{EntryError, TreeEntry};
use super::header::TreeHeader;
use crate::limits;

/// A manifest, read line by line. Only its end shows that it was whole: before, nothing may be decided.
#[derive(Debug)]
pub struct TreeReader<R> {
    source: R,
    header: TreeHeader,
    buffer: Vec<u8>,
    line: u64,
    order: Order,
    summary: TreeSummary,
    ended: bool,
}

/// What the last line counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TreeSummary {
    /// Lines between the first and the last.
    pub entries: u64,
    /// Bytes of all files, each name counted.
    pub bytes: u64,
}

impl<R: BufRead> TreeReader<R> {
    /// Reads the first line.
    ///
    /// # Errors
    /// It is not that of a manifest of our type, or cannot be read.
    pub fn new(source: R) -> Result<Self, TreeError> {
        let mut source = source;
        let mut buffer = Vec::new();
        let header = match next_line(&mut source, &mut buffer, 1) {
            Ok(Some(line)) if TreeHeader::is_of_type(line) => line,
            Ok(_) | Err(TreeError::Malformed { .. }) => return Err(TreeError::Type),
            Err(error) => return Err(error),
        };
        let header = TreeHeader::parse(header).map_err(|it| malformed(&it, 1))?;
        Ok(Self {
            source,
            header,
            buffer,
            line: 1,
            order: Order::default(),
            summary: TreeSummary::default(),
            ended: false,
        })
    }

    /// The first line.
    pub const fn header(&self) -> &TreeHeader {
        &self.header
    }

    /// What was read so far; all of it once [`Self::next`] has said that there is no more.
    pub const fn summary(&self) -> TreeSummary {
        self.summary
    }

    /// The next entry, none behind the last.
    ///
    /// # Errors
    /// A line that is malformed or out of order, or an end that does not count what was read.
    #[expect(clippy::should_implement_trait, reason = "the answer is a result")]
    pub fn next(&mut self) -> Result<Option<TreeEntry>, TreeError> {
        if self.ended {
            return Ok(None);
        }
        self.line += 1;
        let line = next_line(&mut self.source, &mut self.buffer, self.line)?;
        let problem = "the last line, which counts the others, is absent";
        let line = line.ok_or(TreeError::Incomplete { problem })?;
        if line.starts_with("{\"entries\":") {
            let counted = parse_summary(line).map_err(|it| malformed(&it, self.line))?;
            self.end(counted)?;
            return Ok(None);
        }
        let entry = match TreeEntry::parse(line, &self.header) {
            Ok(entry) => entry,
            Err(EntryError::Unexpected(unexpected)) => {
                return Err(malformed(&unexpected, self.line));
            }
            Err(EntryError::Path(source)) => {
                return Err(TreeError::Path {
                    line: self.line,
                    source,
                });
            }
        };
        self.order.check(&entry, self.line)?;
        self.summary.add(&entry)?;
        Ok(Some(entry))
    }

    fn end(&mut self, counted: TreeSummary) -> Result<(), TreeError> {
        let problem = if counted != self.summary {
            "the last line counts other entries or bytes"
        } else if self.summary.entries == 0 {
            "it has no entry"
        } else if self.source.read(&mut [0])? != 0 {
            "something stands behind the last line"
        } else {
            self.ended = true;
            return Ok(());
        };
        Err(TreeError::Incomplete { problem })
    }
}

impl TreeSummary {
    pub(super) fn add(&mut self, entry: &TreeEntry) -> Result<(), TreeError> {
        let limit = limits::TREE_ENTRIES;
        self.entries += 1;
        self.bytes = self.bytes.saturating_add(entry.size());
        if self.entries > limit {
            return Err(TreeError::TooManyEntries { limit });
        }
        Ok(())
    }
}

/// What has to come before what.
#[derive(Debug, Default)]
pub(super) struct Order {
    begun: bool,
    last: Vec<u8>,
    /// The folders on the way to the last entry, and itself if it is one.
    folders: Vec<Vec<u8>>,
}

impl Order {
    pub(super) fn check(&mut self, entry: &TreeEntry, line: u64) -> Result<(), TreeError> {
        let wrong = |problem| Err(TreeError::Order { line, problem });
        let path = entry.path_bytes();
        let is_folder = entry.content == super::TreeContent::Directory;
        if !self.begun {
            self.begun = true;
            return match (path.is_empty(), is_folder) {
                (true, true) => Ok(()),
                _ => wrong("the first is the tree's own folder"),
            };
        }
        match walk_order(&self.last, path) {
            std::cmp::Ordering::Less if !path.is_empty() => {}
            std::cmp::Ordering::Equal => return wrong("it stands twice"),
            _ => return wrong("it stands before the last one"),
        }
        let parent = match path.iter().rposition(|byte| *byte == b'/') {
            Some(end) => path.get(..end).unwrap_or_default(),
            None => b"",
        };
        while self.folders.last().is_some_and(|last| last != parent) {
            self.folders.pop();
        }
        if !parent.is_empty() && self.folders.is_empty() {
            return wrong("its folder is not listed");
        }
        if entry
            .same
            .as_ref()
            .is_some_and(|same| walk_order(same.as_str().as_bytes(), path).is_ge())
        {
            return wrong("it is the same file as a later one");
        }
        self.last.clear();
        self.last.extend_from_slice(path);
        if is_folder {
            self.folders.push(path.to_vec());
        }
        Ok(())
    }
}

fn parse_summary(line: &str) -> Result<TreeSummary, Unexpected> {
    let mut cursor = Cursor::new(line);
    cursor.expect("{\"entries\":")?;
    let entries = cursor.number()?;
    cursor.expect(",\"bytes\":")?;
    let bytes = cursor.number()?;
    cursor.expect("}")?;
    cursor.end()?;
    Ok(TreeSummary { entries, bytes })
}

fn malformed(unexpected: &Unexpected, line: u64) -> TreeError {
    TreeError::Malformed {
        line,
        at: unexpected.at,
        wanted: unexpected.wanted,
    }
}

/// The next line without its newline, which it must have; none at the end.
fn next_line<'b>(
    source: &mut impl BufRead,
    buffer: &'b mut Vec<u8>,
    line: u64,
) -> Result<Option<&'b str>, TreeError> {
    buffer.clear();
    let limit = limits::TREE_LINE_BYTES;
    let read = source.take(limit as u64 + 1).read_until(b'\n', buffer)?;
    if read == 0 {
        return Ok(None);
    }
    if read > limit {
        return Err(TreeError::LineTooLong { line, limit });
    }
    let wanted = "a line of UTF-8 that ends in a newline";
    let at = buffer.len();
    let text = buffer
        .strip_suffix(b"\n")
        .and_then(|bytes| str::from_utf8(bytes).ok());
    text.map(Some)
        .ok_or(TreeError::Malformed { line, at, wanted })
}
