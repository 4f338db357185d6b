"""One question to many judges: our fixtures and the conformance cases, put to the clients of others.

docs/differences.md says where their answer is not ours, and why. The table is the expectation: a
difference that is not in it fails, and so does a row that is no longer true.
"""

import base64
import json
import os
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from suite.conformance import IDENTITY, ISSUER, PUBLIC_GOOD, place, text_of
from suite.detached import ROOT, differences
from suite.process import check

FIXTURES = ROOT / "fixtures"


@dataclass(frozen=True)
class Question:
    """Did this signer sign that artifact, by this bundle and root? The right answer is known."""

    name: str
    bundle: Path
    artifact: Path
    root: Path
    key: Path | None
    identity: str
    issuer: str
    timestamped: bool  # as the accepted bundle that it was made from
    accepted: bool

    @cached_property
    def document(self) -> dict:
        return leniently(self.bundle)

    @property
    def is_statement(self) -> bool:
        return "dsseEnvelope" in self.document

    @property
    def predicate_type(self) -> str:
        try:
            payload = base64.b64decode(self.document["dsseEnvelope"]["payload"])
            return str(json.loads(payload)["predicateType"])
        except (ValueError, LookupError, TypeError):
            return "custom"

    def for_others(self) -> dict:
        """As the judges that read JSON get it."""
        return {
            "name": self.name,
            "bundle": str(self.bundle),
            "artifact": str(self.artifact),
            "root": str(self.root),
            "key": str(self.key) if self.key else None,
            "identity": self.identity,
            "issuer": self.issuer,
        }


def leniently(bundle: Path) -> dict:
    """A bundle, or an empty object: only to choose the words of a command line."""
    try:
        document = json.loads(bundle.read_bytes())
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def has_timestamps(bundle: Path) -> bool:
    material = leniently(bundle).get("verificationMaterial") or {}
    return bool((material.get("timestampVerificationData") or {}).get("rfc3161Timestamps"))


def fixtures() -> list[Question]:
    """The cases of fixtures/verify and fixtures/attacks that no flag weakens: others have other flags."""
    folders = {folder.name: folder for folder in (FIXTURES / "verify").iterdir() if folder.is_dir()}
    attacks = {file.parent for file in (FIXTURES / "attacks").glob("*/*/expect.toml")}
    return [
        question
        for folder in [*sorted(folders.values()), *sorted(attacks)]
        if (question := of_fixture(folder, folders)) is not None
    ]


def of_fixture(folder: Path, parents: dict[str, Path]) -> Question | None:
    line = [folder]
    tables = [tomllib.loads((folder / "expect.toml").read_text())]
    while parent := tables[-1].get("parent"):
        line.append(parents[parent])
        tables.append(tomllib.loads((line[-1] / "expect.toml").read_text()))

    def found(file: str) -> Path | None:
        return next((place / file for place in line if (place / file).exists()), None)

    def setting(key: str):
        return next((table[key] for table in tables if key in table), None)

    if setting("waive") or setting("claims") or "*" in (setting("identity") or ""):
        return None
    return Question(
        str(folder.relative_to(FIXTURES)),
        bundle=found("bundle.sigstore.json"),
        artifact=found("artifact"),
        root=found("trusted_root.json"),
        key=None if setting("identity") else found("key.pub"),
        identity=setting("identity") or "",
        issuer=setting("issuer") or "",
        timestamped=has_timestamps(line[-1] / "bundle.sigstore.json"),
        accepted="accept" in tables[0],
    )


def conformance() -> list[Question]:
    """The cases of the Sigstore conformance suite; none where they are left out."""
    folder = place()
    if folder is None:
        return []

    def question(case: Path) -> Question:
        def own(file: str, otherwise: Path | None) -> Path | None:
            return case / file if (case / file).exists() else otherwise

        return Question(
            f"conformance/{case.name}",
            bundle=case / "bundle.sigstore.json",
            artifact=own("artifact", folder / "a.txt"),
            root=own("trusted_root.json", PUBLIC_GOOD),
            key=own("key.pub", None),
            identity=text_of(case / "identity", IDENTITY),
            issuer=text_of(case / "issuer", ISSUER),
            timestamped=has_timestamps(case / "bundle.sigstore.json"),
            accepted=not case.name.endswith("_fail"),
        )

    cases = sorted(case for case in folder.iterdir() if case.is_dir())
    check(len(cases) == 70, f"{folder} has {len(cases)} cases, the suite has 70")
    return [question(case) for case in cases]


def ask(world, command: list, questions: list[Question]) -> dict[str, tuple[bool, str]]:
    """Puts the questions to a program that reads them from a file and answers with a line for each."""
    lines = "".join(json.dumps(question.for_others()) + "\n" for question in questions)
    output = world.run([*command, world.new_file("questions.jsonl", lines.encode())], offline=True).accepted()
    answers = [json.loads(line) for line in output.stdout.splitlines()]
    found = {answer["name"]: (answer["accepted"], answer["said"]) for answer in answers}
    check(found.keys() == {question.name for question in questions}, f"not an answer to each question\n{output}")
    return found


def ask_cosign(world, questions: list[Question]) -> dict[str, tuple[bool, str]]:
    """cosign has a command line and no library for others: a process for each question."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        outputs = list(pool.map(lambda question: world.run(cosign_words(world, question), offline=True), questions))
    return {
        question.name: (output.status == 0, output.stderr.strip()[-300:])
        for question, output in zip(questions, outputs, strict=True)
    }


def cosign_words(world, question: Question) -> list:
    signer = ["--certificate-identity", question.identity, "--certificate-oidc-issuer", question.issuer]
    if question.key:
        # With a key it looks at no time unless it is told to.
        signer = ["--key", question.key, *(["--use-signed-timestamps"] if question.timestamped else [])]
    command = ["verify-blob"]
    if question.is_statement:
        command = ["verify-blob-attestation", "--type", question.predicate_type]
    trust = ["--trusted-root", question.root, "--bundle", question.bundle]
    return [world.go("cosign"), *command, *signer, *trust, question.artifact]


def compare(client: str, questions: list[Question], answers: dict[str, tuple[bool, str]]) -> None:
    """The client differs from us exactly where the table says so."""
    written = differences(client)
    problems = []
    for question in questions:
        accepted, said = answers[question.name]
        differs = accepted != question.accepted
        if differs and question.name not in written:
            verb = "accepts" if accepted else "refuses"
            problems.append(f"{question.name}: {client} {verb}, and docs/differences.md does not say it: {said}")
        elif not differs and question.name in written:
            problems.append(f"{question.name}: docs/differences.md says that {client} differs, and it does not")
    asked = {question.name for question in questions}
    areas = {name.split("/")[0] for name in asked}
    gone = {name for name in written if name.split("/")[0] in areas} - asked
    problems += [f"{name}: docs/differences.md names no case of ours" for name in sorted(gone)]
    check(not problems, "\n".join(problems))
    if not questions:
        return
    check(any(accepted for accepted, _ in answers.values()), f"{client} refused all of {len(asked)}")
