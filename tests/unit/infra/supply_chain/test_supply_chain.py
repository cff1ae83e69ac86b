import json
import subprocess
import sys
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from infra.supply_chain import exceptions
from infra.supply_chain.advisories import LOCKS, advisories, matching, newest, served
from infra.supply_chain.licences import allowed, licences, pinned
from infra.supply_chain.steps import FAILED, NOT_RUN, PASSED, Step, exit_code
from infra.supply_chain.target import handlers, parts_list, target

ROOT = Path(__file__).parents[4]
ADVISORY = """id: PYSEC-2023-58
details: many form fields use up memory
affected:
- package: {name: Some_Lib, ecosystem: PyPI}
  ranges:
  - type: GIT
    events: [{introduced: "0"}]
  - type: ECOSYSTEM
    events: [{introduced: "2.0"}, {fixed: "2.2.3"}, {introduced: "3.0"}, {last_affected: "3.1"}]
  versions: ["1.0rc1"]
aliases: [CVE-2023-25577]
modified: "2023-11-01T00:00:00Z"
published: "2023-02-14T20:15:00Z"
"""
PIP_AUDIT = """#!{python}
import json, sys, urllib.request
arguments = sys.argv
lock = arguments[arguments.index("--requirement") + 1]
found = []
for line in open(lock):
    name, version = line.split()[0].split("==")
    if "--osv-url" not in arguments:
        found.append({{"name": name, "skip_reason": "Dependency not found"}})
        continue
    asked = json.dumps({{"package": {{"name": name}}, "version": version}}).encode()
    url = arguments[arguments.index("--osv-url") + 1]
    answer = json.load(urllib.request.urlopen(urllib.request.Request(url, asked)))
    vulns = [{{"id": one["id"], "fix_versions": ["2.2.3"]}} for one in answer.get("vulns", [])]
    found.append({{"name": name, "version": version, "vulns": vulns}})
print(json.dumps({{"dependencies": found}}))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "vulns/some-lib").mkdir(parents=True)
    (tmp_path / "vulns/some-lib/PYSEC-2023-58.yaml").write_text(ADVISORY)
    return tmp_path


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Locks that pin one package each, and a program that asks and answers as pip-audit does."""
    for number, lock in enumerate(LOCKS):
        (tmp_path / lock).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / lock).write_text(f"some-lib==2.{number}\n")
    (tmp_path / "tools").mkdir()
    program = tmp_path / "tools/pip-audit"
    program.write_text(PIP_AUDIT.format(python=sys.executable))
    program.chmod(0o755)
    return tmp_path


@pytest.mark.parametrize(
    ("version", "affected"),
    [
        ("1.0rc1", True),
        ("1.9", False),
        ("2.0", True),
        ("2.2.2", True),
        ("2.2.3", False),
        ("3.1", True),
        ("3.1.1", False),
    ],
)
def test_an_advisory_counts_for_the_versions_that_it_names(folder: Path, version: str, affected: bool) -> None:
    assert bool(matching(folder, "Some.Lib", version)) == affected
    assert not matching(folder, "another-lib", version)


def test_a_folder_of_advisories_is_asked_as_osv_is(folder: Path) -> None:
    with served(folder) as url:
        asked = json.dumps({"package": {"name": "some-lib", "ecosystem": "PyPI"}, "version": "2.1"}).encode()
        with urlopen(Request(url, asked)) as answer:
            assert [one["id"] for one in json.load(answer)["vulns"]] == ["PYSEC-2023-58"]
        with urlopen(Request(url, asked.replace(b"2.1", b"2.3"))) as answer:
            assert json.load(answer) == {}
    assert newest(folder) == "2023-11-01"


def test_a_vulnerable_pin_fails_the_audit_and_says_where_and_what_mends_it(project: Path, folder: Path) -> None:
    step = advisories(project, project / "tools", folder)
    assert step.outcome == FAILED
    assert "PYSEC-2023-58 some-lib==2.0: requirements.lock; fixed in 2.2.3" in step.found
    assert len(step.found) == 3, "2.0, 2.1 and 2.2; not 2.3 and 2.4"
    assert "up to 2023-11-01 in a folder, offline" in step.said


def test_a_service_that_knows_no_package_is_not_taken_for_no_vulnerability(project: Path) -> None:
    step = advisories(project, project / "tools", None)
    assert step.outcome == NOT_RUN
    assert "1 of 1 packages are not known to it, such as some-lib" in step.said
    assert "make audit ADVISORIES=folder" in step.said


def test_a_folder_that_is_no_database_is_refused(project: Path) -> None:
    assert advisories(project, project / "tools", project / "tools").outcome == FAILED


def test_without_the_tool_the_step_says_so(project: Path, tmp_path: Path) -> None:
    step = advisories(project, tmp_path / "nowhere", None)
    assert step.outcome == NOT_RUN
    assert "pip-audit" in step.said


def test_the_locks_that_are_audited_are_all_there_are() -> None:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.lock"]
    assert set(subprocess.check_output(command, cwd=ROOT, text=True).split()) == set(LOCKS)
    assert all(pinned((ROOT / lock).read_text("utf-8")) for lock in LOCKS)


def test_the_licence_of_every_locked_package_is_allowed() -> None:
    assert licences(ROOT) == Step("licences", PASSED, licences(ROOT).said)


@pytest.mark.parametrize("licence", ["GPL-3.0-only", "MIT AND AGPL-3.0-only", "", "Proprietary", "LGPL-2.1-or-later"])
def test_a_licence_that_binds_us_is_a_finding(licence: str) -> None:
    assert not allowed(licence)
    step = licences(ROOT, {name: "MIT" for name, _ in pinned((ROOT / "requirements.lock").read_text())}.get)
    assert step.outcome == FAILED, "exceptions that nothing needs are findings, too"
    step = licences(ROOT, lambda name: licence if name == "duckdb" else "MIT")
    assert any(one.startswith("licence duckdb: ") for one in step.found)


def test_an_exception_needs_a_reason() -> None:
    with pytest.raises(ValueError, match="a reason of four words or more"):
        exceptions.read("bandit", '[[bandit]]\nrule = "B101"\nwhere = "*"\nreason = "fine"')
    for tool in ("licences", "bandit", "checkov"):
        assert exceptions.read(tool)


def test_what_did_not_run_fails_a_strict_audit_only() -> None:
    steps = [Step("a", PASSED, ""), Step("b", NOT_RUN, "")]
    assert (exit_code(steps, strict=False), exit_code(steps, strict=True)) == (0, 1)
    assert exit_code([Step("a", FAILED, "")], strict=False) == 1


def test_without_an_emulator_or_its_python_the_imports_say_that_they_did_not_run(tmp_path: Path) -> None:
    assert "no Python 3.13 for aarch64 is given" in target(ROOT, None, qemu="/bin/true").said
    step = target(ROOT, tmp_path, qemu="/bin/true")
    assert step.outcome == FAILED
    assert step.found[0].endswith("which has no usr/bin/python3.13")


def test_an_import_that_fails_on_the_target_is_a_finding(tmp_path: Path) -> None:
    (tmp_path / "usr/bin").mkdir(parents=True)
    (tmp_path / "usr/bin/python3.13").write_text("")
    (tmp_path / "build/lambda").mkdir(parents=True)
    emulator = tmp_path / "qemu"
    emulator.write_text("#!/bin/sh\necho 'ImportError: wrong ELF class' >&2\nexit 1\n")
    emulator.chmod(0o755)
    assert target(tmp_path, tmp_path, qemu=str(emulator)).found == ("ended with 1: ImportError: wrong ELF class",)
    emulator.write_text("#!/bin/sh\necho x86_64 3.13\n")
    assert target(tmp_path, tmp_path, qemu=str(emulator)).outcome == FAILED
    emulator.write_text("#!/bin/sh\necho aarch64 3.13\n")
    assert target(tmp_path, tmp_path, qemu=str(emulator)).outcome == PASSED


def test_the_handlers_are_those_of_the_template() -> None:
    function = {"Type": "AWS::Serverless::Function", "Properties": {"CodeUri": "../../build/lambda", "Handler": "a.b"}}
    other = {"Type": "AWS::Serverless::Function", "Properties": {"CodeUri": "elsewhere", "Handler": "c.d"}}
    assert handlers({"Resources": {"F": function, "G": other, "B": {"Type": "AWS::S3::Bucket"}}}) == ["a.b"]


def test_a_bundle_whose_parts_list_misses_a_part_fails(tmp_path: Path) -> None:
    bundle = tmp_path / "build/lambda"
    bundle.mkdir(parents=True)
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "python").write_text("#!/bin/sh\n")
    (tools / "python").chmod(0o755)
    assert parts_list(tmp_path, tools).outcome == NOT_RUN
    document = {
        "specVersion": "1.6",
        "metadata": {"component": {"name": "ours"}},
        "components": [{"purl": "pkg:pypi/gone@1"}],
    }
    (bundle / "sbom.cdx.json").write_text(json.dumps(document))
    for name in ("ours", "one"):
        (bundle / f"{name}-1.dist-info").mkdir()
        (bundle / f"{name}-1.dist-info/METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
    assert parts_list(tmp_path, tools).found == (
        "sbom.cdx.json lists pkg:pypi/gone@1, which is not in the bundle",
        "sbom.cdx.json does not list pkg:pypi/one@1",
    )
