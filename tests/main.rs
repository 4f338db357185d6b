//! Integration tests of the command and of the workspace.
