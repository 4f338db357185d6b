"""sigstore-python: verifies certificates, not keys; here its library, on the same cases as ours."""

from pathlib import Path

from suite import install
from suite.cases import Peer
from suite.differential import Question, ask, compare, conformance, fixtures

HERE = Path(__file__).resolve().parent
NAME = "sigstore-python"


def install_it(version: str) -> None:
    install.python_install(NAME, HERE / NAME / "requirements.txt")
    install.python_version(NAME, "sigstore", version)


sigstore_python = Peer(NAME, install=install_it)


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
