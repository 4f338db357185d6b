"""Keycloak: a real OpenID provider, at which a person logs in with a browser, and then signs."""

import hashlib
import json
import shutil
from pathlib import Path

from suite import install
from suite.bundles import beside
from suite.cases import Peer
from suite.cosign import verify_blob_keyless
from suite.keyless import NEEDS
from suite.process import check

HERE = Path(__file__).resolve().parent / "keycloak"
BROWSER = Path(__file__).resolve().parent.parent / "suite" / "browser.py"
EMAIL = "rel@example.com"
PORT = 8180
ISSUER = f"http://localhost:{PORT}/realms/release"


def folder(version: str) -> Path:
    return install.cache() / "maven" / f"keycloak-{version}"


def install_distribution(version: str) -> None:
    """The archive of Maven Central with our realm in it, prepared for its start once."""
    install.apt_install("javac", "openjdk-17-jdk-headless")
    install.apt_install("mvn", "maven")
    install.apt_install("unzip", "unzip")
    target = folder(version)
    with install.lock("maven-keycloak"):
        if target.exists():
            return
        staging = target.with_name(f"{target.name}.partial")
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir(parents=True)
        artifact = f"org.keycloak:keycloak-quarkus-dist:{version}:zip"
        where = [f"-Dartifact={artifact}", f"-DoutputDirectory={staging}"]
        install.say_and_run(["mvn", "-q", "-B", "dependency:copy", *where])
        archive = staging / f"keycloak-quarkus-dist-{version}.zip"
        with archive.open("rb") as opened:
            found = hashlib.file_digest(opened, "sha256").hexdigest()
        if f"{found}  {archive.name}\n" != (HERE / "SHA256SUMS").read_text():
            raise LookupError(f"{archive.name} has {found}, which SHA256SUMS does not say")
        install.say_and_run(["unzip", "-q", str(archive), "-d", str(staging)])
        archive.unlink()
        unpacked = staging / f"keycloak-{version}"
        realms = unpacked / "data" / "import"
        realms.mkdir(parents=True)
        shutil.copy(HERE / "release-realm.json", realms)
        install.say_and_run([str(unpacked / "bin" / "kc.sh"), "build", "--db=dev-mem"])
        unpacked.rename(target)
        staging.rmdir()


keycloak = Peer("keycloak", install=install_distribution, needs=NEEDS)


def started(world):
    """Keycloak, and a Fulcio that takes its tokens: where a signer sends what it makes."""
    if "keycloak" not in world.servers.running:
        program = folder(world.expected.versions["keycloak"]) / "bin" / "kc.sh"
        here = ["--http-enabled=true", "--http-host=127.0.0.1", f"--http-port={PORT}", "--hostname-strict=false"]
        world.servers.start(
            "keycloak",
            [program, "start", "--optimized", "--import-realm", "--cache=local", *here],
            ready=f"{ISSUER}/.well-known/openid-configuration",
            seconds=300,
        )
    return world.stack.keyless.with_issuer("keycloak", ISSUER)


def sign(world, file: Path, signing, *more, login: str = "rel:pw"):
    services = ["--trust-config", signing.trust, "--oidc-login"]
    extra = {"BROWSER": str(BROWSER), "ATTEST_LOGIN": login}
    return world.attest("sign", file, *services, *more, extra=extra)


@keycloak.case
def lets_somebody_in_who_then_signs_as_whom_it_says(world):
    """The provider is that of the signing configuration; cosign and we verify who it was."""
    signing = started(world)
    identity = {"identity": EMAIL, "issuer": ISSUER, "root": world.stack.keyless.root}
    files = [world.new_file(name) for name in ("tool.bin", "named.bin")]
    sign(world, files[0], signing).accepted()
    sign(world, files[1], signing, "--oidc-issuer", ISSUER, "--oidc-client-id", "sigstore").accepted()
    for file in files:
        verify_blob_keyless(world, file, beside(file), **identity).accepted()
        world.verify_identity(file, **identity).accepted()
        world.verify_identity(file, **identity | {"issuer": f"{ISSUER}/"}).says_no("issuer-mismatch")


@keycloak.case
def lets_nobody_in_with_a_wrong_password_or_by_another_name(world):
    """Keycloak keeps such a browser to itself: nobody comes back, and that is said after a while."""
    signing = started(world)
    for more, login in (([], "rel:wrong"), (["--oidc-client-id", "another"], "rel:pw")):
        file = world.new_file("tool.bin")
        late = sign(world, file, signing, "--oidc-login-timeout", "8", *more, login=login)
        late.exits(3).refused("error[login-timeout]")
        check(not beside(file).exists(), "a bundle was written")
    file = world.new_file("tool.bin")
    other = sign(world, file, signing, "--oidc-issuer", f"http://localhost:{PORT}/realms/nobody")
    other.exits(3).refused("error[service-refused]")
    # What it says about itself is compared with what was asked for: by another address it is another.
    renamed = sign(world, file, signing, "--oidc-issuer", f"{ISSUER}/")
    renamed.exits(1).refused("error[login-issuer]")
    described = json.loads(signing.config.read_text())["oidcUrls"]
    check([it["url"] for it in described] == [ISSUER], str(described))
