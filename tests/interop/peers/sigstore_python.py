"""sigstore-python: verifies certificates, not keys; here its library, on the same cases as ours."""

import hashlib
import json
import sys
from pathlib import Path

from suite import install
from suite.bundles import beside
from suite.cases import Peer
from suite.differential import Question, ask, compare, conformance, fixtures
from suite.keyless import NEEDS

HERE = Path(__file__).resolve().parent
NAME = "sigstore-python"


def install_it(version: str) -> None:
    install.python_install(NAME, HERE / NAME / "requirements.txt")
    install.python_version(NAME, "sigstore", version)


sigstore_python = Peer(NAME, install=install_it, needs=NEEDS)


def judge(world, questions: list[Question]) -> None:
    of_certificates = [question for question in questions if question.key is None]
    python = install.python_environment(NAME) / "bin" / "python"
    compare(NAME, of_certificates, ask(world, [python, HERE / NAME / "judge.py"], of_certificates))


@sigstore_python.case
def judges_every_fixture_as_the_table_says(world):
    judge(world, fixtures())


@sigstore_python.case
def judges_the_conformance_cases_as_the_table_says(world):
    judge(world, conformance())


@sigstore_python.case
def signs_with_an_identity_and_we_verify(world):
    stack = world.stack.keyless
    sigstore = [install.python_environment(NAME) / "bin" / "sigstore", "--trust-config"]
    for signing in (stack.v2, stack.v1):
        file = world.new_file("tool.bin")
        world.run([*sigstore, signing.trust, "sign", "--identity-token", stack.issuer.token(), file]).accepted()
        world.verify_identity(file, **stack.identity).accepted()
        file.write_bytes(b"another artifact\n")
        world.verify_identity(file, **stack.identity).says_no("digest-mismatch")


def verify_by_python(world, file: Path, bundle: Path, stack):
    sigstore = install.python_environment(NAME) / "bin" / "sigstore"
    whom = ["--cert-identity", stack.identity["identity"], "--cert-oidc-issuer", stack.identity["issuer"]]
    words = ["--trust-config", stack.v2.trust, "verify", "identity", "--offline", *whom, "--bundle", bundle, file]
    return world.run([sigstore, *words], offline=True)


@sigstore_python.case
def accepts_what_we_sign_for_an_identity(world):
    stack = world.stack.keyless
    for signing in (stack.v2, stack.v1):
        file = world.new_file("tool.bin")
        token = world.new_file("token", stack.issuer.token().encode())
        world.attest("sign", file, "--identity-token", token, "--trust-config", signing.trust).accepted()
        verify_by_python(world, file, beside(file), stack).accepted()
        file.write_bytes(b"another artifact\n")
        verify_by_python(world, file, beside(file), stack).refused("")


@sigstore_python.case
def accepts_what_the_conformance_client_signs(world):
    """The suite's own command line for signing, as tests/conformance/client maps it."""
    stack = world.stack.keyless
    for signing in (stack.v2, stack.v1):
        for statement in (False, True):
            file = world.new_file("tool.bin")
            what = in_toto(world, file) if statement else file
            bundle = file.with_name("bundle.json")
            words = ["--in-toto"] if statement else []
            words += ["--identity-token", stack.issuer.token(), "--bundle", bundle, "--trusted-root", stack.root]
            words += ["--signing-config", signing.config, what]
            client = [sys.executable, CONFORMANCE / "client"]
            run = {"extra": {"ATTEST_BIN": str(world.binary)}}
            world.run([*client, "sign-bundle", *words], **run).accepted()
            verify_by_python(world, file, bundle, stack).accepted()
            whom = ["--certificate-identity", stack.identity["identity"]]
            whom += ["--certificate-oidc-issuer", stack.identity["issuer"], "--trusted-root", stack.root]
            if not statement:
                world.run([*client, "verify-bundle", "--bundle", bundle, *whom, file], offline=True, **run).accepted()


def in_toto(world, file: Path) -> Path:
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": file.name, "digest": {"sha256": digest}}],
        "predicateType": "https://example.com/predicate/v1",
        "predicate": {},
    }
    return world.new_file("statement.json", json.dumps(statement).encode())


CONFORMANCE = HERE.parents[1] / "conformance"
