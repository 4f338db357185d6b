//! Writes a manifest one line at a time.

use std::io::Write;

use super::TreeError;
use super::entry::TreeEntry;
use super::header::TreeHeader;
use super::reader::{Order, TreeSummary};
use crate::limits;

/// A manifest in the making. It is whole when [`Self::finish`] has said so.
#[derive(Debug)]
pub struct TreeWriter<W> {
    sink: W,
    header: TreeHeader,
    buffer: String,
    line: u64,
    order: Order,
    summary: TreeSummary,
}

impl<W: Write> TreeWriter<W> {
    /// Writes the first line.
    ///
    /// # Errors
    /// It cannot be written, or is longer than one that is read.
    pub fn new(sink: W, header: TreeHeader) -> Result<Self, TreeError> {
        let mut writer = Self {
            sink,
            header,
            buffer: String::new(),
            line: 0,
            order: Order::default(),
            summary: TreeSummary::default(),
        };
        writer.header.push(&mut writer.buffer);
        writer.write_line()?;
        Ok(writer)
    }

    /// Writes one entry: the tree's own folder first, then in the order of a walk.
    ///
    /// # Errors
    /// It is out of order, has not what the header compares, or cannot be written.
    pub fn entry(&mut self, entry: &TreeEntry) -> Result<(), TreeError> {
        self.order.check(entry, self.line + 1)?;
        self.summary.add(entry)?;
        self.buffer.clear();
        entry.push(&mut self.buffer);
        self.write_line()
    }

    /// Writes the last line and gives what it counts.
    ///
    /// # Errors
    /// There was no entry, or it cannot be written.
    pub fn finish(mut self) -> Result<TreeSummary, TreeError> {
        if self.summary.entries == 0 {
            let problem = "it has no entry";
            return Err(TreeError::Incomplete { problem });
        }
        let TreeSummary { entries, bytes } = self.summary;
        self.buffer = format!("{{\"entries\":{entries},\"bytes\":{bytes}}}");
        self.write_line()?;
        self.sink.flush()?;
        Ok(self.summary)
    }

    fn write_line(&mut self) -> Result<(), TreeError> {
        self.line += 1;
        self.buffer.push('\n');
        let limit = limits::TREE_LINE_BYTES;
        if self.buffer.len() > limit {
            let line = self.line;
            return Err(TreeError::LineTooLong { line, limit });
        }
        self.sink.write_all(self.buffer.as_bytes())?;
        Ok(())
    }
}
