//! Integration tests of the command and of the workspace.

mod architecture;
mod codes;
mod docs;
mod init;
mod inspect;
mod key;
mod log;
mod readme;
mod release;
mod sign;
mod support;
mod verify;
