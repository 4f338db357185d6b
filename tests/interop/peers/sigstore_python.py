"""sigstore-python: verifies certificates, not keys; here its library, on the same cases as ours."""

from pathlib import Path

from suite import install
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
