"""in-toto-attestation: the in-toto project's own package reads our statements and predicates.

Its models of predicates are made from in-toto's and SLSA's protocol buffers; a field that they do not have
is an error there.
"""

import base64
import json
import sys

from suite import install
from suite.cases import Peer
from suite.process import check
from suite.statements import IN_TOTO

NAME = "in-toto-attestation"


def library(version: str):
    return install.cache() / "python" / f"{NAME}-{version}"


def install_it(version: str) -> None:
    target = library(version)
    with install.lock(f"python-{NAME}"):
        if target.exists():
            return
        staging = target.with_suffix(".partial")
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        install.say_and_run([*command, "--upgrade", "--target", str(staging), f"{NAME}=={version}"])
        staging.rename(target)


in_toto_attestation = Peer(NAME, install=install_it)

JUDGE = """
import importlib, json, sys
from google.protobuf import json_format
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.statement import Statement
text = open(sys.argv[1]).read()
read = Statement.copy_from_pb(json_format.Parse(text, statement_pb2.Statement()))
read.validate()
module, message = sys.argv[2:]
kind = getattr(importlib.import_module("in_toto_attestation.predicates." + module), message)
json_format.ParseDict(json.loads(text)["predicate"], kind())
print(read.pb.predicate_type)
"""

MODELS = {
    "slsa-provenance": ("provenance.v1.provenance_pb2", "Provenance"),
    "test-result": ("test_result.v0.test_result_pb2", "TestResult"),
    "scai": ("scai.v0.scai_pb2", "AttributeReport"),
    "in-toto-link": ("link.v0.link_pb2", "Link"),
}


def judge(world, statement: bytes, kind: str):
    path = world.new_file("statement.json", statement)
    extra = {"PYTHONPATH": str(library(world.expected.versions[NAME]))}
    return world.run([sys.executable, "-c", JUDGE, path, *MODELS[kind]], offline=True, extra=extra)


def made(world, kind: str, predicate: dict) -> bytes:
    """The statement alone, as it is signed."""
    given = world.new_file("predicate.json", json.dumps(predicate).encode())
    words = ["--type", kind, "--predicate", given, "--subject", world.new_file("tool.bin")]
    return world.attest("provenance", "statement", *words).accepted().stdout.encode()


@in_toto_attestation.case
def reads_our_statements_with_its_own_models(world):
    for kind, predicate in IN_TOTO.items():
        statement = made(world, kind, predicate)
        said = judge(world, statement, kind).accepted()
        uri = json.loads(statement)["predicateType"]
        check(said.stdout.strip() == uri, f"read as {said.stdout}")


@in_toto_attestation.case
def refuses_what_we_refuse(world):
    """One field of another type in each: both say no."""
    for kind, predicate in IN_TOTO.items():
        statement = json.loads(made(world, kind, predicate))
        field = next(iter(predicate))
        statement["predicate"][field] = 7
        judge(world, json.dumps(statement).encode(), kind).refused("")
        given = world.new_file("predicate.json", json.dumps(statement["predicate"]).encode())
        words = ["--type", kind, "--predicate", given, "--subject", given]
        world.attest("provenance", "statement", *words).exits(2)


@in_toto_attestation.case
def reads_the_test_result_of_a_report(world):
    report = world.new_file("scan.sarif", json.dumps(SARIF).encode())
    file = world.new_file("tool.bin")
    words = [report, "--tool", "sarif", "--subject", file, "--home", world.identity.home, "--no-password"]
    world.attest("provenance", "report", *words).accepted()
    bundle = json.loads(report.with_name("scan.sarif.test-result.sigstore.json").read_text())
    statement = payload(bundle)
    # in-toto lets a producer add fields whose names are URIs; a model of protocol buffers has none.
    extension = [name for name in statement["predicate"] if name.startswith("https://")]
    check(len(extension) == 1, f"{extension}")
    del statement["predicate"][extension[0]]
    judge(world, json.dumps(statement).encode(), "test-result").accepted()


def payload(bundle: dict) -> dict:
    return json.loads(base64.b64decode(bundle["dsseEnvelope"]["payload"]))


SARIF = {"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "x"}}, "results": []}]}
