//! tar archives: the one way in which we write them, and the strict reader.

pub(crate) mod canonical;
pub(crate) mod header;
pub(crate) mod pax;
pub(crate) mod reader;
