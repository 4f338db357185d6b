//! in-toto layouts and links: whether a supply chain went as its owner laid down.
//!
//! ```text
//! claimed ── Metablock ─┐
//! trusted ── LayoutKey ─┴─► SignedLayout::verify ─► SignedLayout ─┐
//! claimed ── LinkFolder ──────────────────────────────────────────┴─► SignedLayout::prove ─► Chain
//! ```
//!
//! 1. Every key that is given has signed the layout; it has not expired; its parameters are known.
//! 2. For each step: links signed by as many *different keys* as its threshold asks, of those that the
//!    step allows. Ids of keys find files and count for nothing.
//! 3. Each is about this step, its command did not fail, and all of them report the same files.
//! 4. A layout in the place of a link is proven in the same way, with that functionary as its owner.
//! 5. The rules of each step hold; then, if they were run, those of the inspections.
//!
//! What is proven is about links. Whether files at hand are those that the links name is another
//! question: [`Chain::products`] are the ones to compare with.

mod certificate;
mod chain;
mod codes;
mod differences;
mod inspection;
mod key;
mod links;
mod rules;
mod signed;
mod step;

pub use chain::{Chain, ProvenSigner, ProvenStep};
pub use codes::CODES;
pub use inspection::InspectionRun;
pub use key::{LayoutKey, LayoutKeyError};
pub use links::{LinkFolder, LinkReadError};
pub use rules::{Files, RuleFailure, apply};
pub use signed::{ChainOptions, LayoutRefusal, SignedLayout};
