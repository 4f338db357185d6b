//! Everything that dials: timestamp authorities over HTTP.
