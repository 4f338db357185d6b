//! What the crate accepts and refuses, attacks first.

#[cfg(test)]
mod artifacts;
#[cfg(test)]
mod checksums;
#[cfg(test)]
mod digests;
#[cfg(test)]
mod names;
#[cfg(test)]
mod surveys;
#[cfg(test)]
mod trees;
