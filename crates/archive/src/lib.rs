//! A write-once, content-addressed archive of releases as an OCI image layout.
