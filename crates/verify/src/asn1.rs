//! DER structures: keys, certificates, timestamp tokens. The only place that names the libraries
//! that read them.

pub(crate) mod certificate;
pub(crate) mod pair;
pub(crate) mod precertificate;
pub(crate) mod signed_object;
pub(crate) mod spki;
pub(crate) mod token;
