"""Places on the network that keep archives and releases: object stores, and a web server that takes PUT."""

import json
from pathlib import Path

from suite import install
from suite.cases import Peer
from suite.process import check
from suite.world import HELLO

HERE = Path(__file__).parent

versitygw = Peer(
    "versitygw",
    install=lambda version: install.go_install("versitygw", "github.com/versity/versitygw/cmd/versitygw", version),
)
# What `rclone serve s3` of rclone 1.75.1 is built on, without all the other stores that rclone has.
rclone_gofakes3 = Peer(
    "rclone-gofakes3",
    install=lambda version: install.go_build("rclone-gofakes3", HERE / "rclone-gofakes3", version),
)
nginx = Peer("nginx", install=lambda version: install.apt_install("nginx", "nginx-light", version))

KEY = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "a-secret-of-the-store"}


class Bucket:
    """The bucket `releases` of a real store; its objects are files below `folder`, where it keeps them so."""

    def __init__(self, world, name: str, port: int, command: list, folder: Path | None = None):
        self.world, self.folder = world, folder
        self.login = {**KEY, "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{port}"}
        if name not in world.servers.running:
            world.servers.start(name, command, f"tcp:127.0.0.1:{port}")

    def attest(self, *args):
        return self.world.attest(*args, extra=self.login)


def gateway(world) -> Bucket:
    folder = world.folder / "versitygw"
    (folder / "releases").mkdir(parents=True, exist_ok=True)
    access = ["--access", KEY["AWS_ACCESS_KEY_ID"], "--secret", KEY["AWS_SECRET_ACCESS_KEY"]]
    command = [world.go("versitygw"), *access, "--port", "127.0.0.1:7070", "posix", folder]
    return Bucket(world, "versitygw", 7070, command, folder / "releases")


def web(world) -> tuple[str, Path]:
    """A web server with DAV, and the folder that it serves."""
    folder = world.folder / "nginx"
    root = folder / "root"
    if "nginx" not in world.servers.running:
        root.mkdir(parents=True)
        temporary = "".join(
            f"{name}_temp_path {folder}/temporary;" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        (folder / "nginx.conf").write_text(
            f"user root; daemon off; pid {folder}/pid; error_log {folder}/error.log; events {{}}\n"
            f"http {{ access_log off; {temporary} server {{ listen 127.0.0.1:7072; root {root}; client_max_body_size 0;"
            " location / { dav_methods PUT; create_full_put_path on; } } }\n"
        )
        command = ["nginx", "-p", folder, "-c", folder / "nginx.conf"]
        world.servers.start("nginx", command, "tcp:127.0.0.1:7072")
    return "http://127.0.0.1:7072", root


def publish(bucket_or_world, release, target: str):
    """The same release once more, to a target; what it says of it."""
    name, version = release.name.split("@")
    said = bucket_or_world.attest(
        "release", release.folder, "--home", release.identity.home, "--name", name, "--version", version,
        "--no-password", "--format", "json", "--publish", target,
    )  # fmt: skip
    return said, json.loads(said.stdout)["published"][0]


@versitygw.case
def keeps_an_archive_and_gives_it_back(world):
    bucket, identity = gateway(world), world.new_identity()
    world.release(identity, HELLO, "kept")
    home = ["--home", identity.home]
    bucket.attest("archive", "copy", *home, "--to", "s3://releases/vault").accepted()
    bucket.attest("archive", "fixity", *home, "--replica", "s3://releases/vault").accepted()
    blobs = sorted((identity.archive / "blobs" / "sha256").iterdir())
    for blob in blobs:
        there = bucket.folder / "vault" / "blobs" / "sha256" / blob.name
        check(there.read_bytes() == blob.read_bytes(), f"{blob.name} is something else there")
    # Everything that was lost comes back; and the bucket, copied to a disk, is an archive.
    for blob in blobs:
        blob.unlink()
    bucket.attest("archive", "repair", *home, "--from", "s3://releases/vault").accepted()
    world.attest("archive", "verify", *home, offline=True).accepted()


@versitygw.case
def says_with_us_that_an_object_is_another(world):
    bucket, identity = gateway(world), world.new_identity()
    world.release(identity, HELLO, "changed")
    home = ["--home", identity.home]
    bucket.attest("archive", "copy", *home, "--to", "s3://releases/changed").accepted()
    first = sorted((bucket.folder / "changed" / "blobs" / "sha256").iterdir())[0]
    first.write_bytes(b"#" + first.read_bytes()[1:])
    bucket.attest("archive", "fixity", *home, "--replica", "s3://releases/changed").exits(1).refused("blob-corrupt")
    # A login that is none, and a bucket that is none.
    wrong = {**bucket.login, "AWS_SECRET_ACCESS_KEY": "another"}
    copy = ["archive", "copy", *home, "--to"]
    world.attest(*copy, "s3://releases/changed", extra=wrong).exits(3).refused("place-denied")
    bucket.attest(*copy, "s3://nobody/changed").exits(3).refused("place-http-status", "place-denied")


@versitygw.case
def gets_a_release_that_is_read_back_and_verified(world):
    bucket = gateway(world)
    release = world.release(world.new_identity(), HELLO, "published")
    said, published = publish(bucket, release, "s3://releases/published")
    said.accepted()
    check(published["verdict"] == "verified" and published["made"] > 0, str(said))
    said, published = publish(bucket, release, "s3://releases/published")
    check(said.accepted() and published["made"] == 0, str(said))
    (bucket.folder / "published" / "hello").write_bytes(b"another\n")
    said, published = publish(bucket, release, "s3://releases/published")
    check(said.exits(1) and published["code"] == "publish-differs", str(said))


@rclone_gofakes3.case
def overwrites_what_is_there_and_is_refused(world):
    program = world.go("rclone-gofakes3")
    bucket = Bucket(world, "rclone-gofakes3", 7073, [program, "127.0.0.1:7073"])
    release = world.release(world.new_identity(), HELLO, "refused")
    home = ["--home", release.identity.home]
    bucket.attest("archive", "copy", *home, "--to", "s3://releases/vault").exits(3).refused("place-unfit")
    said, published = publish(bucket, release, "s3://releases/published")
    check(said.exits(3) and published["code"] == "place-unfit", str(said))


@nginx.case
def takes_a_release_by_put_and_gives_it_as_it_is(world):
    (address, root), release = web(world), world.release(world.new_identity(), HELLO, "put")
    target = f"{address}/raw/put/1.0.0/"
    said, published = publish(world, release, target)
    check(said.accepted() and published["made"] > 0, str(said))
    for path in release.listed():
        there = root / "raw/put/1.0.0" / path
        check(there.read_bytes() == (release.folder / path).read_bytes(), f"{path} is something else there")
    said, published = publish(world, release, target)
    check(said.accepted() and published["made"] == 0, str(said))


@nginx.case
def has_something_else_and_keeps_it(world):
    (address, root), release = web(world), world.release(world.new_identity(), HELLO, "other")
    there = root / "raw/other/1.0.0/SHA256SUMS"
    there.parent.mkdir(parents=True)
    there.write_text("somebody else's\n")
    said, published = publish(world, release, f"{address}/raw/other/1.0.0")
    check(said.exits(1) and published["code"] == "publish-differs", str(said))
    check([it.name for it in there.parent.iterdir()] == ["SHA256SUMS"], "something was written")
