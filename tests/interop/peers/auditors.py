"""Readers of what auditors are handed: OSCAL's schema and compliance-trestle, an HTML parser, auditctl."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

from peers.formats import JSON, pip_install, python_package, validate
from suite import install
from suite.cases import Peer
from suite.process import check


def oscal_schema(version: str) -> Path:
    return install.cache() / "go" / f"go-oscal-v{version}" / "oscal-1.1.3.json"


def take_oscal_schema(version: str) -> None:
    """NIST's schema of OSCAL 1.1.3, as go-oscal ships it."""
    target = oscal_schema(version)
    with install.lock("go-go-oscal"):
        if target.exists():
            return
        module = f"github.com/defenseunicorns/go-oscal@v{version}"
        said = subprocess.run(
            ["go", "mod", "download", "-json", module], capture_output=True, text=True, check=True, cwd="/"
        )
        source = Path(json.loads(said.stdout)["Dir"]) / "src/internal/schemas/oscal_complete_schema-1-1-3.json"
        schema = source.read_text()
        check("1.1.3" in json.loads(schema)["$id"], "this is not the schema of OSCAL 1.1.3")
        target.parent.mkdir(parents=True, exist_ok=True)
        # Python's expressions do not know Unicode's classes: names in these documents are ASCII.
        target.write_text(schema.replace("\\\\p{L}", "[A-Za-z]").replace("\\\\p{N}", "[0-9]"))


go_oscal = Peer("go-oscal", install=take_oscal_schema, needs=("jsonschema",))
trestle = Peer("compliance-trestle", install=lambda version: pip_install("compliance-trestle", version))
html5lib = Peer("html5lib", install=lambda version: pip_install("html5lib", version))
auditctl = Peer("auditctl", install=lambda version: install.apt_install("auditctl", "auditd", version))

TRESTLE = """
import pathlib, sys
from trestle.oscal.assessment_results import AssessmentResults
read = AssessmentResults.oscal_read(pathlib.Path(sys.argv[1]))
print(len(read.results[0].findings))
"""

HTML = """
import sys, html5lib
parser = html5lib.HTMLParser(strict=True)
page = parser.parse(open(sys.argv[1], encoding="utf-8").read())
space = "{http://www.w3.org/1999/xhtml}"
names = {it.tag.removeprefix(space) for it in page.iter() if isinstance(it.tag, str)}
known = {"html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "dl", "dt", "dd", "table", "thead",
         "tbody", "tr", "th", "td", "code", "small", "b", "span"}
assert names <= known, names - known
loads = [it for it in page.iter() for name in ("src", "href", "action") if name in it.attrib]
assert not loads, loads
print(len(page.findall(f".//{space}tbody")))
"""


def report(world, form: str) -> str:
    """What is said of a release that lacks evidence."""
    home = world.hello.identity.home
    return world.attest("report", "--ssdf", "--format", form, "--home", home, offline=True).exits(1).stdout


def ask(world, package: str, script: str, *files):
    library = python_package(f"{package}-{world.expected.versions[package]}")
    return world.run([sys.executable, "-c", script, *files], offline=True, extra={"PYTHONPATH": str(library)})


@go_oscal.case
def validates_our_assessment_results_and_refuses_a_changed_state(world):
    schema = oscal_schema(world.expected.versions["go-oscal"])
    results = report(world, "oscal")
    validate(world, "jsonschema", JSON, schema, results).accepted()
    broken = json.loads(results)
    broken["assessment-results"]["results"][0]["findings"][0]["target"]["status"]["state"] = "perhaps"
    validate(world, "jsonschema", JSON, schema, json.dumps(broken)).refused("ValidationError")


@trestle.case
def reads_our_assessment_results_with_every_finding(world):
    file = world.new_file("results.json", report(world, "oscal").encode())
    said = ask(world, "compliance-trestle", TRESTLE, file).accepted()
    check(said.stdout.split()[-1] == "5", f"five tasks are found\n{said}")
    broken = json.loads(file.read_text())
    del broken["assessment-results"]["results"][0]["uuid"]
    other = world.new_file("results.json", json.dumps(broken).encode())
    check(ask(world, "compliance-trestle", TRESTLE, other).status != 0, "it reads results without a UUID")


@html5lib.case
def parses_our_page_strictly_and_finds_nothing_that_it_loads(world):
    file = world.new_file("page.html", report(world, "html").encode())
    said = ask(world, "html5lib", HTML, file).accepted()
    releases = json.loads(report(world, "json"))["releases"]
    check(int(said.stdout) == 5 * len(releases), f"five tasks of each release\n{said}")


@auditctl.case
def reads_our_rules_and_refuses_one_with_another_field(world):
    """It has no dry run: what it reads it hands to the kernel, under a key of this run alone, and takes back."""
    home = world.hello.identity.home
    rules = world.attest("archive", "log", "--rules", "auditd", "--home", home, offline=True).accepted().stdout
    check(rules.count("-F dir=") == 10, rules)
    key = "attest-interop"
    ours = world.new_file("attest.rules", rules.replace("key=attest", f"key={key}").encode())
    try:
        said = world.run([shutil.which("auditctl"), "-R", ours])
        check("unknown" not in said.stderr and "invalid" not in said.stderr.lower(), f"it does not read our rules\n{said}")
    finally:
        world.run([shutil.which("auditctl"), "-D", "-k", key])
    broken = world.new_file("broken.rules", rules.replace("dir=", "folder=").encode())
    world.run([shutil.which("auditctl"), "-R", broken]).refused("unknown field")
