//! `attest completions`: what shells and `man` are told.

use crate::support::World;

#[test]
fn each_shell_gets_a_script_that_knows_the_commands() {
    let world = World::new();
    for shell in ["bash", "zsh", "fish"] {
        let ran = world.attest(&format!("completions {shell}")).yes();
        for word in ["verify", "release", "trusted-root"] {
            assert!(ran.out.contains(word), "{shell}: {word}");
        }
    }
    world
        .attest("completions bash --out .")
        .refused(2, "bad-arguments");
    world.attest("completions man").refused(2, "bad-arguments");
}

#[test]
fn every_command_has_a_manual_page_and_none_is_overwritten() {
    let world = World::new();
    world.write("man/here", "");
    world.attest("completions man --out man").yes();
    for page in ["attest.1", "attest-verify.1", "attest-key-rotate.1"] {
        let text = String::from_utf8(world.read(&format!("man/{page}"))).unwrap();
        assert!(text.contains(".SH NAME"), "{page}");
    }
    world
        .attest("completions man --out man")
        .refused(2, "file-exists");
    world
        .attest("completions man --out nowhere")
        .refused(3, "write-failed");
}
