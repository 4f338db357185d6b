"""timestamp-server: a real RFC 3161 authority over HTTP, in the place of our embedded one."""

from suite import install
from suite.bundles import Bundle, beside
from suite.cases import Peer
from suite.cosign import PROVENANCE, RELEASE, verify_blob, verify_statement
from suite.process import check
from suite.stack import AUTHORITY
from suite.world import HELLO, flipped, trust_of

timestamp_server = Peer(
    "timestamp-server",
    install=lambda version: install.go_install(
        "timestamp-server", "github.com/sigstore/timestamp-authority/v2/cmd/timestamp-server", version
    ),
    needs=("cosign", "rekor-server"),
)


def stamped_release(world):
    """A release whose time comes from the real authority, by an identity of its own."""
    return world.release(world.new_identity(), HELLO, "stamped", "--tsa", AUTHORITY, "--tsa-chain", world.stack.chain)


@timestamp_server.case
def stamps_a_release_that_cosign_and_we_accept(world):
    release = stamped_release(world)
    trusted = trust_of(world, release)
    sums = release.folder / "SHA256SUMS"
    verify_blob(world, sums, beside(sums), **trusted).accepted()
    for stem, kind in (("release", RELEASE), ("provenance", PROVENANCE)):
        [bundle] = release.bundles(stem)
        verify_statement(world, [release.folder / "hello"], bundle, kind, **trusted).accepted()
    world.verify(release.folder, **trusted).accepted()


@timestamp_server.case
def stamps_with_its_own_certificate_and_not_with_ours(world):
    release = stamped_release(world)
    token = world.new_file("token.tsr", Bundle.read(beside(release.folder / "SHA256SUMS")).token)
    signature = world.new_file("signature", Bundle.read(beside(release.folder / "SHA256SUMS")).signature)
    verify = ["openssl", "ts", "-verify", "-data", signature, "-in", token]
    world.run([*verify, "-CAfile", world.stack.chain], offline=True).accepted()
    chain = release.identity.home / "trust" / "tsa-chain.pem"
    world.run([*verify, "-CAfile", chain], offline=True).refused("Verification: FAILED")


@timestamp_server.case
def stamps_a_release_that_both_refuse_when_changed(world):
    release = stamped_release(world)
    trusted = trust_of(world, release)
    sums = release.folder / "SHA256SUMS"
    broken = Bundle.read(beside(sums)).with_broken_token().write(world.new_folder("broken") / "broken.sigstore.json")
    verify_blob(world, sums, broken, **trusted).refused("failed to verify timestamps")
    world.verify(sums, "--bundle", broken, **trusted).says_no("time-invalid")
    with flipped(release.folder / "hello"):
        world.verify(release.folder, **trusted).says_no("digest-mismatch")


@timestamp_server.case
def is_unknown_to_a_root_that_does_not_name_it(world):
    """The same key and log, with the embedded authority alone: exactly the time is not trusted."""
    release = stamped_release(world)
    trusted = trust_of(world, release)
    sums = release.folder / "SHA256SUMS"
    root = world.mixed_root(logs=trusted["root"], authorities=world.stranger.root)
    verify_blob(world, sums, beside(sums), key=trusted["key"], root=root).refused("failed to verify timestamps")
    world.verify(sums, key=trusted["key"], root=root).says_no("time-unknown")


@timestamp_server.case
def renews_what_is_in_an_archive(world):
    chain = world.stack.chain
    identity = world.new_identity()
    world.release(identity, HELLO, "renewed")
    renew = ["archive", "renew", "--home", identity.home, "--all", "--tsa", AUTHORITY]
    world.attest(*renew).refused("time-unknown")
    for more in ([], ["--hash", "sha512"]):
        world.attest(*renew, "--tsa-chain", chain, *more).accepted()
    said = world.attest("archive", "verify", "--home", identity.home, offline=True).accepted()
    check("renewed" in str(said), str(said))
