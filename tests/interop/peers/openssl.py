"""OpenSSL: our timestamps, our plain signature, and keys that it made."""

from suite import install
from suite.authority import openssl_authority
from suite.bundles import Bundle, beside
from suite.cases import Peer
from suite.cosign import verify_blob
from suite.evidence_record import links, renewals
from suite.process import check
from suite.world import HELLO, flipped, trust_of

openssl = Peer("openssl", install=lambda version: install.apt_install("openssl", "openssl", version), needs=("cosign",))


def token_and_data(world, bundle: Bundle) -> tuple:
    return world.new_file("token.tsr", bundle.token), world.new_file("signature", bundle.signature)


def verify_token(world, token, data, *, chain):
    return world.run(["openssl", "ts", "-verify", "-data", data, "-in", token, "-CAfile", chain], offline=True)


def chain_of(identity):
    return identity.home / "trust" / "tsa-chain.pem"


@openssl.case
def verifies_the_time_of_a_file(world):
    file = world.new_file("tool.bin")
    world.sign(world.identity, file)
    token, data = token_and_data(world, Bundle.read(beside(file)))
    verify_token(world, token, data, chain=chain_of(world.identity)).accepted()


@openssl.case
def verifies_the_time_of_every_bundle_of_a_release(world):
    bundles = [*world.hello.bundles("release"), *world.hello.bundles("provenance")]
    bundles.append(beside(world.hello.folder / "SHA256SUMS"))
    for bundle in bundles:
        token, data = token_and_data(world, Bundle.read(bundle))
        verify_token(world, token, data, chain=chain_of(world.identity)).accepted()


@openssl.case
def refuses_a_time_for_other_bytes(world):
    file = world.new_file("tool.bin")
    world.sign(world.identity, file)
    token, data = token_and_data(world, Bundle.read(beside(file)))
    with flipped(data):
        verify_token(world, token, data, chain=chain_of(world.identity)).refused("message imprint mismatch")
    with flipped(token):
        verify_token(world, token, data, chain=chain_of(world.identity)).refused("Verification: FAILED", "verify error")


@openssl.case
def refuses_a_time_by_another_authority(world):
    file = world.new_file("tool.bin")
    world.sign(world.identity, file)
    token, data = token_and_data(world, Bundle.read(beside(file)))
    verify_token(world, token, data, chain=chain_of(world.stranger)).refused("certificate verify error")


@openssl.case
def finds_our_authority_fit_for_timestamps_only(world):
    chain = chain_of(world.identity)
    verify = ["openssl", "verify", "-x509_strict", "-CAfile", chain]
    world.run([*verify, "-purpose", "timestampsign", chain], offline=True).accepted()
    world.run([*verify, "-purpose", "sslserver", chain], offline=True).refused("purpose")


@openssl.case
def stamps_a_release_that_cosign_and_we_accept(world):
    """`openssl ts -reply` as the authority over HTTP: its token, with its certificates, in our bundles."""
    with openssl_authority(world) as authority:
        release = world.release(
            world.new_identity(), HELLO, "stamped", "--tsa", authority.url, "--tsa-chain", authority.chain
        )
    trusted = trust_of(world, release)
    sums = release.folder / "SHA256SUMS"
    token, data = token_and_data(world, Bundle.read(beside(sums)))
    verify_token(world, token, data, chain=authority.chain).accepted()
    verify_blob(world, sums, beside(sums), **trusted).accepted()
    world.verify(release.folder, **trusted).accepted()
    broken = Bundle.read(beside(sums)).with_broken_token().write(world.new_folder("broken") / "broken.sigstore.json")
    world.verify(sums, "--bundle", broken, **trusted).says_no("time-invalid")


@openssl.case
def verifies_the_plain_signature_of_the_checksums(world):
    release = world.copy(world.hello)
    sums = release.folder / "SHA256SUMS"
    command = [
        "openssl",
        "dgst",
        "-sha256",
        "-verify",
        release.folder / "release.pub",
        "-signature",
        release.folder / "SHA256SUMS.sig",
        sums,
    ]
    world.run(command, offline=True).accepted()
    signature = Bundle.read(beside(sums)).signature
    check((release.folder / "SHA256SUMS.sig").read_bytes() == signature, "SHA256SUMS.sig is not the bundle's signature")
    with flipped(sums, 0):
        world.run(command, offline=True).refused("Verification failure", "Verification Failure")


@openssl.case
def makes_keys_that_sign_for_us(world):
    """PKCS#8 and SEC1, P-256: what we sign with them, OpenSSL verifies under its own public half."""
    for command in (
        ["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
        ["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout"],
    ):
        key = world.new_folder("openssl-key") / "theirs.pem"
        public = key.with_name("theirs.pub")
        world.run([*command, "-out", key]).accepted()
        world.run(["openssl", "pkey", "-in", key, "-pubout", "-out", public]).accepted()
        file = world.new_file("tool.bin")
        world.sign(world.identity, "--key", key, file)
        signature = world.new_file("signature", Bundle.read(beside(file)).signature)
        world.run(["openssl", "dgst", "-sha256", "-verify", public, "-signature", signature, file]).accepted()
        world.verify(file, key=public, root=world.identity.root).accepted()


@openssl.case
def makes_a_key_of_a_kind_that_we_refuse(world):
    """RSA is not a key that we sign with: said before anything is written."""
    key = world.new_folder("openssl-key") / "rsa.pem"
    world.run(["openssl", "genpkey", "-algorithm", "RSA", "-out", key]).accepted()
    file = world.new_file("tool.bin")
    refused = world.attest("sign", "--home", world.identity.home, "--no-password", "--key", key, file)
    refused.exits(2).refused("key-unsupported", "not a key that")
    check(not beside(file).exists(), "a bundle was written")


@openssl.case
def writes_lists_that_we_sign_and_verify(world):
    """`openssl dgst`: its own form, with names that it does not escape; -r writes that of coreutils."""
    for form in ([], ["-r"]):
        folder = world.new_folder("listed")
        names = ["hello", "a)= b", "with space", *([] if form else ["back\\slash"])]
        for name in names:
            (folder / name).write_bytes(name.encode())
        said = world.run(["openssl", "dgst", "-sha256", *form, *names], cwd=folder).accepted()
        sums = folder / "SHA256SUMS"
        sums.write_text(said.stdout)
        world.sign(world.identity, sums)
        trusted = {"key": world.identity.public, "root": world.identity.root}
        world.verify(sums, **trusted).accepted()
        with flipped(folder / "a)= b"):
            world.verify(sums, **trusted).says_no("digest-mismatch")
        (folder / "hello").unlink()
        world.verify(sums, **trusted).says_no("file-missing")


@openssl.case
def stamps_renewals_whose_way_to_the_root_python_finds(world):
    """`openssl ts -reply` renews five releases twice, with one timestamp each time; each record leads to
    the very hash that openssl finds in its token."""
    identity = world.new_identity()
    for number in range(5):
        world.release(identity, HELLO, f"renewed-{number}")
    with openssl_authority(world) as authority:
        for _ in range(2):
            asked = ["--tsa", authority.url, "--tsa-chain", authority.chain]
            world.attest("archive", "renew", "--home", identity.home, "--all", *asked).accepted()
    found = renewals(identity.archive)
    check(len(found) == 10, f"{len(found)} renewals")
    tokens = set()
    for renewal in found:
        for link in links(renewal):
            tokens.add(link.token)
            token = world.new_file("token.der", link.token)
            verify = ["openssl", "ts", "-verify", "-token_in", "-in", token, "-CAfile", authority.chain]
            world.run([*verify, "-digest", link.root.hex()], offline=True).accepted()
            world.run([*verify, "-digest", "00" * len(link.root)], offline=True).refused("message imprint mismatch")
        document = world.new_file("covered.txt", renewal.document)
        world.run(["cksum", "--check", "--strict", document], cwd=identity.archive, offline=True).accepted()
    check(len(tokens) == 2, f"{len(tokens)} timestamps")
    world.attest("archive", "verify", "--home", identity.home, offline=True).accepted()
