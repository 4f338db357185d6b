"""Bouncy Castle: an independent reader of evidence records (RFC 4998)."""

import shutil
from pathlib import Path

from suite import install
from suite.cases import Peer
from suite.evidence_record import Renewal, links, renewals
from suite.process import check
from suite.world import HELLO, flipped

HERE = Path(__file__).resolve().parent / "bouncy-castle"


def jars(version: str) -> Path:
    return install.cache() / "maven" / f"bouncy-castle-{version}"


def install_jars(version: str) -> None:
    """The jars that pom.xml names, through Maven."""
    install.apt_install("javac", "openjdk-17-jdk-headless")
    install.apt_install("mvn", "maven")
    target = jars(version)
    with install.lock("maven-bouncy-castle"):
        if target.exists():
            return
        if f"<version>{version}</version>" not in (HERE / "pom.xml").read_text():
            raise LookupError(f"pom.xml names another version than {version}")
        staging = target.with_name(f"{target.name}.partial")
        shutil.rmtree(staging, ignore_errors=True)
        goal = ["dependency:copy-dependencies", f"-DoutputDirectory={staging}"]
        install.say_and_run(["mvn", "-q", "-B", "-f", str(HERE / "pom.xml"), *goal])
        staging.rename(target)


bouncy_castle = Peer("bouncy-castle", install=install_jars)


def judge(world, record: bytes, document: bytes, chain: Path):
    files = [world.new_file("record.ers", record), world.new_file("covered.txt", document)]
    classes = f"{jars(world.expected.versions['bouncy-castle'])}/*"
    return world.run(["java", "-cp", classes, HERE / "EvidenceRecord.java", *files, chain], offline=True)


def covers(record: bytes, document: bytes) -> bool:
    """Whether each list that must hold the hash of what is covered holds that of this document."""
    try:
        return bool(links(Renewal(document, record)))
    except ValueError:
        return False


def renewed(world):
    """Three releases, renewed three times by the home's own authority, the last time with another hash."""
    identity = world.new_identity()
    for name in ("one", "two", "three"):
        world.release(identity, HELLO, name)
    for more in ([], [], ["--hash", "sha512"]):
        renew = ["archive", "renew", "--home", identity.home, "--all", "--self-asserted", "--no-password"]
        world.attest(*renew, *more).accepted()
    found = renewals(identity.archive)
    check(len(found) == 9, f"{len(found)} renewals")
    return found, identity.home / "trust" / "tsa-chain.pem"


@bouncy_castle.case
def accepts_every_record_of_every_renewal(world):
    found, chain = renewed(world)
    for renewal in found:
        judge(world, renewal.record, renewal.document, chain).accepted()


@bouncy_castle.case
def refuses_another_document_another_record_and_another_authority(world):
    found, chain = renewed(world)
    one, refused = found[0], 0
    for other in {it.document for it in found} - {one.document}:
        answer = judge(world, one.record, other, chain)
        # A record lists its neighbour in the tree beside its own document (RFC 4998 section 4.2), and so covers both.
        if covers(one.record, other):
            answer.accepted()
        else:
            answer.refused("hash not found")
            refused += 1
    check(refused > 0, "no other document was refused")
    judge(world, one.record, one.document + b"\n", chain).refused("hash not found")
    judge(world, one.record, one.document, world.stranger.home / "trust" / "tsa-chain.pem").refused("refused")
    file = world.new_file("record", one.record)
    with flipped(file):
        judge(world, file.read_bytes(), one.document, chain).refused("refused")
