"""Linters on the templates of action.yml, docs/ci and .pre-commit-hooks.yaml, and each step of them run."""

import json
import re
import shutil
import textwrap
from pathlib import Path

from suite import install
from suite.cases import Peer
from suite.process import check
from suite.world import HELLO, flipped, trust_of

ROOT = Path(__file__).resolve().parents[3]
LINTERS = "check-jsonschema"


def install_linters(version: str) -> None:
    install.python_install(LINTERS, Path(__file__).resolve().parent / LINTERS / "requirements.txt")
    install.python_version(LINTERS, "check-jsonschema", version)


linters = Peer(LINTERS, install=install_linters)
actionlint = Peer(
    "actionlint",
    install=lambda version: install.go_install("actionlint", "github.com/rhysd/actionlint/cmd/actionlint", version),
)


@linters.case
def finds_no_fault_in_our_templates(world):
    tools = install.python_environment(LINTERS) / "bin"
    judge = [tools / "check-jsonschema", "--builtin-schema"]
    for schema, file in (("vendor.github-actions", "action.yml"), ("vendor.gitlab-ci", "docs/ci/gitlab.yml")):
        world.run([*judge, schema, ROOT / file], offline=True).accepted()
        # GitLab's schema looks at no job whose name begins with a dot.
        job = (ROOT / file).read_bytes().replace(b".attest-verify:", b"attest-verify:")
        whole = world.new_file(Path(file).name, job)
        world.run([*judge, schema, whole], offline=True).accepted()
        broken = job.replace(b"using:", b"uses:").replace(b"max: 1", b"max: often")
        broken = world.new_file(Path(file).name, broken)
        world.run([*judge, schema, broken], offline=True).refused("Schema validation errors")
    manifest = [tools / "pre-commit", "validate-manifest", ROOT / ".pre-commit-hooks.yaml"]
    world.run(manifest, offline=True).accepted()


@actionlint.case
def finds_no_fault_in_our_workflows_and_in_a_job_that_uses_our_action(world):
    """The step of docs/ci.md in a workflow; an input that the action lacks, or needs and is not given, is refused."""
    project = world.new_folder("project")
    (project / ".git").mkdir()
    workflows = project / ".github" / "workflows"
    shutil.copytree(ROOT / ".github" / "workflows", workflows)
    shutil.copy(ROOT / "action.yml", project)
    lint = {"cwd": project, "offline": True}
    world.run([world.go("actionlint"), "-no-color"], **lint).accepted()
    shown = re.search(r"```yaml\n(- uses: .*?)```", (ROOT / "docs" / "ci.md").read_text(), re.S)[1]
    step = textwrap.indent(re.sub(r"acme/attest@.*", "./", shown), "      ")
    job = f"on: push\njobs:\n  promote:\n    runs-on: ubuntu-latest\n    steps:\n{step}"
    workflow = workflows / "promote.yml"
    for text, because in (
        (job, None),
        (job.replace("subjects:", "subject:"), "subject"),
        (re.sub(r" +subjects: download\n", "", job), "subjects"),
    ):
        workflow.write_text(text)
        said = world.run([world.go("actionlint"), "-no-color", workflow], **lint)
        said.refused(because) if because else said.accepted()
    # The action itself.
    action = project / "action.yml"
    action.write_text(action.read_text().replace("icon: check-square", "icon: checked-square"))
    workflow.write_text(job)
    world.run([world.go("actionlint"), "-no-color", workflow], **lint).refused("icon")


@linters.case
def runs_each_step_of_our_templates(world):
    """The shell line of each template, read by a YAML parser, with a release that is good and one that is not."""
    python = install.python_environment(LINTERS) / "bin" / "python"
    read = "import sys, yaml, json; json.dump(yaml.safe_load(open(sys.argv[1])), sys.stdout)"

    def parsed(file):
        return json.loads(world.run([python, "-c", read, ROOT / file], offline=True).accepted().stdout)

    release = world.copy(world.hello)
    trusted = trust_of(world, release)
    asked = {
        "ATTEST_SUBJECTS": str(release.folder),
        "ATTEST_KEYS": str(trusted["key"]),
        "ATTEST_TRUSTED_ROOTS": str(trusted["root"]),
        "ATTEST_RELEASE": release.name,
        "ATTEST_BIN": str(world.binary),
    }
    step = parsed("action.yml")["runs"]["steps"][0]
    check(set(asked) <= set(step["env"]), "the action does not pass on what is asked")
    check("${{" not in step["run"], "an input is pasted into a shell")
    lines = {"github": (step["run"], {"GITHUB_ACTION_PATH": str(ROOT), "ATTEST_FORMAT": "github"})}
    job = parsed("docs/ci/gitlab.yml")[".attest-verify"]
    # Where the package installs it.
    installed, ours = "/usr/share/attest/ci/", f"{ROOT}/packaging/ci/"
    (line,) = job["script"]
    check(installed in line, f"a script of the project that is gated: {line}")
    lines["gitlab"] = (line.replace(installed, ours), job["variables"])
    (line,) = re.findall(r"sh '(.*)'", (ROOT / "docs/ci/Jenkinsfile").read_text())
    check(installed in line, f"a script of the workspace: {line}")
    lines["jenkins"] = (line.replace(installed, ours), {"ATTEST_FORMAT": "junit"})
    for name, (line, variables) in lines.items():
        extra = asked | variables

        def run(**more):
            return world.run(["bash", "-c", line], cwd=world.new_folder(name), extra=extra | more)

        run().accepted()
        run(ATTEST_SUBJECTS="").exits(2).refused("names nothing")
        run(ATTEST_BIN="/nonexistent").exits(2)
        run(ATTEST_BIN_SHA256="0" * 64).exits(2).refused("wanted")
        # A subject is never a flag and never a command.
        run(ATTEST_SUBJECTS="--help\n$(touch pwned)\n").exits(3)
        with flipped(release.folder / "hello"):
            run().exits(1)
    hooks = {hook["id"]: hook["entry"].split() for hook in parsed(".pre-commit-hooks.yaml")}
    folder = world.new_folder("hooks")
    for name, content in HELLO.items():
        (folder / Path(name).name).write_bytes(content)
    shutil.copy(release.folder / "hello", folder / "hello")
    sums = world.run(["sha256sum", "hello", "empty"], cwd=folder).accepted().stdout
    (folder / "SHA256SUMS").write_text(sums)
    check_sums = [world.binary, *hooks["attest-checksums"][1:], "SHA256SUMS"]
    world.run(check_sums, cwd=folder).accepted()
    with flipped(folder / "hello"):
        world.run(check_sums, cwd=folder).exits(1)
    (folder / "attest-policy.toml").write_text("version = 1\n")
    world.run([world.binary, *hooks["attest-policy"][1:], "attest-policy.toml"], cwd=folder).exits(2)
