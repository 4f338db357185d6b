//! Integration tests of the command and of the workspace.

mod architecture;
mod init;
mod inspect;
mod key;
mod release;
mod sign;
mod support;
mod verify;
