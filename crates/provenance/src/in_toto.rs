//! in-toto's first format: layouts, links and the files that carry them, none of it verified.
//!
//! ```text
//! root.layout              who may do which step, and what each step may take and make
//! write-code.776a00e2.link one functionary's signed record of one step
//! ```
//!
//! [`Metablock`] is the file in both of its forms, the classic one and DSSE; [`Layout`] and [`Link`]
//! are what it carries. Key ids are hints by which files are found: they never say who signed.
//!
//! Making goes the other way: [`Metablock::unsigned`] around [`Link::to_json`], a signature over
//! [`Metablock::bytes_to_sign`], [`Metablock::add_signature`], [`Metablock::to_bytes`] into a file
//! called [`link_file_name`].

mod artifacts;
mod error;
mod key;
mod layout;
mod link;
mod metablock;
mod parameters;
mod pattern;
mod rule;
mod step_name;

pub use artifacts::Artifacts;
pub use error::InTotoError;
pub use key::{Key, KeyFlavour, KeyId};
pub use layout::{CertificateConstraint, Expiry, Inspection, Layout, Step};
pub use link::Link;
pub use metablock::{Form, Metablock, MetablockSignature, PAYLOAD_TYPE};
pub use parameters::Parameters;
pub use pattern::Pattern;
pub use rule::{ArtifactKind, Rule};
pub use step_name::{StepName, link_file_name};
