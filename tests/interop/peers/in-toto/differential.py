"""Asks in-toto's reference implementation and ours the same random questions, and counts where they differ.

    differential.py ORACLE canonical|pattern|rules COUNT [SEED]

Prints one JSON object: how many questions, and how often each difference was seen. A difference that has
no name here is printed with its question, and is an exit code of 1.
"""

import collections
import fnmatch
import json
import random
import subprocess
import sys

from in_toto.exceptions import RuleVerificationError
from in_toto.models.link import Link
from in_toto.verifylib import verify_item_rules
from securesystemslib.exceptions import FormatError
from securesystemslib.formats import encode_canonical

ORACLE, WHAT, COUNT = sys.argv[1], sys.argv[2], int(sys.argv[3])
RANDOM = random.Random(int(sys.argv[4]) if len(sys.argv) > 4 else 1)

PIECES = ["*", "?", "a", "b", "foo", "src", "/", ".py", "[ab]", "[!a]", "[a-c]", "é", "**", "."]
ODD_PIECES = ["[^a]", "[", "]", "\\", "..", "//", "[a-]", "[]a]", "[z-a]", "{x}"]
NAMES = ["a", "b", "foo", "bar", "a.py", "foo.py", ".git", "é", "x y"]
ODD_NAMES = ["..", ".", "", "a\\b", "c\nd"]
SHA256 = ["1" * 64, "2" * 64]


def pattern() -> str:
    pieces = [RANDOM.choice(PIECES) for _ in range(RANDOM.randint(1, 4))]
    if RANDOM.random() < 0.1:
        pieces[RANDOM.randrange(len(pieces))] = RANDOM.choice(ODD_PIECES)
    return "".join(pieces)


def path(odd: float = 0.002) -> str:
    names = [RANDOM.choice(NAMES) for _ in range(RANDOM.randint(1, 3))]
    if RANDOM.random() < 0.3:
        names.insert(0, "src")
    if RANDOM.random() < odd:
        names[RANDOM.randrange(len(names))] = RANDOM.choice(ODD_NAMES)
    return "/".join(names)


def digests() -> dict:
    found = {"sha256": RANDOM.choice(SHA256)}
    if RANDOM.random() < 0.05:
        found["sha512"] = RANDOM.choice("12") * 128
    if RANDOM.random() < 0.001:
        found = {}
    return found


def files(paths: list[str]) -> dict:
    return {
        kind: {it: digests() for it in paths if RANDOM.random() < 0.6} for kind in ("materials", "products")
    }


def any_case(word: str) -> str:
    return RANDOM.choice([word, word.lower(), word.title()])


def rule(paths: list[str]) -> list[str]:
    kind = RANDOM.choice(["CREATE", "DELETE", "MODIFY", "ALLOW", "MATCH", "MATCH", "DISALLOW", "REQUIRE"])
    if kind == "REQUIRE":
        return [any_case(kind), RANDOM.choice(paths)]
    if kind != "MATCH":
        narrow = kind == "DISALLOW" or RANDOM.random() < 0.5
        return [any_case(kind), RANDOM.choice(paths) if narrow and RANDOM.random() < 0.7 else pattern()]
    words = [any_case(kind), RANDOM.choice([pattern(), "*"])]
    if RANDOM.random() < 0.3:
        words += [any_case("IN"), RANDOM.choice(["src", "src/", "a", "sr*"])]
    words += [any_case("WITH"), any_case(RANDOM.choice(["MATERIALS", "PRODUCTS"]))]
    if RANDOM.random() < 0.3:
        words += [any_case("IN"), RANDOM.choice(["src", "a/", "foo"])]
    return [*words, any_case("FROM"), RANDOM.choice(["other", "item", "nobody"])]


def value(depth: int = 3):
    choice = RANDOM.random()
    if depth and choice < 0.3:
        return [value(depth - 1) for _ in range(RANDOM.randint(0, 3))]
    if depth and choice < 0.6:
        return {text(): value(depth - 1) for _ in range(RANDOM.randint(0, 4))}
    if choice < 0.8:
        return text()
    return RANDOM.choice(
        [None, True, False, 0, RANDOM.randint(-(2**63), 2**64 - 1), RANDOM.randint(-5, 5)]
        + [RANDOM.choice([1.5, 1e30, 2**64, -(2**63) - 1])] * (RANDOM.random() < 0.05)
    )


def text() -> str:
    letters = ["a", "B", '"', "\\", "/", "\n", "\t", "\0", "\x7f", "é", "e\u0301", "\ufb33", "\U0001f600", "\u2028", "z"]
    return "".join(RANDOM.choice(letters) for _ in range(RANDOM.randint(0, 4)))


def spelled(value) -> str:
    written = json.dumps(value, ensure_ascii=RANDOM.random() < 0.5, indent=RANDOM.choice([None, 1]))
    odd = RANDOM.random()
    if odd < 0.005:
        return '{"a": 1, "a": 1}'
    if odd < 0.01:
        return '["\\ud800"]'
    if odd < 0.015:
        return "[-0]"
    return written


def questions():
    for _ in range(COUNT):
        if WHAT == "canonical":
            yield {"canonical": spelled(value())}
        elif WHAT == "pattern":
            yield {"pattern": pattern(), "paths": [path(0) for _ in range(8)]}
        else:
            paths = sorted({path() for _ in range(6)})
            yield {
                "rules": [rule(paths) for _ in range(RANDOM.randint(1, 6))],
                "kind": RANDOM.choice(["materials", "products"]),
                "item": (item := files(paths)), "items": {"item": item, "other": files(paths)},
            }


def reference(question: dict):
    if WHAT == "canonical":
        try:
            return {"hex": encode_canonical(json.loads(question["canonical"])).encode("utf-8", "surrogatepass").hex()}
        except FormatError:
            return {"refused": "FormatError"}
    if WHAT == "pattern":
        return {"matches": [bool(fnmatch.filter([it], question["pattern"])) for it in question["paths"]]}
    links = {name: Link(name=name, **it) for name, it in question["items"].items()}

    def holds(rules) -> bool:
        verify_item_rules("item", question["kind"], rules, links)
        return True

    try:
        holds(question["rules"])
    except RuleVerificationError as error:
        return {"refused": "rule-required" if "REQUIRE" in str(error).split("\n")[0].upper() else "rule-disallowed"}
    left = []
    for it in sorted(question["item"][question["kind"]]):
        try:
            holds([*question["rules"], ["REQUIRE", it]])
            left.append(it)
        except RuleVerificationError:
            pass
    return {"left": left}


def one_algorithm_more(question: dict) -> bool:
    """A file whose digests differ, but in none that both sides give: changed for the reference, not for us."""
    if not any(it[0].upper() == "MODIFY" for it in question["rules"]):
        return False
    before, after = question["item"]["materials"], question["item"]["products"]
    return any(
        before[it] != after[it] and all(before[it][name] == after[it][name] for name in before[it].keys() & after[it].keys())
        for it in before.keys() & after.keys()
    )


def difference(question: dict, ours: dict, theirs: dict) -> str | None:
    """The name of a difference that is meant, as docs/layouts.md lists it; None if there is none."""
    if ours == theirs:
        return None
    if "refused" in ours and ours["refused"] not in ("rule-disallowed", "rule-required"):
        if WHAT == "canonical" and theirs == {"refused": "FormatError"}:
            return None
        return ours["refused"]
    if WHAT == "rules" and one_algorithm_more(question):
        return "one-algorithm-more"
    return "unexplained"


def main() -> int:
    asked = list(questions())
    lines = "".join(json.dumps(it) + "\n" for it in asked)
    said = subprocess.run([ORACLE], input=lines, capture_output=True, text=True, check=True).stdout.splitlines()
    seen: collections.Counter = collections.Counter()
    agreed = 0
    for question, line in zip(asked, said, strict=True):
        ours, theirs = json.loads(line), reference(question)
        name = difference(question, ours, theirs)
        agreed += name is None
        if name is not None:
            seen[name] += 1
        if name == "unexplained" and seen[name] <= 5:
            print(json.dumps({"question": question, "ours": ours, "reference": theirs}), file=sys.stderr)
    print(json.dumps({"questions": len(asked), "agreed": agreed, "differences": dict(sorted(seen.items()))}))
    return int("unexplained" in seen)


if __name__ == "__main__":
    sys.exit(main())
