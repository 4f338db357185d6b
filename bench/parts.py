"""What is measured: each part makes its inputs, lets the contenders take turns, and prints a table."""

import hashlib
import json
import os
import shutil
import subprocess
import time
from pathlib import Path

from measure import Contender, once, race, table
from suite import conformance, install
from suite.bundles import beside
from suite.cosign import key_pair

MIB = 1 << 20


def small(world, args) -> None:
    """One small file: key, log and time, the whole process, offline"""
    file = world.new_file("small.bin", os.urandom(4096))
    world.sign(world.identity, file)
    ours, theirs = verifiers(world, file)
    race(world, [ours, theirs], args.runs)
    table([ours, theirs], against=theirs)


def large(world, args) -> None:
    """A file of 1 GiB: the same bundle verified, and signed anew"""
    file = world.new_folder("large") / "large.bin"
    write_random(file, 1 << 30)
    world.sign(world.identity, file)
    verify, their_verify = verifiers(world, file)
    hashing = Contender("openssl dgst -sha256", ["openssl", "dgst", "-sha256", file])
    bundle = file.with_name("large.theirs.json")
    key = key_pair(world)
    sign = Contender(
        "attest sign",
        [world.binary, "sign", "--home", world.identity.home, "--no-password", file],
        before=lambda: beside(file).unlink(missing_ok=True),
    )
    their_sign = Contender(
        "cosign sign-blob (Rekor v2, authority on loopback)",
        [
            world.go("cosign"),
            "sign-blob",
            "--key",
            key,
            "--signing-config",
            world.stack.signing_config,
            "--trusted-root",
            world.stack.root,
            "-y",
            "--bundle",
            bundle,
            file,
        ],
        extra={"COSIGN_PASSWORD": ""},
    )
    contenders = [hashing, sign, their_sign, verify, their_verify]
    race(world, contenders, args.long_runs)
    table(contenders, against=hashing, unit="s")


def folder(world, args) -> None:
    """A folder of signed files, a bundle for each: one run, against a shell loop"""
    place = world.new_folder("folder")
    files = [place / f"{number:04}.bin" for number in range(args.signed)]
    for file in files:
        file.write_bytes(os.urandom(2048))
    world.sign(world.identity, *files)
    trust = ["--key", world.identity.public, "--trusted-root", world.identity.root]
    once = Contender(
        f"attest verify: a folder of {args.signed} files",
        [world.binary, "verify", place, "--accept", "no-names", *trust],
    )
    words = " ".join(f"'{word}'" for word in trust)
    ours = f'for f in *.bin; do "{world.binary}" verify "$f" {words} -q || exit 1; done'
    theirs = (
        f'for f in *.bin; do "{world.go("cosign")}" verify-blob {words} --use-signed-timestamps'
        ' --bundle "$f.sigstore.json" "$f" 2>/dev/null || exit 1; done'
    )
    loops = [
        Contender(f"a loop of {name}", ["sh", "-c", f"cd '{place}' && {loop}"])
        for name, loop in (("attest verify", ours), ("cosign verify-blob", theirs))
    ]
    race(world, [once, *loops], 1)
    table([once, *loops], against=loops[-1], unit="s")


def log(world, args) -> None:
    """The log: durable appends, and a log of a million entries"""
    done = subprocess.run(
        [os.environ["BENCH_LOG"], str(world.new_folder("log"))], stdout=subprocess.PIPE, text=True, check=True
    )
    print(done.stdout, end="", flush=True)


def decisions(world, args) -> None:
    """A policy over many attestations of one file: a test result with a condition, and provenance from one repository"""
    place = world.new_folder("decisions")
    artifact, policy, bundles = place / "artifact", place / "policy.toml", place / "bundles"
    artifact.write_bytes(os.urandom(2048))
    bundles.mkdir()
    identity = world.identity
    key = hashlib.sha256(identity.public.read_bytes()).hexdigest()
    policy.write_text(f"""version = 1
name = "bench"
serial = 1
[trust.ci]
kind = "keys"
keys = ["sha256:{key}"]
[[require]]
type = "test-result"
signed_by = "ci"
where = {{ failedTests = [] }}
[[require]]
type = "slsa-provenance"
signed_by = "ci"
source = "https://git.example.com/acme/app"
""")
    for number in range(args.attestations):
        kind = ("test-result", "slsaprovenance1")[number % 2]
        predicate = place / "predicate.json"
        predicate.write_text(json.dumps(DECIDED[kind](number)))
        words = ["--type", kind, "--predicate", predicate, "--subject", artifact, "--sign", "--no-password"]
        out = bundles / f"{number:05}.sigstore.json"
        world.attest("provenance", "statement", *words, "--home", identity.home, "-o", out).accepted()
    decide = [os.environ["BENCH_DECIDE"], policy, identity.public, identity.root, artifact, bundles]
    done = subprocess.run(list(map(str, decide)), stdout=subprocess.PIPE, text=True, check=True)
    print(done.stdout, flush=True)
    shutil.rmtree(place)


DECIDED = {
    "test-result": lambda number: {
        "result": "PASSED",
        "configuration": [{"name": "tests.toml", "digest": {"sha256": f"{number:064x}"}}],
        "passedTests": [f"suite-{number}/{test}" for test in range(20)],
        "failedTests": [],
    },
    "slsaprovenance1": lambda number: {
        "buildDefinition": {
            "buildType": "https://example.com/build/v1",
            "externalParameters": {},
            "resolvedDependencies": [
                {"uri": "git+https://git.example.com/acme/app", "digest": {"gitCommit": f"{number:040x}"}}
            ],
        },
        "runDetails": {"builder": {"id": "https://example.com/builder"}, "metadata": {"invocationId": str(number)}},
    },
}


def keyless(world, args) -> None:
    """Keyless bundles: one in a whole process, many in one, and 100,000 log entries that are refused"""
    place = os.environ.get("ATTEST_CONFORMANCE")
    if not place:
        print("NOT RUN: ATTEST_CONFORMANCE names no real bundles")
        return
    [subject, _] = conformance.subjects(Path(place) / "bundle-verify", "happy-path-v0.3")
    bundle = subject.folder / "bundle.sigstore.json"
    who = [conformance.IDENTITY, conformance.ISSUER]
    trust = ["--certificate-identity", who[0], "--certificate-oidc-issuer", who[1]]
    trust += ["--trusted-root", conformance.PUBLIC_GOOD]
    ours, theirs = keyless_verifiers(world, bundle, subject.artifact, trust)
    race(world, [ours, theirs], args.runs)
    table([ours, theirs], against=theirs)
    print(flush=True)

    rate = [os.environ["BENCH_RATE"], bundle, subject.artifact, conformance.PUBLIC_GOOD, *who]
    done = subprocess.run(list(map(str, rate)), stdout=subprocess.PIPE, text=True, check=True)
    print(done.stdout, flush=True)

    hostile = world.new_file("hostile.sigstore.json", with_entries(bundle, 100_000))
    ours, theirs = keyless_verifiers(world, hostile, subject.artifact, trust, " of 100,000 entries")
    ours.status = theirs.status = 1
    race(world, [ours, theirs], args.long_runs)
    table([ours, theirs], against=theirs)


def keyless_verifiers(world, bundle: Path, artifact: Path, trust: list, what: str = "") -> list[Contender]:
    words = [*trust, "--bundle", bundle, artifact]
    return [
        Contender(f"attest verify{what}", [world.binary, "verify", *words]),
        Contender(f"cosign verify-blob{what}", [world.go("cosign"), "verify-blob", *words]),
    ]


def with_entries(bundle: Path, count: int) -> bytes:
    document = json.loads(bundle.read_text())
    document["verificationMaterial"]["tlogEntries"] *= count // 1000
    entries = document["verificationMaterial"]["tlogEntries"]
    document["verificationMaterial"]["tlogEntries"] = entries + [{}] * (count - len(entries))
    return json.dumps(document).encode()


def release(world, args) -> None:
    """A release, against `sha256sum` and `cp` of the same files"""
    many = world.new_folder("many")
    for number in range(args.files):
        path = many / f"{number // 100:03}" / f"{number:06}.bin"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(os.urandom(2048))
    compare_release(world, many, f"{args.files} files of 2 KiB", args.long_runs)
    shutil.rmtree(many)
    big = world.new_folder("big")
    write_random(big / "big.bin", int(args.big * 1e9))
    compare_release(world, big, f"one file of {args.big:g} GB", 1)
    shutil.rmtree(big)


def archive(world, args) -> None:
    """Keeping a release and handing it over, against `sha256sum` and `cp` of the same files"""
    folder = world.new_folder("kept")
    # A member of a tar archive has less than 8 GiB.
    for half in ("one.bin", "two.bin"):
        write_random(folder / half, int(args.big * 1e9 / 2))
    scratch = world.new_folder("scratch")
    home, trust = scratch / "home", world.new_folder("kept-trust")
    words = ["--name", "bench", "--version", "1.0.0", "--init", "--no-password", "--home", home]
    prepare(world, "release", folder, *words)
    for name in ("release.pub", "trusted_root.json"):
        shutil.copy(folder / name, trust)
    signer = ["--key", trust / "release.pub", "--trusted-root", trust / "trusted_root.json"]
    out, vault = scratch / "out", scratch / "vault"

    def fresh() -> None:
        for made in (out, vault):
            if made.is_dir():
                shutil.rmtree(made)
            made.unlink(missing_ok=True)

    def ours(what: str, *words) -> Contender:
        return Contender(f"attest archive {what}", [world.binary, "archive", *words], before=fresh)

    def export(form: str) -> Contender:
        return ours(f"export --as {form}", "export", "bench@1.0.0", "--home", home, "--out", out, "--as", form)

    copy = f"cd '{folder}' && sha256sum * > '{scratch}/SHA256SUMS' && cp -R . '{out}' && sync -f '{scratch}'"
    theirs = Contender("sha256sum, cp, sync", ["sh", "-c", copy], before=fresh)
    bag = scratch / "bag"
    prepare(world, "archive", "export", "bench@1.0.0", "--home", home, "--out", bag)
    contenders = [
        ours("add", "add", folder, "--archive", vault, *signer),
        export("dir"),
        export("tar"),
        ours("verify of the bag", "verify", bag, *signer),
        ours("import", "import", bag, "--archive", vault, *signer),
        theirs,
    ]
    print(f"{args.big:g} GB in two files:\n", flush=True)
    race(world, contenders, 1)
    table(contenders, against=theirs, unit="s")
    fresh()
    shutil.rmtree(bag)
    print("\nFixity of that archive, every byte:\n", flush=True)
    contenders = fixity(world, home)
    race(world, contenders, args.long_runs)
    table(contenders, against=contenders[-1], unit="s")
    shutil.rmtree(folder)
    shutil.rmtree(scratch)


def prepare(world, *words) -> None:
    """What the suite would give up after two minutes."""
    once(world, Contender("attest", [world.binary, *words]))


def fixity(world, home: Path) -> list[Contender]:
    blobs = home / "archive" / "blobs" / "sha256"
    sums = world.new_file("blobs.sha256")
    sums.write_text("".join(f"{it.name}  {it.name}\n" for it in sorted(blobs.iterdir())))
    ours = [world.binary, "archive", "fixity", "--all", "--no-record", "--home", home]
    check = ["sha256sum", "-c", "--quiet", "--strict", sums]
    return [Contender("attest archive fixity --all", ours), Contender("sha256sum -c", check, cwd=blobs)]


def shelf(world, args) -> None:
    """Many small releases in one archive"""
    scratch = world.new_folder("shelf")
    home = scratch / "home"
    world.attest("init", "--no-password", "--home", home).accepted()
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    subprocess.run([os.environ["BENCH_SHELF"], str(home), str(args.releases), now], check=True)
    print(f"Each of one file of 2 KiB and its statement; {args.releases} of them:\n", flush=True)
    at = ["--home", home]

    def ours(what: str, *words) -> Contender:
        return Contender(f"attest archive {what}", [world.binary, "archive", *words, *at])

    vault = scratch / "vault"

    def fresh() -> None:
        shutil.rmtree(vault, ignore_errors=True)

    copy = ours("copy to an empty folder", "copy", "--to", vault)
    copy.before = fresh
    # The last: each renewal is kept, and would be read by those after it.
    renew = ours("renew --all", "renew", "--all", "--self-asserted", "--no-password")
    checked = fixity(world, home)
    contenders = [ours("list", "list"), ours("verify", "verify"), copy, *checked, renew]
    race(world, contenders, 1)
    table(contenders, against=checked[-1], unit="s")
    shutil.rmtree(scratch)


def bill(world, args) -> None:
    """A bill of materials of a lock file of 500 crates"""
    place = world.new_folder("bill")
    crates, project = place / "crates", place / "project"
    for number in range(500):
        needs = [f"c{other:03}" for other in {number // 2, number // 3, number - 1} if 0 <= other < number]
        package(crates / f"c{number:03}-1.0.{number}", f"c{number:03}", f"1.0.{number}", needs)
    package(project, "top", "1.0.0", [f"c{number:03}" for number in range(500)])
    (project / ".cargo").mkdir()
    (project / ".cargo" / "config.toml").write_text(
        f'[source.crates-io]\nreplace-with = "here"\n[source.here]\ndirectory = "{crates}"\n[net]\noffline = true\n'
    )
    homes = {"CARGO_HOME": ".cargo", "RUSTUP_HOME": ".rustup"}
    extra = {name: os.environ.get(name) or str(Path.home() / folder) for name, folder in homes.items()}
    world.run(["cargo", "generate-lockfile"], cwd=project, extra=extra).accepted()
    version = world.expected.versions["cargo-cyclonedx"]
    program = install.cache() / "cargo" / f"cargo-cyclonedx-{version}" / "bin" / "cargo-cyclonedx"
    words = ["cyclonedx", "--format", "json", "--spec-version", "1.5", "--all", "--target", "all"]
    made = place / "ours.json"
    ours = Contender(
        "attest sbom make", [world.binary, "sbom", "make", project, "-o", made], before=lambda: made.unlink(missing_ok=True)
    )
    theirs = Contender(f"cargo cyclonedx {version}", [program, *words], cwd=project, extra=extra)
    race(world, [ours, theirs], args.runs)
    counts = [len(json.loads(it.read_text())["components"]) for it in (made, project / "top.cdx.json")]
    print(f"Components that each names: {counts[0]} and {counts[1]}.\n", flush=True)
    table([ours, theirs], against=theirs)
    shutil.rmtree(place)


def package(folder: Path, name: str, version: str, needs: list[str]) -> None:
    """A crate as a directory source has it."""
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "lib.rs").write_text("")
    needs = "".join(f'{it} = "1"\n' for it in sorted(needs))
    manifest = f'[package]\nname = "{name}"\nversion = "{version}"\nlicense = "MIT"\n[dependencies]\n{needs}'
    (folder / "Cargo.toml").write_text(manifest)
    digest = hashlib.sha256(name.encode()).hexdigest()
    (folder / ".cargo-checksum.json").write_text(json.dumps({"files": {}, "package": digest}))


def tree(world, args) -> None:
    """A deployed tree: every attribute against a signed manifest, and the bytes alone"""
    place = world.new_folder("tree")
    top = place / "top"
    count = args.tree_files
    for number in range(count):
        path = top / f"{number // 10_000:03}" / f"{number // 100 % 100:02}" / f"{number:07}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(args.tree_bytes // count))
    manifest = snapshot(world, top)
    contenders = [tree_verify(world, top, manifest), *listed(place, top)]
    if shutil.which("aide"):
        contenders.append(aide(world, place, top))
    what = f"{count:,} files, {args.tree_bytes / 1e6:,.0f} MB"
    print(f"Warm, {what}:\n", flush=True)
    race(world, contenders, args.long_runs)
    table(contenders, against=contenders[0], unit="s")
    if os.access("/proc/sys/vm/drop_caches", os.W_OK):
        print(f"\nCold (page cache, inodes and names dropped before each), {what}:\n", flush=True)
        for contender in contenders:
            contender.runs.clear()
            contender.before = drop_caches
        race(world, contenders, args.long_runs)
        table(contenders, against=contenders[0], unit="s")
    shutil.rmtree(place)
    many = args.tree_many
    if many:
        place = world.new_folder("many-trees")
        for number in range(many):
            path = place / "top" / f"{number // 10_000:03}" / f"{number:07}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"%d" % number)
        manifest = snapshot(world, place / "top")
        contenders = [tree_verify(world, place / "top", manifest)]
        print(f"\nWarm, {many:,} files of a few bytes:\n", flush=True)
        race(world, contenders, 1)
        table(contenders, against=contenders[0], unit="s")
        shutil.rmtree(place)


def snapshot(world, top: Path) -> Path:
    manifest = top.parent / "top.tree"
    signing = ["--sign", "--home", world.identity.home, "--no-password"]
    world.attest("tree", "snapshot", top, "-o", manifest, *signing).accepted()
    return manifest


def tree_verify(world, top: Path, manifest: Path) -> Contender:
    trust = ["--key", world.identity.public, "--trusted-root", world.identity.root]
    return Contender("attest tree verify", [world.binary, "tree", "verify", top, "--manifest", manifest, *trust])


def listed(place: Path, top: Path) -> list[Contender]:
    """The checksum tools, with a list that each of them wrote."""
    contenders = []
    for tool, check in (("sha256sum", ["-c", "--quiet", "--strict"]), ("b3sum", ["--check", "--quiet"])):
        program = shutil.which(tool)
        if program is None:
            print(f"NOT RUN: {tool} is not installed", flush=True)
            continue
        sums = place / f"{tool}.list"
        line = f"find . -type f -print0 | xargs -0 -n 1000 '{program}' > '{sums}'"
        subprocess.run(["sh", "-c", line], cwd=top, check=True)
        contenders.append(Contender(f"{tool} {check[0]}: bytes of listed files alone", [program, *check, sums], cwd=top))
    return contenders


def aide(world, place: Path, top: Path) -> Contender:
    rules = place / "aide.conf"
    rules.write_text(
        f"database_in=file:{place}/aide.db\ndatabase_out=file:{place}/aide.db\ngzip_dbout=no\n"
        f"report_url=stdout\n{top} ftype+p+u+g+n+s+l+acl+xattrs+caps+sha256\n"
    )
    subprocess.run(["aide", "--init", "-c", rules], stdout=subprocess.DEVNULL, check=True)
    return Contender("aide --check", ["aide", "--check", "-c", rules])


def drop_caches() -> None:
    os.sync()
    Path("/proc/sys/vm/drop_caches").write_text("3\n")


def compare_release(world, folder: Path, what: str, runs: int) -> None:
    scratch = world.new_folder("scratch")

    def fresh() -> None:
        shutil.rmtree(scratch)
        scratch.mkdir()

    ours = Contender(
        f"attest release: {what}",
        [
            world.binary,
            "release",
            folder,
            "--name",
            "bench",
            "--version",
            "1.0.0",
            "--init",
            "--no-password",
            "--home",
            scratch / "home",
            "--out",
            scratch / "out",
        ],
        before=fresh,
        extra={"ATTEST_CHECKPOINT": str(scratch / "checkpoint-copy")},
    )
    copy = (
        f"cd '{folder}' && find . -type f -print0 | sort -z | xargs -0 sha256sum > '{scratch}/SHA256SUMS'"
        f" && cp -R . '{scratch}/copy'"
    )
    theirs = Contender(f"sha256sum, cp: {what}", ["sh", "-c", copy], before=fresh)
    durable = Contender(f"sha256sum, cp, sync: {what}", ["sh", "-c", f"{copy} && sync -f '{scratch}'"], before=fresh)
    race(world, [ours, theirs, durable], runs)
    table([ours, theirs, durable], against=theirs, unit="s")
    shutil.rmtree(scratch)
    print(flush=True)


def verifiers(world, file: Path) -> tuple[Contender, Contender]:
    trust = ["--key", world.identity.public, "--trusted-root", world.identity.root]
    ours = Contender("attest verify", [world.binary, "verify", file, *trust])
    theirs = Contender(
        "cosign verify-blob",
        [world.go("cosign"), "verify-blob", *trust, "--use-signed-timestamps", "--bundle", beside(file), file],
    )
    return ours, theirs


def write_random(path: Path, size: int) -> None:
    """Random enough that nothing can take a short cut, and on disk before anyone measures."""
    block = os.urandom(16 * MIB)
    with path.open("wb") as file:
        for start in range(0, size, len(block)):
            file.write(block[: size - start])
        file.flush()
        os.fsync(file.fileno())


def build_example(checkout: Path, package: str, name: str) -> Path:
    """A crate's own measuring program."""
    target = install.target(checkout)
    install.say_and_run(
        ["cargo", "build", "--locked", "--release", "--package", package, "--example", name],
        {"CARGO_TARGET_DIR": str(target)},
        cwd=checkout,
    )
    return target / "release" / "examples" / name


def layout(world, args) -> None:
    """A layout of 100 steps with 100 links of 100 files: the chain of links"""
    place = world.new_folder("layout")
    (place / "links").mkdir()
    (place / "src").mkdir()
    for number in range(100):
        (place / "src" / f"{number:03}.c").write_bytes(os.urandom(64))
    for who in ("owner", "builder"):
        world.attest("key", "generate", place / f"{who}.key", "--no-password").accepted()
    steps = [word for number in range(100) for word in ("--step", f"s{number:03}:{place / 'builder.pub'}")]
    root = place / "root.layout"
    world.attest("provenance", "layout", "new", *steps, "--expires", "2099-01-01", "-o", root).accepted()
    world.attest("provenance", "layout", "sign", root, "--key", place / "owner.key", "--no-password").accepted()
    record = ["provenance", "run", "--signing-key", place / "builder.key", "--no-password", "--link-only"]
    for number in range(100):
        name = ["-n", f"s{number:03}", "-d", place / "links", "-m", ".", "-p", "."]
        world.attest(*record, *name, "--", "true", cwd=place / "src").accepted()
    by = [root, "--layout-key", place / "owner.pub", "--links", place / "links"]
    ours = Contender("attest provenance layout verify", [world.binary, "provenance", "layout", "verify", *by])
    reference = install.python_environment("in-toto") / "bin" / "in-toto-verify"
    words = ["-l", root, "--verification-keys", place / "owner.pub", "--link-dir", place / "links"]
    theirs = Contender("in-toto-verify 3.1.0", [reference, *words])
    contenders = [ours, theirs]
    race(world, contenders, args.runs)
    table(contenders, against=theirs)


def recording(world, args) -> None:
    """A recorded step: many files before it, as many after it"""
    place = world.new_folder("recording")
    print(f"{args.recorded} files of 2 KiB:\n")
    for number in range(args.recorded):
        file = place / "src" / f"{number // 1000:02}" / f"{number:05}.c"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(os.urandom(2048))
    plain = place / "builder.pem"
    curve = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]
    world.run(["openssl", "genpkey", *curve, "-out", plain]).accepted()

    def clean() -> None:
        for file in [*place.glob("*.link"), *place.glob("*.sigstore.json")]:
            file.unlink()

    def contender(name: str, *words) -> Contender:
        return Contender(name, [*words, "true"], before=clean, cwd=place)

    step = ["-n", "build", "-m", "src", "-p", "src"]
    run = [world.binary, "provenance", "run", *step, "--no-password"]
    link = contender("attest provenance run: the link", *run, "--link-only", "--signing-key", plain, "--")
    whole = contender("attest provenance run: link, provenance, log", *run, "--home", world.identity.home, "--")
    reference = install.python_environment("in-toto") / "bin" / "in-toto-run"
    words = [*step, "--signing-key", plain, "--run-timeout", "600", "--"]
    theirs = contender("in-toto-run 3.1.0: the link", reference, *words)
    contenders = [link, whole, theirs]
    race(world, contenders, args.long_runs)
    table(contenders, against=theirs, unit="s")
    clean()
