"""Validators of the formats that reports are written in: JSON Schema, SARIF's schema, JUnit's."""

import json
import re
import subprocess
import sys
from pathlib import Path

from suite import install
from suite.cases import Peer
from suite.process import check

CHECKOUT = Path(__file__).resolve().parents[3]


def python_package(name: str) -> Path:
    return install.cache() / "python" / name


def pip_install(name: str, version: str) -> None:
    target = python_package(f"{name}-{version}")
    with install.lock(f"python-{name}"):
        if target.exists():
            return
        staging = target.with_suffix(".partial")
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        install.say_and_run([*command, "--upgrade", "--target", str(staging), f"{name}=={version}"])
        staging.rename(target)


def sarif_schema(version: str) -> Path:
    return install.cache() / "go" / f"go-sarif-v{version}" / "sarif-2.1.0.json"


def take_sarif_schema(version: str) -> None:
    """The schema that go-sarif validates with: a string in one of its sources."""
    target = sarif_schema(version)
    with install.lock("go-go-sarif"):
        if target.exists():
            return
        module = f"github.com/owenrumney/go-sarif/v3@v{version}"
        command = ["go", "mod", "download", "-json", module]
        said = subprocess.run(command, capture_output=True, text=True, check=True, cwd="/")
        source = Path(json.loads(said.stdout)["Dir"]) / "pkg/report/v210/sarif/schema.go"
        schema = source.read_text().split("`")[1]
        check("errata01" in json.loads(schema)["id"], "this is not the schema of SARIF 2.1.0 with errata 01")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(schema)


jsonschema = Peer("jsonschema", install=lambda version: pip_install("jsonschema", version))
go_sarif = Peer("go-sarif", install=take_sarif_schema, needs=("jsonschema",))
lxml = Peer("lxml", install=lambda version: pip_install("lxml", version))

JSON = """
import json, sys
from jsonschema.validators import validator_for
schema = json.load(open(sys.argv[1]))
kind = validator_for(schema)
kind.check_schema(schema)
kind(schema).validate(json.load(open(sys.argv[2])))
"""

XML = """
import sys
from lxml import etree
schema = etree.XMLSchema(etree.parse(sys.argv[1]))
schema.assertValid(etree.parse(sys.argv[2]))
"""


def validate(world, package: str, script: str, schema: Path, document: str):
    file = world.new_file("document", document.encode())
    library = python_package(f"{package}-{world.expected.versions[package]}")
    command = [sys.executable, "-c", script, schema, file]
    return world.run(command, offline=True, extra={"PYTHONPATH": str(library)})


def reports(world, form: str) -> dict[str, str]:
    """One report of each kind, by its exit code."""
    trusted = ["--key", world.identity.public, "--trusted-root", world.identity.root, "--format", form]
    changed = world.copy(world.hello)
    (changed.folder / "hello").write_text("changed")
    # Names that XML, JSON and URIs have to escape.
    for name in ("<x>&\"'", "\x1b[31m", "a b#c?", "[link](x) {0}", "‮"):
        (changed.folder / name).write_text("unsigned")
    asked = {
        0: [world.hello.folder, *trusted, "--explain"],
        1: [changed.folder, world.hello.folder / "none", *trusted],
        2: [world.hello.folder, *trusted, "--release", "no version"],
        3: [world.hello.folder / "none", *trusted],
    }
    return {exit: world.attest("verify", *words, offline=True).exits(exit).stdout for exit, words in asked.items()}


@jsonschema.case
def validates_our_reports_of_every_kind(world):
    schema = CHECKOUT / "docs/schema/verify-1.json"
    for report in reports(world, "json").values():
        validate(world, "jsonschema", JSON, schema, report).accepted()
        broken = json.loads(report)
        del broken["answer"]
        validate(world, "jsonschema", JSON, schema, json.dumps(broken)).refused("ValidationError")


@jsonschema.case
def validates_our_answers_about_trust(world):
    schema = CHECKOUT / "docs/schema/trust-1.json"
    asked = {
        ("show", "@public-good"): 0,
        ("pin", "@staging"): 0,
        ("diff", "@public-good", "@staging"): 1,
        ("show", "@nobody"): 2,
    }
    for words, exit in asked.items():
        answer = world.attest("trust", *words, "--format", "json", offline=True).exits(exit).stdout
        validate(world, "jsonschema", JSON, schema, answer).accepted()
        broken = json.loads(answer)
        del broken["answer"]
        validate(world, "jsonschema", JSON, schema, json.dumps(broken)).refused("ValidationError")


@jsonschema.case
def validates_our_report_of_the_framework(world):
    schema = CHECKOUT / "docs/schema/ssdf-1.json"
    home = world.hello.identity.home
    asked = ["report", "--ssdf", "--format", "json", "--home", home]
    answer = world.attest(*asked, offline=True).exits(1).stdout
    validate(world, "jsonschema", JSON, schema, answer).accepted()
    broken = json.loads(answer)
    broken["releases"][0]["tasks"][0]["state"] = "perhaps"
    validate(world, "jsonschema", JSON, schema, json.dumps(broken)).refused("ValidationError")


@go_sarif.case
def validates_our_sarif_of_every_kind(world):
    schema = sarif_schema(world.expected.versions["go-sarif"])
    for report in reports(world, "sarif").values():
        validate(world, "jsonschema", JSON, schema, report).accepted()
        broken = json.loads(report)
        broken["runs"][0]["invocations"][0]["exitCode"] = "none"
        validate(world, "jsonschema", JSON, schema, json.dumps(broken)).refused("ValidationError")


@lxml.case
def validates_our_junit_of_every_kind(world):
    schema = CHECKOUT / "fixtures/schema/junit-10.xsd"
    for report in reports(world, "junit").values():
        validate(world, "lxml", XML, schema, report).accepted()
        broken = re.sub(r'(<testsuite [^>]*) tests="[0-9]+"', r"\1", report)
        validate(world, "lxml", XML, schema, broken).refused("DocumentInvalid")
