"""cosign: its verifier on what we sign, its keys in our hands, our keys in its, its bundles here.

Always with --use-signed-timestamps: with --key alone cosign does not look at the RFC 3161 token.
"""

import json
import tomllib
from pathlib import Path

from suite import conformance, install, statements
from suite.bundles import Bundle, beside
from suite.cases import Peer
from suite.cosign import (
    PROVENANCE,
    RELEASE,
    attest_blob,
    by_digest,
    key_pair,
    sign_blob,
    trust,
    verify_blob,
    verify_blob_keyless,
    verify_statement,
)
from suite.detached import differences
from suite.differential import ask_cosign, compare, fixtures
from suite.keyless import NEEDS
from suite.process import check
from suite.world import HELLO, flipped

cosign = Peer(
    "cosign",
    install=lambda version: install.go_install("cosign", "github.com/sigstore/cosign/v3/cmd/cosign", version),
    needs=tuple(name for name in NEEDS if name != "cosign"),
)

PASSWORD = "correct horse"


# What we make, cosign accepts


@cosign.case
def accepts_a_file_that_we_signed(world):
    file = world.new_file("tool.bin")
    world.sign(world.identity, file)
    verify_blob(world, file, beside(file), **trust(world.identity)).accepted()
    world.verify(file, **trust(world.identity)).accepted()


@cosign.case
def accepts_the_first_entry_of_a_new_log(world):
    identity = world.new_identity()
    file = world.new_file("first.bin")
    world.sign(identity, file)
    entry = Bundle.read(beside(file)).entry
    check(entry["logIndex"] == "0", f"the first entry has the index {entry['logIndex']}")
    verify_blob(world, file, beside(file), **trust(identity)).accepted()


@cosign.case
def accepts_a_root_that_we_made_of_pem(world):
    """`attest trust create` from a log's key and an authority's certificates, and `trust import` of two roots."""
    file = world.new_file("created.bin")
    world.sign(world.identity, file)
    document = json.loads(world.identity.root.read_text())
    [log] = document["tlogs"]
    key = world.new_file("log.pub", pem("PUBLIC KEY", log["publicKey"]["rawBytes"]))
    [authority] = document["timestampAuthorities"]
    certificates = [pem("CERTIFICATE", it["rawBytes"]) for it in authority["certChain"]["certificates"]]
    chain = world.new_file("tsa.pem", b"".join(certificates))
    folder = world.new_folder("created")
    created, imported = folder / "created.json", folder / "imported.json"
    start = ["--start", log["publicKey"]["validFor"]["start"]]
    parts = ["--log-key", f"{log['baseUrl']}={key}", "--tsa-chain", f"https://time.invalid={chain}", *start]
    world.attest("trust", "create", *parts, "-o", created).accepted()
    world.attest("trust", "import", created, world.stranger.root, "-o", imported).accepted()
    for root in (created, imported):
        verify_blob(world, file, beside(file), key=world.identity.public, root=root).accepted()
        world.verify(file, key=world.identity.public, root=root).accepted()


def pem(label: str, base64: str) -> bytes:
    lines = [base64[start : start + 64] for start in range(0, len(base64), 64)]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""]).encode()


@cosign.case
def accepts_every_file_of_a_large_batch(world):
    """Across the border of a tile: entries 0 to 299 of one log, in one run."""
    identity = world.new_identity()
    folder = world.new_folder("batch")
    files = [folder / f"{number}.bin" for number in range(300)]
    for file in files:
        file.write_text(file.name)
    world.sign(identity, *files)
    for file in [*files[::37], files[255], files[256], files[299]]:
        verify_blob(world, file, beside(file), **trust(identity)).accepted()


@cosign.case
def accepts_the_checksum_file_of_a_release(world):
    sums = world.hello.folder / "SHA256SUMS"
    verify_blob(world, sums, beside(sums), **trust(world.identity)).accepted()


@cosign.case
def accepts_a_release_by_what_the_folder_exports(world):
    folder = world.hello.folder
    sums = folder / "SHA256SUMS"
    verify_blob(world, sums, beside(sums), key=folder / "release.pub", root=folder / "trusted_root.json").accepted()


@cosign.case
def accepts_the_release_statement_for_every_file(world):
    [bundle] = world.hello.bundles("release")
    for file in world.hello.listed():
        verify_statement(world, [world.hello.folder / file], bundle, RELEASE, **trust(world.identity)).accepted()


@cosign.case
def accepts_the_provenance_for_every_artifact(world):
    [bundle] = world.hello.bundles("provenance")
    for file in world.hello.artifacts():
        verify_statement(world, [world.hello.folder / file], bundle, PROVENANCE, **trust(world.identity)).accepted()


@cosign.case
def accepts_the_reference_to_a_bill_of_materials(world):
    """`--sbom`: the document is in the release, and a statement ties it to every artifact."""
    sbom = world.new_file("hello.cdx.json", b'{"bomFormat":"CycloneDX","specVersion":"1.6","version":1}')
    release = world.release(world.identity, HELLO, "listed", "--sbom", sbom)
    [bundle] = release.bundles("sbom")
    kind = "https://in-toto.io/attestation/reference/v0.1"
    for name in HELLO:
        verify_statement(world, [release.folder / name], bundle, kind, **trust(world.identity)).accepted()
    [released] = release.bundles("release")
    document = release.folder / sbom.name
    verify_statement(world, [document], released, RELEASE, **trust(world.identity)).accepted()
    world.verify(release.folder, **trust(world.identity)).accepted()


@cosign.case
def accepts_a_large_artifact_by_its_digest(world):
    """Above 128 MiB cosign does not read the file for a statement: it must be given the digest."""
    file = world.large.folder / "large.img"
    for stem, kind in (("release", RELEASE), ("provenance", PROVENANCE)):
        [bundle] = world.large.bundles(stem)
        verify_statement(world, [file], bundle, kind, **trust(world.identity)).refused("exceeded the limit")
        verify_statement(world, by_digest(file), bundle, kind, **trust(world.identity)).accepted()


@cosign.case
def accepts_a_statement_of_1024_subjects(world):
    [bundle] = world.full.bundles("release")
    subjects = Bundle.read(bundle).subjects()
    check(len(subjects) == 1024, f"the statement has {len(subjects)} subjects, 1024 were wanted")
    accepts_listed(world, world.full, bundle, RELEASE, list(subjects))


@cosign.case
def accepts_every_part_of_a_release_of_1025(world):
    parts_cover(world, world.split, "release", RELEASE, {str(path) for path in world.split.listed()})


@cosign.case
def accepts_every_part_of_the_provenance_of_1025(world):
    parts_cover(world, world.split, "provenance", PROVENANCE, {str(path) for path in world.split.artifacts()})


def parts_cover(world, release, stem: str, kind: str, wanted: set[str]) -> None:
    bundles = release.bundles(stem)
    check(len(bundles) == 2, f"{len(bundles)} parts, 2 were wanted")
    named: set[str] = set()
    for bundle in bundles:
        subjects = list(Bundle.read(bundle).subjects())
        check(len(subjects) <= 1024, f"{bundle.name} has {len(subjects)} subjects")
        accepts_listed(world, release, bundle, kind, subjects)
        named |= set(subjects)
    check(
        named == wanted, f"the parts name {len(named)} files, {len(wanted)} were wanted; {sorted(named ^ wanted)[:5]}"
    )


def accepts_listed(world, release, bundle: Path, kind: str, names: list[str]) -> None:
    """The first, the last and some between: one cosign for each of a thousand files shows nothing more."""
    for name in {*names[:2], *names[:: len(names) // 4 + 1], *names[-2:]}:
        verify_statement(world, [release.folder / name], bundle, kind, **trust(release.identity)).accepted()


# What is wrong, both refuse


@cosign.case
def refuses_a_flipped_byte_as_we_do(world):
    file = world.new_file("tool.bin")
    world.sign(world.identity, file)
    verify_blob(world, file, beside(file), **trust(world.identity)).accepted()
    with flipped(file):
        verify_blob(world, file, beside(file), **trust(world.identity)).refused("failed to verify signature")
        world.verify(file, **trust(world.identity)).says_no("digest-mismatch")


@cosign.case
def refuses_a_flipped_byte_in_a_release_as_we_do(world):
    release = world.copy(world.hello)
    [bundle] = release.bundles("release")
    for artifact in (file for file in release.artifacts() if (release.folder / file).stat().st_size):
        path = release.folder / artifact
        verify_statement(world, [path], bundle, RELEASE, **trust(world.identity)).accepted()
        with flipped(path):
            verify_statement(world, [path], bundle, RELEASE, **trust(world.identity)).refused(
                "do not match digests in statement"
            )
            world.verify(release.folder, **trust(world.identity)).says_no("digest-mismatch")


@cosign.case
def refuses_another_key_as_we_do(world):
    file = world.new_file("tool.bin")
    world.sign(world.identity, file)
    other = {"key": world.stranger.public, "root": world.identity.root}
    # cosign rebuilds the entry with the key that it was given, and then misses it in the log.
    verify_blob(world, file, beside(file), **other).refused("failed to verify log inclusion")
    world.verify(file, **other).says_no("signer-mismatch", "key-hint-mismatch")


@cosign.case
def refuses_an_unknown_log_as_we_do(world):
    root = world.mixed_root(logs=world.stranger.root, authorities=world.identity.root)
    refused_under(world, root, "failed to verify log inclusion", "log-unknown")


@cosign.case
def refuses_an_unknown_authority_as_we_do(world):
    root = world.mixed_root(logs=world.identity.root, authorities=world.stranger.root)
    refused_under(world, root, "failed to verify timestamps", "time-unknown")


def refused_under(world, root: Path, their_words: str, our_code: str) -> None:
    file = world.new_file("tool.bin")
    world.sign(world.identity, file)
    verify_blob(world, file, beside(file), **trust(world.identity)).accepted()
    verify_blob(world, file, beside(file), key=world.identity.public, root=root).refused(their_words)
    world.verify(file, key=world.identity.public, root=root).says_no(our_code)


@cosign.case
def refuses_a_broken_time_as_we_do(world):
    refused_when_broken(world, Bundle.with_broken_token, "failed to verify timestamps", "time-invalid")


@cosign.case
def refuses_a_broken_inclusion_proof_as_we_do(world):
    refused_when_broken(world, Bundle.with_broken_proof, "failed to verify log inclusion", "log-proof-invalid")


def refused_when_broken(world, change, their_words: str, our_code: str) -> None:
    """Of a message and of a statement: accepted as made, refused with one byte changed."""
    file = world.new_file("tool.bin")
    world.sign(world.identity, file, world.new_file("another entry.bin", b"so that there is a path to prove\n"))
    verify_blob(world, file, beside(file), **trust(world.identity)).accepted()
    broken = change(Bundle.read(beside(file))).write(file.with_name("broken.sigstore.json"))
    verify_blob(world, file, broken, **trust(world.identity)).refused(their_words)
    world.verify(file, "--bundle", broken, **trust(world.identity)).says_no(our_code)

    artifact = world.hello.folder / "hello"
    [statement] = world.hello.bundles("release")
    verify_statement(world, [artifact], statement, RELEASE, **trust(world.identity)).accepted()
    broken = change(Bundle.read(statement)).write(file.with_name("broken statement.sigstore.json"))
    verify_statement(world, [artifact], broken, RELEASE, **trust(world.identity)).refused(their_words)
    world.verify(artifact, "--bundle", broken, **trust(world.identity)).says_no(our_code)


@cosign.case
def refuses_an_altered_statement_as_we_do(world):
    [bundle] = world.hello.bundles("release")
    first = world.hello.folder / Bundle.read(bundle).statement["subject"][0]["name"]
    altered = Bundle.read(bundle).with_altered_statement().write(world.new_folder("altered") / "altered.sigstore.json")
    verify_statement(world, [first], altered, RELEASE, **trust(world.identity)).refused(
        "failed to verify log inclusion"
    )
    world.verify(first, "--bundle", altered, **trust(world.identity)).says_no("signature-invalid", "log-entry-mismatch")


@cosign.case
def refuses_a_file_that_the_statement_does_not_name_as_we_do(world):
    extra = world.new_file("extra", b"nobody signed this\n")
    [bundle] = world.hello.bundles("release")
    verify_statement(world, [extra], bundle, RELEASE, **trust(world.identity)).refused(
        "do not match digests in statement"
    )
    world.verify(extra, "--bundle", bundle, **trust(world.identity)).says_no("digest-mismatch", "subject-missing")


# Keys in each other's hands


@cosign.case
def opens_our_key(world):
    said = world.run([world.go("cosign"), "public-key", "--key", world.identity.key], extra={"COSIGN_PASSWORD": ""})
    check(said.accepted().stdout == world.identity.public.read_text(), "cosign reads another public key out of ours")


@cosign.case
def opens_our_key_with_its_password_only(world):
    identity = world.new_identity(PASSWORD)
    command = [world.go("cosign"), "public-key", "--key", identity.key]
    said = world.run(command, extra={"COSIGN_PASSWORD": PASSWORD}).accepted()
    check(said.stdout == identity.public.read_text(), "cosign reads another public key out of ours")
    world.run(command, extra={"COSIGN_PASSWORD": "wrong"}).refused("decrypt")


@cosign.case
def signs_with_our_key_and_we_accept(world):
    file = world.new_file("tool.bin")
    sign_blob(world, file, world.identity.key)
    ours = {"key": world.identity.public, "root": world.stack.root}
    verify_blob(world, file, beside(file), **ours).accepted()
    world.verify(file, **ours).accepted()


@cosign.case
def makes_a_key_that_signs_for_us(world):
    """Its key in our home: what we then sign, cosign accepts under its own public half."""
    theirs = key_pair(world, PASSWORD)
    file = world.new_file("tool.bin")
    world.attest(
        "sign", "--home", world.identity.home, "--key", theirs, file, extra={"ATTEST_PASSWORD": PASSWORD}
    ).accepted()
    trusted = {"key": theirs.with_suffix(".pub"), "root": world.identity.root}
    verify_blob(world, file, beside(file), **trusted).accepted()
    world.verify(file, **trusted).accepted()


@cosign.case
def makes_a_key_that_we_import(world):
    theirs = key_pair(world, PASSWORD)
    ours = world.new_folder("imported") / "imported.key"
    world.attest("key", "import", theirs, "--out", ours, extra={"ATTEST_PASSWORD": PASSWORD}).accepted()
    command = [world.go("cosign"), "public-key", "--key", ours]
    said = world.run(command, extra={"COSIGN_PASSWORD": PASSWORD}).accepted()
    check(said.stdout == theirs.with_suffix(".pub").read_text(), "the imported key is another key")


# What cosign makes with real servers, we accept


@cosign.case
def signs_a_file_and_we_accept(world):
    key, file = key_pair(world), world.new_file("tool.bin")
    sign_blob(world, file, key)
    theirs = {"key": key.with_suffix(".pub"), "root": world.stack.root}
    verify_blob(world, file, beside(file), **theirs).accepted()
    world.verify(file, **theirs).accepted()


@cosign.case
def signs_a_statement_and_we_accept(world):
    key, file = key_pair(world), world.new_file("tool.bin")
    attest_blob(world, file, key, PROVENANCE, PREDICATE)
    theirs = {"key": key.with_suffix(".pub"), "root": world.stack.root}
    verify_statement(world, [file], beside(file), PROVENANCE, **theirs).accepted()
    world.verify(file, **theirs).accepted()


@cosign.case
def signs_a_test_result_that_approves_nothing_unasked(world):
    key, file = key_pair(world), world.new_file("tool.bin")
    kind = "https://in-toto.io/attestation/test-result/v0.1"
    attest_blob(world, file, key, kind, b'{"result":"FAILED","configuration":[]}')
    theirs = {"key": key.with_suffix(".pub"), "root": world.stack.root}
    verify_statement(world, [file], beside(file), kind, **theirs).accepted()
    world.verify(file, **theirs).says_no("predicate-not-requested")
    world.verify(file, "--type", "test-result", **theirs).says_no("verdict-failed")


cosign.case(statements.accepts_our_statements_of_all_its_types)
cosign.case(statements.makes_statements_of_all_its_types_that_we_accept)


@cosign.case
def signs_a_file_and_we_refuse_every_change(world):
    key, file = key_pair(world), world.new_file("tool.bin")
    sign_blob(world, world.new_file("an earlier entry.bin", b"so that there is a path to prove\n"), key)
    sign_blob(world, file, key)
    theirs = {"key": key.with_suffix(".pub"), "root": world.stack.root}
    world.verify(file, **theirs).accepted()
    with flipped(file):
        verify_blob(world, file, beside(file), **theirs).refused("failed to verify signature")
        world.verify(file, **theirs).says_no("digest-mismatch")
    original = Bundle.read(beside(file))
    for change, words, code in [
        (Bundle.with_broken_token, "failed to verify timestamps", "time-invalid"),
        (Bundle.with_broken_proof, "failed to verify log inclusion", "log-proof-invalid"),
        (Bundle.without_time, "failed to verify timestamps", "time-missing"),
        (Bundle.without_log, "failed to verify log inclusion", "log-missing"),
    ]:
        changed = change(original).write(file.with_name("changed.sigstore.json"))
        verify_blob(world, file, changed, **theirs).refused(words)
        world.verify(file, "--bundle", changed, **theirs).says_no(code)


@cosign.case
def signs_without_log_and_time_and_we_accept_it_only_if_told(world):
    key, file = key_pair(world), world.new_file("tool.bin")
    nothing = world.new_file("signing_config.json", NO_SERVICES)
    words = ["sign-blob", "--key", key, "--signing-config", nothing, "--bundle", beside(file), file]
    world.run([world.go("cosign"), *words], offline=True, extra={"COSIGN_PASSWORD": ""}).accepted()
    theirs = {"key": key.with_suffix(".pub"), "root": world.stack.root}
    world.verify(file, **theirs).says_no("log-missing", "time-missing")
    world.verify(file, "--accept", "no-log", **theirs).says_no("time-missing")
    world.verify(file, "--accept", "no-time", **theirs).says_no("log-missing")
    world.verify(file, "--accept", "no-log,no-time", **theirs).accepted()
    with flipped(file):
        world.verify(file, "--accept", "no-log,no-time", **theirs).says_no("digest-mismatch")


@cosign.case
def signs_with_rsa_keys_and_we_accept(world):
    """Not with P-384 and P-521: cosign signs with them, and then cannot verify what it signed."""
    for bits in (2048, 3072, 4096):
        kind = ["-algorithm", "RSA", "-pkeyopt", f"rsa_keygen_bits:{bits}"]
        key, file = imported_key(world, kind), world.new_file("tool.bin")
        sign_blob(world, file, key)
        theirs = {"key": key.with_suffix(".pub"), "root": world.stack.root}
        verify_blob(world, file, beside(file), **theirs).accepted()
        world.verify(file, **theirs).accepted()
        with flipped(file):
            world.verify(file, **theirs).says_no("digest-mismatch")


@cosign.case
def signs_with_larger_curves_and_we_accept(world):
    """cosign cannot verify these, and refuses its own signatures by Ed25519 while it makes them."""
    for curve in ("P-384", "P-521"):
        kind = ["-algorithm", "EC", "-pkeyopt", f"ec_paramgen_curve:{curve}"]
        key, file = imported_key(world, kind), world.new_file("tool.bin")
        sign_blob(world, file, key)
        theirs = {"key": key.with_suffix(".pub"), "root": world.stack.root}
        world.verify(file, **theirs).accepted()
        with flipped(file):
            world.verify(file, **theirs).says_no("digest-mismatch")


def imported_key(world, kind: list[str]) -> Path:
    """A key by openssl in cosign's keeping."""
    folder = world.new_folder("imported")
    world.run(["openssl", "genpkey", *kind, "-out", folder / "plain.pem"]).accepted()
    words = ["import-key-pair", "--key", folder / "plain.pem", "--output-key-prefix", folder / "theirs"]
    world.run([world.go("cosign"), *words], extra={"COSIGN_PASSWORD": ""}).accepted()
    return folder / "theirs.key"


@cosign.case
def signs_in_a_log_that_our_root_does_not_name(world):
    key, file = key_pair(world), world.new_file("tool.bin")
    sign_blob(world, file, key)
    root = world.mixed_root(logs=world.identity.root, authorities=world.stack.root)
    verify_blob(world, file, beside(file), key=key.with_suffix(".pub"), root=root).refused(
        "failed to verify log inclusion"
    )
    world.verify(file, key=key.with_suffix(".pub"), root=root).says_no("log-unknown")


@cosign.case
def agrees_on_the_conformance_cases_but_for_those_that_we_name(world):
    """The suite's own cases, as tests/conformance runs them with attest: docs/differences.md says why we differ."""
    place = conformance.place()
    if place is None:
        return
    table = tomllib.loads((CONFORMANCE / "expected.toml").read_text())
    runs, differ = 0, set()
    for name, row in table.items():
        for subject in conformance.subjects(place, name):
            answer = world.run([world.go("cosign"), *conformance.cosign_words(subject)], offline=True)
            runs += 1
            if (answer.status == 0) != row.get("accept", False):
                differ.add(name)
    check(runs == 140, f"{runs} runs, wanted 140")
    written = {name.removeprefix("conformance/") for name in differences("cosign") if name.startswith("conformance/")}
    check(differ == written, f"cosign differs on {sorted(differ)}, docs/differences.md says {sorted(written)}")


@cosign.case
def accepts_what_we_sign_for_an_identity(world):
    stack = world.stack.keyless
    for signing in (stack.v2, stack.v1):
        file, more = world.new_file("tool.bin"), world.new_file("more.bin")
        token = world.new_file("token", stack.issuer.token().encode())
        services = ["--identity-token", token, "--trust-config", signing.trust]
        world.attest("sign", file, more, *services).accepted()
        for one in (file, more):
            verify_blob_keyless(world, one, beside(one), **stack.identity).accepted()
        with flipped(file):
            verify_blob_keyless(world, file, beside(file), **stack.identity).refused("failed to verify signature")


@cosign.case
def accepts_what_we_sign_for_an_identity_in_two_logs_at_once(world):
    stack = world.stack.keyless
    config = json.loads(stack.v2.config.read_text())
    first = json.loads(stack.v1.config.read_text())["rekorTlogUrls"][0]
    config["rekorTlogUrls"].append({**first, "operator": "another"})
    config["rekorTlogConfig"] = {"selector": "EXACT", "count": 2}
    both = world.new_file("signing_config.json", json.dumps(config).encode())
    file = world.new_file("tool.bin")
    token = world.new_file("token", stack.issuer.token().encode())
    services = ["--signing-config", both, "--trusted-root", stack.root]
    world.attest("sign", file, "--identity-token", token, *services).accepted()
    check(len(json.loads(beside(file).read_text())["verificationMaterial"]["tlogEntries"]) == 2, "not two entries")
    verify_blob_keyless(world, file, beside(file), **stack.identity).accepted()
    world.verify_identity(file, **stack.identity).accepted()


@cosign.case
def accepts_what_we_sign_with_a_key_in_logs_of_others(world):
    stack = world.stack.keyless
    for signing in (stack.v2, stack.v1):
        file = world.new_file("tool.bin")
        services = ["--signing-config", signing.config, "--trusted-root", stack.root]
        world.sign(world.identity, file, *services)
        whom = {"key": world.identity.public, "root": stack.root}
        words = ["--key", whom["key"], "--trusted-root", whom["root"], "--bundle", beside(file), file]
        world.run([world.go("cosign"), "verify-blob", *words], offline=True).accepted()
        world.verify(file, **whom).accepted()


@cosign.case
def verifies_the_record_of_a_key_that_goes(world):
    """`attest key rotate`, by the recovery key alone; and what follows from it here."""
    home = world.new_folder("succession") / "home"
    recovery = world.new_folder("recovery") / "r.key"
    extra = {"ATTEST_RECOVERY_PASSWORD": PASSWORD}
    world.attest("init", "--home", home, "--no-password", "--recovery", recovery, extra=extra).accepted()
    following = world.new_folder("next") / "next.key"
    world.attest("key", "generate", following, "--no-password").accepted()
    record = world.new_folder("record") / "s1.sigstore.json"
    rotate = ["key", "rotate", "--reason", "superseded", "--successor", following.with_suffix(".pub")]
    rotate += ["--recovery-key", recovery, "--out", record, "--home", home, "--no-password"]
    world.attest(*rotate, extra=extra).accepted()
    old = world.new_folder("old") / "old.der"
    world.run(["openssl", "pkey", "-pubin", "-in", home / "trust/release.pub", "-outform", "DER", "-out", old]).accepted()
    kind, root = "https://attest.dev/predicates/key-succession/v0.1", home / "trust/trusted_root.json"
    verify_statement(world, [old], record, kind, key=home / "trust/recovery.pub", root=root).accepted()
    wrong = verify_statement(world, [old], record, kind, key=home / "trust/release.pub", root=root)
    wrong.refused("failed to verify log inclusion")  # it computes the entry that this key would have
    file = world.new_file("tool.bin")
    world.attest("sign", "--home", home, "--no-password", "--key", following, file).accepted()
    signers = home.parent / "signers.toml"
    signers.write_text(
        'version = 1\n[trust.app]\nkind = "keys"\nkeys = ["home/trust/release.pub"]\n'
        'recovery = "home/trust/recovery.pub"\n'
    )
    ask = ["verify", file, "--signers", signers, "--trusted-root", root]
    world.attest(*ask, offline=True).exits(1)
    world.attest(*ask, "--succession", record, offline=True).accepted()


CONFORMANCE = Path(__file__).resolve().parents[2] / "conformance"

NO_SERVICES = (
    b'{"mediaType":"application/vnd.dev.sigstore.signingconfig.v0.2+json","rekorTlogConfig":{},"tsaConfig":{}}'
)
PREDICATE = b"""{"buildDefinition":{"buildType":"https://example.com/build/v1","externalParameters":{"name":"tool"},
"resolvedDependencies":[]},"runDetails":{"builder":{"id":"https://example.com/builder"}}}"""


# The same questions to both


@cosign.case
def judges_every_fixture_as_the_table_says(world):
    compare("cosign", fixtures(), ask_cosign(world, fixtures()))
