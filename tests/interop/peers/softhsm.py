"""SoftHSM through PKCS#11: keys that OpenSC made in a token, signed with here, verified by openssl and cosign."""

import json
from dataclasses import dataclass
from pathlib import Path

from suite import install
from suite.bundles import Bundle, beside
from suite.cases import Peer
from suite.cosign import PROVENANCE, verify_blob, verify_statement
from suite.process import check
from suite.world import HELLO, flipped

MODULE = Path("/usr/lib/softhsm/libsofthsm2.so")
PIN = "648219"


def install_both(version: str) -> None:
    install.apt_install("softhsm2-util", "softhsm2", version)
    install.apt_install("pkcs11-tool", "opensc")


softhsm = Peer("softhsm", install=install_both, needs=("cosign",))


@dataclass(frozen=True)
class Token:
    """A token of its own, and the variable that lets programs find it."""

    world: object
    extra: dict[str, str]
    pin: Path

    @property
    def query(self) -> str:
        return f"module-path={MODULE}&pin-source=file:{self.pin}"

    def uri(self, label: str, more: str = "") -> str:
        return f"pkcs11:token=release%20signing;object={label}{more}?{self.query}"

    def tool(self, *args):
        command = ["pkcs11-tool", "--module", MODULE, "--token-label", "release signing", "--login", "--pin", PIN]
        return self.world.run([*command, *args], extra=self.extra).accepted()

    def generate(self, kind: str, label: str, number: str) -> str:
        self.tool("--keypairgen", "--key-type", kind, "--label", label, "--id", number, "--usage-sign")
        return self.uri(label)

    def attest(self, *args):
        return self.world.attest(*args, extra=self.extra)

    def sign(self, uri: str, *files):
        return self.attest("sign", "--home", self.world.identity.home, "--no-password", "--key", uri, *files)

    def public(self, uri: str) -> Path:
        out = self.world.new_folder("public") / "token.pub"
        self.attest("key", "public", uri, "--out", out).accepted()
        return out


def new_token(world) -> Token:
    folder = world.new_folder("softhsm")
    (folder / "tokens").mkdir()
    config = folder / "softhsm2.conf"
    config.write_text(f"directories.tokendir = {folder}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n")
    pin = folder / "pin"
    pin.write_text(f"{PIN}\n")
    token = Token(world, {"SOFTHSM2_CONF": str(config)}, pin)
    command = ["softhsm2-util", "--init-token", "--free", "--label", "release signing", "--so-pin", "10203040"]
    world.run([*command, "--pin", PIN], extra=token.extra).accepted()
    return token


@softhsm.case
def signs_files_that_openssl_cosign_and_we_verify(world):
    """P-256, P-384 and RSA: each signs its own digest."""
    token = new_token(world)
    for kind, digest in (("EC:prime256v1", "sha256"), ("EC:secp384r1", "sha384"), ("rsa:3072", "sha256")):
        uri = token.generate(kind, kind.replace(":", "-"), "01")
        uri = uri.replace("?", ";id=%01?")
        file = world.new_file("tool.bin")
        token.sign(uri, file).accepted()
        public = token.public(uri)
        world.verify(file, key=public, root=world.identity.root).accepted()
        cosign = verify_blob(world, file, beside(file), key=public, root=world.identity.root)
        if digest == "sha256":
            cosign.accepted()
        else:
            cosign.refused("invalid signature when validating ASN.1")  # it asks SHA-256 of every key
        signature = world.new_file("signature", Bundle.read(beside(file)).signature)
        command = ["openssl", "dgst", f"-{digest}", "-verify", public, "-signature", signature, file]
        world.run(command, offline=True).accepted()
        with flipped(file):
            world.verify(file, key=public, root=world.identity.root).says_no("digest-mismatch")
        world.verify(file, key=world.identity.public, root=world.identity.root).says_no("signer-mismatch")
        token.tool("--delete-object", "--type", "privkey", "--id", "01")
        token.tool("--delete-object", "--type", "pubkey", "--id", "01")


@softhsm.case
def signs_a_release_whose_key_never_leaves_the_token(world):
    token = new_token(world)
    uri = token.generate("EC:prime256v1", "release", "0a")
    folder = world.new_folder("tokened")
    for name, content in HELLO.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    home = ["--home", world.identity.home, "--no-password"]
    release = ["release", folder, "--name", "tokened", "--version", "1.0.0", *home]
    token.attest(*release, "--key", uri).accepted()
    check((folder / "release.pub").read_text() == token.public(uri).read_text(), "release.pub is not the token's key")
    world.verify(folder, key=token.public(uri), root=world.identity.root).accepted()
    verify_blob(
        world, folder / "SHA256SUMS", beside(folder / "SHA256SUMS"), key=token.public(uri), root=world.identity.root
    ).accepted()
    statement = folder / "provenance.sigstore.json"
    subject = [folder / "hello"]
    verify_statement(
        world, subject, statement, PROVENANCE, key=token.public(uri), root=world.identity.root
    ).accepted()
    # A key that cosign does not read: its commands are left out, and those of openssl fit the key.
    uri = token.generate("EC:secp384r1", "larger", "0b")
    folder = world.new_folder("larger")
    (folder / "tool").write_bytes(b"a tool\n")
    token.attest("release", folder, "--name", "larger", "--version", "1", *home, "--key", uri).accepted()
    commands = (folder / "VERIFY.md").read_text()
    check("cosign" not in commands, "VERIFY.md has commands of cosign for a key that it does not read")
    line = next(line for line in commands.splitlines() if line.startswith("openssl dgst"))
    world.run(["sh", "-c", line], cwd=folder, offline=True).accepted()
    # It signs SHA-384, which an archive computes of nothing else.
    theirs = ["--key", token.public(uri), "--trusted-root", world.identity.root]
    world.attest("archive", "verify", "larger@1", "--home", world.identity.home, *theirs).accepted()


@softhsm.case
def refuses_each_wrong_way_to_name_a_key(world):
    token = new_token(world)
    good = token.generate("EC:prime256v1", "release", "01")
    token.tool("--keypairgen", "--key-type", "EC:prime256v1", "--label", "release", "--id", "02", "--usage-sign")
    token.generate("EC:edwards25519", "edwards", "03")
    token.generate("rsa:1024", "short", "04")
    kind = ["--key-type", "EC:prime256v1", "--label", "asking", "--id", "05", "--usage-sign", "--always-auth"]
    token.tool("--keypairgen", *kind)
    file = world.new_file("tool.bin")
    for uri, code in (
        (good, "token-key-ambiguous"),
        (token.uri("nobody"), "token-key-missing"),
        (token.uri("release", ";id=%09"), "token-key-missing"),
        (token.uri("edwards"), "key-unsupported"),
        (token.uri("short"), "key-unsupported"),
        (token.uri("asking"), "key-unsupported"),  # wants its PIN for each signature
        (good.replace("release%20signing", "other"), "token-missing"),
        (good.replace(str(MODULE), "/nonexistent.so"), "token-module-unusable"),
        (good.replace(f"module-path={MODULE}&", ""), "token-module-missing"),
        (good.replace(";object", ";colour=red;object"), "token-uri-malformed"),
        (good.replace(f"pin-source=file:{token.pin}", "pin-source=file:/nonexistent"), "pin-required"),
    ):
        token.sign(uri, file).exits(2).refused(code)
        check(not beside(file).exists(), f"{code}: a bundle was written")
    token.sign(token.uri("release", ";id=%02"), file).accepted()


@softhsm.case
def says_what_the_token_says_after_a_wrong_pin_and_tries_once(world):
    token = new_token(world)
    uri = token.generate("EC:prime256v1", "release", "01")
    wrong = world.new_file("pin", b"000000\n")
    file = world.new_file("tool.bin")
    answer = token.sign(uri.replace(str(token.pin), str(wrong)), file).exits(2)
    answer.refused("pin-wrong")
    check("counts wrong tries" in answer.stderr, f"it does not say what the token says\n{answer}")
    token.sign(uri, file).accepted()
    # SoftHSM never locks: that it takes the right PIN afterwards shows only that one try was used up.
    given = token.sign(uri.replace(f"pin-source=file:{token.pin}", f"pin-value={PIN}"), file, "--force").accepted()
    check("every user of this machine" in given.stderr, f"no caution about pin-value\n{given}")


@softhsm.case
def signs_many_files_in_parallel(world):
    token = new_token(world)
    uri = token.generate("EC:prime256v1", "release", "01")
    folder = world.new_folder("many")
    files = [folder / f"{number:03}" for number in range(200)]
    for file in files:
        file.write_bytes(file.name.encode())
    token.sign(uri, *files).accepted()
    public = token.public(uri)
    for file in files[::40]:
        verify_blob(world, file, beside(file), key=public, root=world.identity.root).accepted()
    world.verify(*files, key=public, root=world.identity.root).accepted()


@softhsm.case
def lists_keys_with_their_certificates(world):
    """A certificate in the token serves as the public half, and must be of the same key."""
    token = new_token(world)
    uri = token.generate("EC:prime256v1", "release", "01")
    other = token.generate("EC:prime256v1", "other", "02")
    keys = world.new_folder("keys")
    certificate = keys / "cert.der"
    make = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    make += ["-keyout", keys / "key.pem", "-out", certificate, "-outform", "DER", "-subj", "/CN=somebody", "-days", "2"]
    world.run(make).accepted()
    token.tool("--write-object", certificate, "--type", "cert", "--label", "other", "--id", "02")
    file = world.new_file("tool.bin")
    token.sign(other, file).exits(2).refused("token-key-inconsistent")
    world.run(["openssl", "ec", "-in", keys / "key.pem", "-outform", "DER", "-out", keys / "key.der"]).accepted()
    token.tool("--write-object", keys / "key.der", "--type", "privkey", "--label", "third", "--id", "03", "--usage-sign")
    token.sign(token.uri("third"), file).exits(2).refused("token-key-unreadable")
    token.tool("--write-object", certificate, "--type", "cert", "--label", "third", "--id", "03")
    token.sign(token.uri("third"), file).accepted()
    world.verify(file, key=token.public(token.uri("third")), root=world.identity.root).accepted()
    listed = token.attest("key", "list", f"pkcs11:token=release%20signing?{token.query}", "--format", "json").accepted()
    found = {key["label"]: key for key in json.loads(listed.stdout)["keys"]}
    check(found["other"]["refused"] == "token-key-inconsistent", f"the foreign certificate was not noticed\n{listed}")
    check(len(found["third"]["certificates"]) == 1, f"the certificate is not listed\n{listed}")
    check(found["release"]["uri"] in uri.replace("?", ";id=%01?"), f"the listed URI is another\n{listed}")
