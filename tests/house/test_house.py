"""The house is what its plan says: packages, sizes, and nothing that should not be in a public tree."""

import re
import subprocess
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PACKAGES = {"glue", "producers", "consumers", "athena", "infra", "streamkeeper"}
NOT_PACKAGES = {"tests", "benchmarks", "docs", "build"}


def tracked(*patterns: str) -> list[Path]:
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / line for line in listing.stdout.splitlines() if (ROOT / line).is_file()]


def test_there_are_six_packages_on_disk_in_the_wheel_and_under_the_import_contract() -> None:
    on_disk = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    folders = {path.relative_to(ROOT).parts[0] for path in tracked("*.py") if len(path.relative_to(ROOT).parts) > 1}
    assert on_disk == PACKAGES
    assert folders - NOT_PACKAGES == PACKAGES
    assert set(PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) == PACKAGES
    assert set(PROJECT["tool"]["importlinter"]["root_packages"]) == PACKAGES


def test_no_module_is_longer_than_five_hundred_lines() -> None:
    long = {str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines()) for path in tracked("*.py")}
    assert {name: lines for name, lines in long.items() if lines > 500} == {}


def test_unit_tests_mirror_the_tree() -> None:
    """A test of a module lies in the folder of that name below tests/unit, so that nobody has to search for it."""
    folders = {path.parent.relative_to(ROOT / "tests" / "unit") for path in tracked("tests/unit/**/test_*.py")}
    assert folders, "no unit tests found"
    assert {str(folder) for folder in folders if not (ROOT / folder / "__init__.py").is_file()} == set()


def test_each_decision_has_one_row_in_the_index() -> None:
    folder = ROOT / "docs" / "decisions"
    rows = re.findall(r"^\| \[(\d+)\]\((.+?\.md)\) \|", (folder / "README.md").read_text("utf-8"), flags=re.M)
    assert sorted(name for _, name in rows) == sorted(path.name for path in folder.glob("0*.md"))
    assert [name for number, name in rows if int(name[:4]) != int(number)] == []


def test_no_test_is_skipped_or_expected_to_fail() -> None:
    marks = re.compile(r"pytest\.(mark\.(skip|xfail)|skip\(|importorskip|xfail\()")
    here = Path(__file__)
    assert [
        path.name for path in tracked("tests/**/*.py") if path != here and marks.search(path.read_text("utf-8"))
    ] == []


def test_dependencies_are_pinned_with_hashes_and_no_file_names_a_registry() -> None:
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    pins = re.findall(r"^[a-z0-9._-]+(?:\[[a-z,]+\])?==", lock, re.MULTILINE | re.IGNORECASE)
    assert len(pins) > 50
    assert lock.count("--hash=sha256:") >= len(pins)
    registry = re.compile(
        # Written so that this file does not name what it looks for.
        r"--(?:extra-)?index[-]url|index[-]url\s*=|[p]ypi[.]org|[p]ythonhosted|[r]egistry[.]npmjs"
        r"|https?://\S+\.(?:whl|tgz|tar\.gz|deb)\b"
    )
    named = [
        str(path.relative_to(ROOT))
        for path in tracked()
        if registry.search(path.read_bytes().decode("utf-8", "replace"))
    ]
    assert named == []
