//! tar archives: the one way in which we write them.

pub(crate) mod canonical;
