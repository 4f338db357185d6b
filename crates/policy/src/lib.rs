//! Evidence measured against what is expected: is this release, are these files, approved?
//!
//! [`Policy::expecting`] signers is the only way to begin: there is no policy that trusts anyone.
//! [`Policy::decide`] turns [`Evidence`](attest_verify::Evidence) into a [`Decision`], an answer and
//! not an error. What was accepted names files by path; [`SignedNames`] holds those names, and
//! [`judge_folder`] gives each file that is there, and each that should be, its verdict.
//!
//! Nothing here reads files, the clock, or the environment.

mod chain;
mod folder;
mod language;
pub mod limits;
mod lone;
mod names;
mod nearest;
mod pattern;
mod policy;
mod reason;
mod signers;
pub mod slsa;
mod succession;
mod toml;
mod tree;
mod verdict;

pub use chain::{
    Counted, Link, built_from, deployment, is_about_commit, reviewed, scanned, tested,
};
pub use folder::{FileVerdict, Found, Outcome, Present, judge_folder, judge_unnamed};
pub use language::{
    Accepts, AskedLayout, Built, Closure, ClosureError, Condition, Each, Emits, GitPiece, Glob,
    Group, Inquiry, Kind, LayoutFault, LayoutPiece, MaxAge, PolicyFile, PolicyState, Remembered,
    Rule, RuleAnswer, Rules, RulesError, StateError, Subject, TestCase, TestTable, vocabulary,
};
pub use lone::{Bytes, checksums_names, statement_names, statement_signs_for};
pub use names::{SignedNames, provenance_complete};
pub use nearest::nearest;
pub use pattern::{Pattern, PatternError};
pub use policy::{Accepted, Approval, Decision, Policy};
pub use reason::{CODES, Reason};
pub use signers::{
    Denied, FileGroup, FileKey, FileRecovery, FileSigners, KeySource, KeyValidity, LogRule, Member,
    Signers, SignersError, SignersFile,
};
pub use succession::{KeyChange, SUCCESSION_CODES, SuccessionError, SuccessionRecord, Successions};
pub use toml::FileError;
pub use tree::{TREE_CODES, tree_added, tree_differences, tree_missing};
