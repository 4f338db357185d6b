//! zip archives: the strict reader. There is no writer.

mod content;
mod directory;
pub(crate) mod error;
mod extra;
pub(crate) mod reader;
