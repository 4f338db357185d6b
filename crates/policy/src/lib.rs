//! Evidence measured against what is expected: is this release, are these files, approved?
