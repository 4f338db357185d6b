//! JSON with one meaning only.
//!
//! Two programs that read the same signed bytes must not see two documents. So [`parse`] refuses
//! what RFC 8259 leaves open: duplicate keys, a byte order mark, anything after the value, lone
//! surrogates, integers beyond 64 bits; and bounds size, depth and count of values.

mod canonical;
mod error;
mod object;
mod olpc;
mod strict;

pub use canonical::{CanonicalError, canonical};
pub use error::{JsonError, JsonNumberError};
pub use object::{FieldError, Object};
pub use olpc::olpc;
pub use serde_json::Value;
pub use strict::{Limits, parse, parse_within};
