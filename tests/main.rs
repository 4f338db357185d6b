//! Integration tests of the command and of the workspace.

mod key;
mod sign;
mod support;
mod architecture;
mod verify;
