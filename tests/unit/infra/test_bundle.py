import subprocess
import sys
import tomllib
import zlib
from pathlib import Path

import pytest

from benchmarks.cold_start import ENVIRONMENT, copy_bundle, link_runtime
from consumers.policies import EXPRESSIONS, PACKED_EXPRESSIONS, read_expressions
from infra.bundle import (
    MAX_BYTES,
    READ_AT_START,
    ROOT,
    Bundle,
    BundleError,
    check,
    compile_all,
    copy_packages,
    main,
    version_of,
)


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """Our own part of a bundle, as the build copies it."""
    folder = tmp_path / "bundle"
    folder.mkdir()
    copy_packages(folder)
    return folder


def a_bundle(made: Path, size: int = 1000, **others: int) -> Bundle:
    return Bundle(made, {"consumers": size, **others}, 0)


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_our_own_part_leaves_room_for_its_dependencies(made: Path) -> None:
    # With what is compiled they have 3.59 MB of the 8.
    assert sum(map(len, files(made).values())) < MAX_BYTES - 3_600_000


def test_weights_and_policies_are_in_it_and_what_trains_them_is_not(made: Path) -> None:
    check(a_bundle(made), made)
    assert (made / "consumers/models/default.bin").read_bytes() == (ROOT / READ_AT_START[1]).read_bytes()
    assert not (made / "consumers/training").exists()
    packed = (made / "consumers/policies" / PACKED_EXPRESSIONS).read_bytes()
    assert zlib.decompress(packed) == read_expressions()
    assert not (made / "consumers/policies" / EXPRESSIONS).exists()
    # What is compiled for this machine is for this machine.
    assert [path.name for path in (made / "consumers/native").iterdir()] == ["__init__.py"]
    sources = [path.read_text("utf-8") for path in made.rglob("*.py")]
    assert len(sources) > 60
    assert not [text for text in sources if "import numpy" in text or "from numpy" in text]
    assert not list(made.rglob("__pycache__"))


def test_a_bundle_of_8_mb_is_refused_with_its_largest_parts_and_what_to_do(made: Path) -> None:
    check(a_bundle(made, 1_000_000, numpy_like=MAX_BYTES - 1_000_001), made)
    with pytest.raises(BundleError) as refused:
        check(a_bundle(made, 1_000_000, numpy_like=MAX_BYTES - 1_000_000), made)
    assert str(refused.value).startswith(
        "the bundle has 8,000,000 bytes unpacked; allowed: less than 8,000,000. "
        "The largest: numpy_like 7,000,000, consumers 1,000,000. Take out"
    )


@pytest.mark.parametrize("name", READ_AT_START)
def test_a_bundle_without_what_the_functions_read_is_refused(made: Path, name: str) -> None:
    (made / name).unlink()
    with pytest.raises(BundleError, match=f"the bundle lacks {name}"):
        check(a_bundle(made), made)


@pytest.mark.parametrize("name", ["consumers/training", "numpy", "botocore"])
def test_a_bundle_with_what_no_function_imports_from_it_is_refused(made: Path, name: str) -> None:
    (made / name).mkdir()
    with pytest.raises(BundleError, match=f"the bundle has {name}"):
        check(a_bundle(made), made)


def test_a_bundle_without_what_one_of_its_parts_needs_on_lambda_is_refused(made: Path) -> None:
    info = made / "pybase64-1.5.1.dist-info"
    info.mkdir()
    needs = "Metadata-Version: 2.1\nName: pybase64\nVersion: 1.5.1\n"
    (info / "METADATA").write_text(needs + "Requires-Dist: typing-extensions; python_full_version < '3.12'\n")
    check(a_bundle(made), made)
    (info / "METADATA").write_text(needs + "Requires-Dist: typing-extensions\n")
    with pytest.raises(BundleError, match="lacks typing-extensions, which pybase64 needs on Python"):
        check(a_bundle(made), made)


@pytest.fixture(scope="module")
def on_lambda(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """What a function sees: the whole bundle, of libraries for this machine, and the runtime's boto3."""
    folder = tmp_path_factory.mktemp("lambda")
    copy_bundle(folder / "bundle")
    link_runtime(folder / "runtime")
    return [folder / "bundle", folder / "runtime"]


# What scores warms up while it starts, with a number in one of the texts: its callers wait for each answer.
@pytest.mark.parametrize(
    ("module", "loaded"), [("moderate_handler", []), ("transform_handler", []), ("score_handler", ["phonenumbers"])]
)
def test_a_function_starts_from_the_bundle_alone_knows_its_version_and_loads_nothing_heavy(
    on_lambda: list[Path], module: str, loaded: list[str]
) -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    code = (
        f"import sys; sys.path[:0] = {[str(path) for path in on_lambda]}\n"
        f"from consumers.aws import {module}\n"
        "from consumers.aws.application import code_version\n"
        "heavy = ['numpy', 'boto3', 'pyarrow', 'consumers.training', 'phonenumbers', 'infra', 'glue.refusal']\n"
        "print(code_version(), [name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", code], env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert (done.stdout.strip(), done.stderr) == (f"{version} {loaded}", "")


def test_numbers_are_found_with_what_the_bundle_holds_of_the_library_for_them(on_lambda: list[Path]) -> None:
    code = (
        f"import sys; sys.path[:0] = {[str(path) for path in on_lambda]}\n"
        "from phonenumbers import is_possible_number, is_valid_number, parse\n"
        "for region in ('US', 'DE', 'JP'):\n"
        "    for text in ('+48 22 555 01 23', '030 901820', '112'):\n"
        "        number = parse(text, region)\n"
        "        print(is_possible_number(number), is_valid_number(number))"
    )
    done = [
        subprocess.run([sys.executable, *flags, "-B", "-c", code], capture_output=True, text=True, check=False)
        for flags in (["-I", "-S"], ["-I"])
    ]
    assert done[0].stdout.count("True") > 5
    assert (done[0].stdout, done[0].stderr) == (done[1].stdout, "")


def test_bytecode_is_the_same_wherever_the_bundle_was_made_and_names_files_as_on_lambda(tmp_path: Path) -> None:
    found = []
    for name in ("here", "there"):
        folder = tmp_path / name / "bundle"
        (folder / "consumers").mkdir(parents=True)
        (folder / "consumers/batch.py").write_bytes((ROOT / "consumers/batch.py").read_bytes())
        compile_all(folder, sys.executable)
        found.append(files(folder))
    assert found[0] == found[1]
    [bytecode] = [data for name, data in found[0].items() if name.endswith(".pyc")]
    assert b"/var/task/consumers/batch.py" in bytecode
    # Hash-based, and never checked against the source: the flags after the magic number. Source: PEP 552.
    assert int.from_bytes(bytecode[4:8], "little") == 0b01


def test_source_that_does_not_compile_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("def\n")
    with pytest.raises(BundleError, match=r"broken\.py"):
        compile_all(tmp_path, sys.executable)


def test_another_python_than_lambdas_is_refused_by_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    other = sys.executable
    assert version_of(other) == f"{sys.version_info.major}.{sys.version_info.minor}"
    if version_of(other) != "3.13":
        assert main(["--python", other]) == 2
        assert f"which is Python {version_of(other)}; allowed: a Python 3.13" in capsys.readouterr().err
    assert main(["--python", "/nowhere/python"]) == 2
    assert "'/nowhere/python', which does not run" in capsys.readouterr().err
