//! `attest release` from outside: from a build folder to a release that others verify.

mod crash;
mod evidence;
mod openpgp;
mod provenance;
mod recorded;
mod refusals;
mod repeat;
mod scale;
pub(crate) mod timestamp;

use crate::support::{Ran, World};

/// The release that most tests make.
pub(crate) const RELEASE: &str = "release dist --name demo --version 1.0 --init --no-password";

/// A world with a build folder of three files, one of them in a sub-folder.
pub(crate) fn world() -> World {
    let world = World::new();
    world.write("dist/a.txt", "alpha\n");
    world.write("dist/b.bin", [0, 1, 2, 255]);
    world.write("dist/sub/c.txt", "gamma\n");
    world
}

/// The same with a release in it.
pub(crate) fn released() -> (World, Ran) {
    let world = world();
    let ran = world
        .attest("release dist --name demo --version 1.0 --init --no-password")
        .yes();
    (world, ran)
}

/// The line that acquirers paste.
pub(crate) fn line(ran: &Ran) -> &str {
    ran.out.lines().last().unwrap().trim()
}

/// The entries of the log in the world's home.
pub(crate) fn log_size(world: &World) -> u64 {
    let checkpoint = String::from_utf8(world.read(".attest/log/checkpoint")).unwrap();
    checkpoint.lines().nth(1).unwrap().parse().unwrap()
}

/// What is written beside the artifacts of a release in one part.
pub(crate) const EVIDENCE: [&str; 10] = [
    "SHA256SUMS",
    "SHA256SUMS.sig",
    "SHA256SUMS.sigstore.json",
    "VERIFY.md",
    "provenance.sigstore.json",
    "release.pub",
    "release.sigstore.json",
    "release.tree",
    "release.tree.sigstore.json",
    "trusted_root.json",
];

/// The names at the top of a folder, sorted.
pub(crate) fn names(world: &World, folder: &str) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(world.at(folder))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}
