"""in-toto's reference implementation and in-toto-golang: their steps verified here, ours there, and the
reference asked thousands of random questions about canonical JSON, patterns and rules."""

import json
import os
from pathlib import Path

from suite import install
from suite.cases import Peer
from suite.process import check

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parent.parent.parent
NAME = "in-toto"

# Where the reference says yes to what is refused here: docs/layouts.md has the reasons.
ACCEPTED_THERE = {
    "command-differs-strictly", "digest-empty", "disallow-evaded", "duplicate-key-in-layout", "duplicate-key-in-link", "empty-layout",
    "field-added-to-layout", "field-added-to-link", "field-added-to-step", "hybrid-layout", "inspection-name-leaves-folder",
    "inspection-without-leave", "link-of-another-step", "link-of-another-step-dsse", "parameter-unknown",
    "pattern-backslash", "pattern-backwards", "pattern-caret", "pattern-dotdot", "pattern-edge", "pattern-open",
    "pattern-stars-open", "private-key-in-layout", "rule-about-no-step", "step-failed", "sublayout-inspection",
    "sublayout-inspection-with-leave", "threshold-negative", "threshold-one-disagree",
    "threshold-two-one-key-two-ids", "threshold-zero",
}  # fmt: skip

# Where it says no to what is accepted here: ids of keys decide there, and certificates are in-toto-golang's.
REFUSED_THERE = {
    "authority-between", "authority-leaf-with-extension", "authority-root", "authority-row", "certificate", "certificate-any",
    "certificates-of-two", "dsse-bad-signature-first", "dsse-without-ids", "golang-demo", "golang-demo-dsse", "golang-dsse",
    "ids-of-golang",
}  # fmt: skip

# How each kind of question can be answered otherwise, and that it is.
DIFFERENCES = {
    "canonical": {"json-duplicate-key", "json-number-float", "json-number-out-of-range", "json-syntax"},
    "pattern": {"rule-pattern-ambiguous"},
    "rules": {"artifact-digest-empty", "artifact-path-ambiguous", "one-algorithm-more", "rule-pattern-ambiguous"},
}

QUESTIONS = 6000


def install_reference(version: str) -> None:
    install.python_install(NAME, HERE / NAME / "requirements.txt")
    install.python_version(NAME, "in-toto", version)
    target = {"CARGO_TARGET_DIR": str(install.target(CHECKOUT))}
    build = ["cargo", "build", "--locked", "--package", "attest-verify", "--example", "layout_oracle"]
    install.say_and_run(build, target, cwd=CHECKOUT)


def install_golang(version: str) -> None:
    install.go_install("in-toto-golang", "github.com/in-toto/in-toto-golang", version)


in_toto = Peer(NAME, install=install_reference)
golang = Peer("in-toto-golang", install=install_golang, needs=("openssl",))


def python(name: str) -> Path:
    return install.python_environment(NAME) / "bin" / name


class Chain:
    """Two functionaries, an owner, and the folder in which they work."""

    def __init__(self, world, flavour: str):
        self.world, self.flavour = world, flavour
        self.folder = world.new_folder("chain")
        self.links = self.folder / "links"
        self.source = self.folder / "src"
        for folder in (self.links, self.source):
            folder.mkdir()
        (self.source / "foo.py").write_text("print('hello')\n")
        for who in ("owner", "alice", "bob"):
            world.attest("key", "generate", self.folder / f"{who}.key", "--no-password").accepted()
        for who in ("alice", "bob"):
            key = self.folder / f"{who}.pem"
            curve = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]
            world.run(["openssl", "genpkey", *curve, "-out", key]).accepted()
            world.run(["openssl", "pkey", "-in", key, "-pubout", "-out", f"{key}.pub"]).accepted()

    def layout(self, alice: str, bob: str, *more) -> Path:
        path = self.folder / "root.layout"
        steps = ["--step", f"write:{self.folder / alice}", "--step", f"package:{self.folder / bob}"]
        make = ["provenance", "layout", "new", *steps, "--expires", "2099-01-01", "--keyid", self.flavour, "-o", path]
        self.world.attest(*make).accepted()
        sign = ["provenance", "layout", "sign", path, "--key", self.folder / "owner.key", "--no-password"]
        self.world.attest(*sign, "--keyid", self.flavour, *more).accepted()
        return path

    @property
    def owner(self) -> Path:
        return self.folder / "owner.pub"

    def verified_here(self, layout: Path):
        by = ["--layout-key", self.owner, "--links", self.links]
        chain = self.world.attest("provenance", "layout", "verify", layout, *by, offline=True)
        chain.accepted()
        self.world.run([self.world.binary, "verify", self.source, "--layout", layout, *by], offline=True).accepted()

    def recorded_by_us(self, *more) -> None:
        whose = "in-toto" if self.flavour == "reference" else "golang"
        common = ["--no-password", "--link-only", "--keyid", whose, "-d", self.links, *more]
        run = ["provenance", "run"]
        write = [*run, "-n", "write", "--signing-key", self.folder / "alice.key", *common, "-p", "foo.py"]
        self.world.attest(*write, "--", "true", cwd=self.source).accepted()
        package = [*run, "-n", "package", "--signing-key", self.folder / "bob.key", *common, "-m", "foo.py"]
        command = ["tar", "czf", "foo.tgz", "foo.py"]
        self.world.attest(*package, "-p", "foo.py", "-p", "foo.tgz", "--", *command, cwd=self.source).accepted()

    def flip(self, name: str) -> None:
        """Another digest in a link, after it was signed."""
        link = next(self.links.glob(name))
        text = link.read_text()
        digest = json.loads(text)["signed"]["products"]["foo.py"]["sha256"]
        link.write_text(text.replace(digest, digest[::-1]))


def differential(world, what: str) -> None:
    oracle = install.target(CHECKOUT) / "debug" / "examples" / "layout_oracle"
    seed = os.environ.get("ATTEST_SEED", "1")
    command = [python("python"), HERE / NAME / "differential.py", oracle, what, str(QUESTIONS), seed]
    answer = json.loads(world.run(command, offline=True).accepted().stdout)
    check(answer["questions"] == QUESTIONS, str(answer))
    check(set(answer["differences"]) == DIFFERENCES[what], f"{what}: {answer}")
    check(answer["agreed"] > QUESTIONS // 2, f"{what}: {answer}")


@in_toto.case
def writes_the_same_canonical_json(world):
    differential(world, "canonical")


@in_toto.case
def reads_patterns_in_the_same_way(world):
    differential(world, "pattern")


@in_toto.case
def applies_rules_with_the_same_outcome(world):
    differential(world, "rules")


@in_toto.case
def judges_every_case_as_the_list_of_differences_says(world):
    fixtures = CHECKOUT / "fixtures" / "layouts"
    command = [python("python"), HERE / NAME / "judge.py", fixtures]
    verdicts = json.loads(world.run(command, offline=True).accepted().stdout)
    accepted_here = {it for it in verdicts if "accept = true" in (fixtures / it / "expect.toml").read_text()}
    accepted_there = {it for it, verdict in verdicts.items() if verdict == "accepted"}
    check(accepted_there - accepted_here == ACCEPTED_THERE, f"{(accepted_there - accepted_here) ^ ACCEPTED_THERE}")
    check(accepted_here - accepted_there == REFUSED_THERE, f"{(accepted_here - accepted_there) ^ REFUSED_THERE}")


@in_toto.case
def records_steps_that_we_verify(world):
    for more in ([], ["--use-dsse"]):
        chain = Chain(world, "reference")
        layout = chain.layout("alice.pem.pub", "bob.pem.pub", *(["--dsse"] if more else []))
        run = [python("in-toto-run"), "-d", chain.links, *more]
        write = ["-n", "write", "--signing-key", chain.folder / "alice.pem", "-p", "foo.py", "--", "true"]
        world.run([*run, *write], cwd=chain.source).accepted()
        package = ["-n", "package", "--signing-key", chain.folder / "bob.pem", "-m", "foo.py", "-p", "foo.py", "foo.tgz"]
        world.run([*run, *package, "--", "tar", "czf", "foo.tgz", "foo.py"], cwd=chain.source).accepted()
        chain.verified_here(layout)


@in_toto.case
def verifies_what_we_record_and_lay_down(world):
    for more in ([], ["--dsse"]):
        chain = Chain(world, "reference")
        layout = chain.layout("alice.pub", "bob.pub", *more)
        chain.recorded_by_us(*more)
        chain.verified_here(layout)
        verify = [python("in-toto-verify"), "-l", layout, "--verification-keys", chain.owner, "--link-dir", chain.links]
        world.run(verify, offline=True).accepted()


@in_toto.case
def refuses_a_link_that_was_changed_as_we_do(world):
    chain = Chain(world, "reference")
    layout = chain.layout("alice.pub", "bob.pub")
    chain.recorded_by_us()
    chain.flip("write.*.link")
    verify = [python("in-toto-verify"), "-l", layout, "--verification-keys", chain.owner, "--link-dir", chain.links]
    world.run(verify, offline=True).exits(1)
    ours = ["provenance", "layout", "verify", layout, "--layout-key", chain.owner, "--links", chain.links]
    world.run([world.binary, *ours], offline=True).exits(1).refused("link-threshold")


@golang.case
def records_steps_that_we_verify_too(world):
    for more in ([], ["--use-dsse"]):
        chain = Chain(world, "golang")
        layout = chain.layout("alice.pem.pub", "bob.pem.pub", *(["--dsse"] if more else []))
        run = [world.go("in-toto-golang"), "run", "-d", chain.links, *more]
        write = ["-n", "write", "-k", chain.folder / "alice.pem", "-p", "foo.py", "--", "true"]
        world.run([*run, *write], cwd=chain.source).accepted()
        package = ["-n", "package", "-k", chain.folder / "bob.pem", "-m", "foo.py", "-p", "foo.py", "-p", "foo.tgz"]
        world.run([*run, *package, "--", "tar", "czf", "foo.tgz", "foo.py"], cwd=chain.source).accepted()
        chain.verified_here(layout)


@golang.case
def verifies_what_we_record_and_lay_down_too(world):
    for more in ([], ["--dsse"]):
        chain = Chain(world, "golang")
        layout = chain.layout("alice.pub", "bob.pub", *more)
        chain.recorded_by_us(*more)
        chain.verified_here(layout)
        verify = [world.go("in-toto-golang"), "verify", "-l", layout, "-k", chain.owner, "-d", chain.links]
        world.run(verify, offline=True).accepted()


@golang.case
def refuses_a_link_that_was_changed_too(world):
    chain = Chain(world, "golang")
    layout = chain.layout("alice.pub", "bob.pub")
    chain.recorded_by_us()
    chain.flip("write.*.link")
    verify = [world.go("in-toto-golang"), "verify", "-l", layout, "-k", chain.owner, "-d", chain.links]
    world.run(verify, offline=True).exits(1)
