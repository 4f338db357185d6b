"""Statements of every type that others know: how we make them, and what is in them."""

import json
from pathlib import Path

from suite.bundles import beside
from suite.cosign import attest_blob, key_pair, trust, verify_statement

DIGEST = {"sha256": "12" * 32}
SCAN = {"scanStartedOn": "2026-01-01T00:00:00Z", "scanFinishedOn": "2026-01-01T00:01:00Z"}

# By cosign's names.
COSIGN = {
    "slsaprovenance": {
        "builder": {"id": "https://e.example/b"},
        "buildType": "https://e.example/t",
        "invocation": {"configSource": {"uri": "git+https://e.example/r", "digest": {"sha1": "8f" * 20}}},
        "metadata": {"buildStartedOn": "2026-01-01T00:00:00Z", "reproducible": False},
        "materials": [{"uri": "git+https://e.example/r", "digest": {"sha1": "8f" * 20}}],
    },
    "slsaprovenance1": {
        "buildDefinition": {"buildType": "https://e.example/t", "externalParameters": {"a": "b"}},
        "runDetails": {"builder": {"id": "https://e.example/b"}},
    },
    "spdxjson": {
        "spdxVersion": "SPDX-2.3",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": "a",
        "documentNamespace": "https://e.example/a",
    },
    "cyclonedx": {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1},
    "link": {  # The classic link whole: cosign wants its _type.
        "_type": "link",
        "name": "build",
        "command": ["make"],
        "materials": {"main.c": DIGEST},
        "products": {},
        "byproducts": {},
        "environment": {},
    },
    "vuln": {
        "invocation": {"parameters": [], "uri": "", "event_id": "", "builder.id": ""},
        "scanner": {"uri": "pkg:generic/s@1", "version": "1", "db": {"uri": "", "version": ""}, "result": {"found": 0}},
        "metadata": SCAN,
    },
    "openvex": {
        "@context": "https://openvex.dev/ns/v0.2.0",
        "@id": "https://e.example/vex",
        "author": "a",
        "timestamp": "2026-01-01T00:00:00Z",
        "version": 1,
        "statements": [
            {"vulnerability": {"name": "CVE-2014-1"}, "products": [{"@id": "pkg:generic/a@1"}], "status": "fixed"}
        ],
    },
    "custom": {"any": "thing"},
}

# By ours, those that in-toto's own package has a model of; but for summaries, whose levels its model takes
# for one text, where SLSA's specification has a list.
IN_TOTO = {
    "slsa-provenance": {
        "buildDefinition": {
            "buildType": "https://e.example/t",
            "externalParameters": {"a": {"b": 1}},
            "resolvedDependencies": [{"uri": "git+https://e.example/r", "digest": {"gitCommit": "8f" * 20}}],
        },
        "runDetails": {
            "builder": {"id": "https://e.example/b", "version": {"b": "1"}},
            "metadata": {"invocationId": "7", "startedOn": "2026-01-01T00:00:00Z"},
        },
    },
    "test-result": {"result": "PASSED", "configuration": [{"name": "ci.yml", "digest": DIGEST}], "passedTests": ["a"]},
    "scai": {"attributes": [{"attribute": "X", "evidence": {"name": "e", "digest": DIGEST}}]},
    "in-toto-link": {"name": "build", "command": ["make"], "materials": [{"name": "main.c", "digest": DIGEST}]},
}


def state(world, identity, file: Path, kind: str, predicate: dict, bundle: Path) -> None:
    """Our signed statement of that type about a file."""
    given = world.new_file("predicate.json", json.dumps(predicate).encode())
    words = ["--type", kind, "--predicate", given, "--subject", file, "--sign", "-o", bundle]
    world.attest("provenance", "statement", *words, "--home", identity.home, "--no-password").accepted()


def accepts_our_statements_of_all_its_types(world):
    """And none as another: cosign's names mean to us what they mean to it."""
    for kind, predicate in COSIGN.items():
        file = world.new_file("tool.bin")
        state(world, world.identity, file, kind, predicate, beside(file))
        verify_statement(world, [file], beside(file), kind, **trust(world.identity)).accepted()
        world.verify(file, "--type", kind, **trust(world.identity)).accepted()
        other = "vuln" if kind != "vuln" else "openvex"
        verify_statement(world, [file], beside(file), other, **trust(world.identity)).refused("")
        world.verify(file, "--type", other, **trust(world.identity)).says_no("predicate-not-requested")


def makes_statements_of_all_its_types_that_we_accept(world):
    key = key_pair(world)
    theirs = {"key": key.with_suffix(".pub"), "root": world.stack.root}
    for kind, predicate in COSIGN.items():
        file = world.new_file("tool.bin")
        attest_blob(world, file, key, kind, json.dumps(predicate).encode())
        world.verify(file, "--type", kind, **theirs).accepted()
        other = "vuln" if kind != "vuln" else "openvex"
        world.verify(file, "--type", other, **theirs).says_no("predicate-not-requested")
