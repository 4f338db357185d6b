"""sigstore-js: the client of npm. 5 needs a newer Node than Debian's and this project's; both are used.

4 reads message bundles only: it does not know that a DSSE envelope is logged by the digest of its PAE.
"""

import platform
from dataclasses import dataclass
from pathlib import Path

from suite import install
from suite.bundles import Bundle, beside
from suite.cases import Peer
from suite.cosign import PROVENANCE, attest_blob, key_pair, sign_blob, trust, verify_blob
from suite.differential import Question, ask, compare, conformance, fixtures
from suite.process import Output
from suite.stack import AUTHORITY, REKOR
from suite.world import flipped

HERE = Path(__file__).resolve().parent


def installer(name: str):
    def install_it(version: str) -> None:
        install.npm_install(name, HERE / name)
        install.npm_version(name, "sigstore", version)

    return install_it


SERVERS = ("cosign", "rekor-server", "timestamp-server")
sigstore_js_5 = Peer("sigstore-js-5", install=installer("sigstore-js-5"), needs=SERVERS)
sigstore_js_4 = Peer("sigstore-js-4", install=installer("sigstore-js-4"), needs=SERVERS)


@dataclass(frozen=True)
class Client:
    world: object
    name: str

    @property
    def modules(self) -> Path:
        return install.node_modules(self.name)

    @property
    def node(self) -> Path | str:
        """5 comes with its own Node, as an npm package; 4 runs on the one that is installed."""
        if self.name != sigstore_js_5.name:
            return "node"
        machine = {"x86_64": "x64", "aarch64": "arm64"}[platform.machine()]
        return self.modules / f"node-linux-{machine}" / "bin" / "node"

    def verify(self, bundle: Path, artifact: Path | None = None, *, key: Path, root: Path) -> Output:
        words = [self.node, HERE / "sigstore-js-verify.cjs", self.modules, bundle, root, key]
        return self.world.run([*words, *([artifact] if artifact else [])], offline=True)

    def judge(self, questions: list[Question]) -> None:
        compare("sigstore-js", questions, ask(self.world, [self.node, HERE / "sigstore-js-judge.cjs", self.modules], questions))

    def sign(self, file: Path, key: Path) -> None:
        words = [self.node, HERE / "sigstore-js-sign.cjs", self.modules, key, file]
        self.world.run([*words, REKOR, AUTHORITY.removesuffix("/api/v1/timestamp"), beside(file)]).accepted()


def of(world, peer: Peer) -> Client:
    return Client(world, peer.name)


# Both generations


def accepts_files(world, client: Client) -> None:
    file = world.new_file("tool.bin")
    world.sign(world.identity, file)
    client.verify(beside(file), file, **trust(world.identity)).accepted()
    sums = world.hello.folder / "SHA256SUMS"
    client.verify(beside(sums), sums, **trust(world.identity)).accepted()


def refuses_changes(world, client: Client) -> None:
    file = world.new_file("tool.bin")
    world.sign(world.identity, file, world.new_file("another entry.bin", b"so that there is a path to prove\n"))
    bundle = Bundle.read(beside(file))
    client.verify(beside(file), file, **trust(world.identity)).accepted()
    with flipped(file):
        client.verify(beside(file), file, **trust(world.identity)).refused("SIGNATURE_ERROR", "TLOG_BODY_ERROR")
    for change, their_code, our_code in (
        (Bundle.with_broken_token, "TIMESTAMP_ERROR", "time-invalid"),
        (Bundle.without_time, "TIMESTAMP_ERROR", "time-missing"),
        (Bundle.with_broken_proof, "TLOG_INCLUSION_PROOF_ERROR", "log-proof-invalid"),
        (Bundle.without_log, "TLOG_ERROR", "log-missing"),
    ):
        changed = change(bundle).write(file.with_name("changed.sigstore.json"))
        client.verify(changed, file, **trust(world.identity)).refused(their_code)
        world.verify(file, "--bundle", changed, **trust(world.identity)).says_no(our_code)
    other_key = {"key": world.stranger.public, "root": world.identity.root}
    client.verify(beside(file), file, **other_key).refused("SIGNATURE_ERROR", "TLOG_BODY_ERROR")
    other_root = {"key": world.identity.public, "root": world.stranger.root}
    client.verify(beside(file), file, **other_root).refused("TIMESTAMP_ERROR", "TLOG")


def signs_files(world, client: Client) -> None:
    """What sigstore-js signs, cosign and we accept: its JSON leaves out zero values, for one."""
    key = world.new_folder("js-key") / "theirs.pem"
    public = key.with_name("theirs.pub")
    world.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key]).accepted()
    world.run(["openssl", "pkey", "-in", key, "-pubout", "-out", public]).accepted()
    trusted = {"key": public, "root": world.stack.root}
    file = world.new_file("tool.bin")
    client.sign(file, key)
    verify_blob(world, file, beside(file), **trusted).accepted()
    world.verify(file, **trusted).accepted()
    with flipped(file):
        world.verify(file, **trusted).says_no("digest-mismatch")


@sigstore_js_5.case
def accepts_files_that_we_signed(world):
    accepts_files(world, of(world, sigstore_js_5))


@sigstore_js_5.case
def accepts_statements_that_we_signed(world):
    client = of(world, sigstore_js_5)
    for bundle in [*world.hello.bundles("release"), *world.hello.bundles("provenance")]:
        client.verify(bundle, **trust(world.identity)).accepted()


@sigstore_js_5.case
def refuses_every_change_as_we_do(world):
    refuses_changes(world, of(world, sigstore_js_5))


@sigstore_js_5.case
def refuses_an_altered_statement_as_we_do(world):
    [bundle] = world.hello.bundles("release")
    altered = Bundle.read(bundle).with_altered_statement().write(world.new_folder("altered") / "altered.sigstore.json")
    of(world, sigstore_js_5).verify(altered, **trust(world.identity)).refused("SIGNATURE_ERROR", "TLOG_BODY_ERROR")
    file = world.hello.folder / "hello"
    refused = world.verify(file, "--bundle", altered, **trust(world.identity))
    refused.says_no("signature-invalid", "log-entry-mismatch")


@sigstore_js_5.case
def signs_files_that_we_accept(world):
    signs_files(world, of(world, sigstore_js_5))


@sigstore_js_5.case
def agrees_with_us_about_bundles_of_cosign(world):
    """The control: a client that is wrong about cosign's bundles would say nothing about ours."""
    key = key_pair(world)
    trusted = {"key": key.with_suffix(".pub"), "root": world.stack.root}
    file, attested = world.new_file("tool.bin"), world.new_file("attested.bin", b"attested\n")
    sign_blob(world, file, key)
    of(world, sigstore_js_5).verify(beside(file), file, **trusted).accepted()
    predicate = b'{"buildDefinition":{"buildType":"https://example.com/v1","externalParameters":{}},"runDetails":{"builder":{"id":"https://example.com"}}}'
    attest_blob(world, attested, key, PROVENANCE, predicate)
    of(world, sigstore_js_5).verify(beside(attested), **trusted).accepted()
    world.verify(file, **trusted).accepted()
    world.verify(attested, **trusted).accepted()


@sigstore_js_4.case
def accepts_files_that_we_signed_on_node_20(world):
    accepts_files(world, of(world, sigstore_js_4))


@sigstore_js_4.case
def refuses_every_change_as_we_do_on_node_20(world):
    refuses_changes(world, of(world, sigstore_js_4))


@sigstore_js_4.case
def signs_files_that_we_accept_on_node_20(world):
    signs_files(world, of(world, sigstore_js_4))


@sigstore_js_4.case
def does_not_read_a_statement_in_a_second_generation_log(world):
    """Its limit, not ours: it looks for an entry of kind dsse. When this fails, it has learned to."""
    [bundle] = world.hello.bundles("release")
    of(world, sigstore_js_4).verify(bundle, **trust(world.identity)).refused("TLOG_BODY_ERROR")


@sigstore_js_5.case
def judges_every_fixture_as_the_table_says(world):
    of(world, sigstore_js_5).judge(fixtures())


@sigstore_js_5.case
def judges_the_conformance_cases_as_the_table_says(world):
    of(world, sigstore_js_5).judge(conformance())
