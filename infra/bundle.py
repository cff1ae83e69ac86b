"""The Lambda bundle: our code and its pinned dependencies for arm64, in ``build/lambda``, where the template looks.

``python -m infra.bundle`` makes it. The same checkout gives the same bytes: versions and hashes come from
``requirements.lock``, a pinned compiler makes what is compiled, the same zlib packs alike, and every file gets the same
time. What no function
imports is left out. Where there is a Python of Lambda's version, its bytecode is put beside the source: Lambda cannot
keep any, so each cold start would compile every module again.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zlib
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

from consumers import native
from consumers.policies import EXPRESSIONS, PACKED_EXPRESSIONS
from infra.elf import without_symbols
from infra.native import CompilerError, for_lambda
from infra.sbom import FILE, sbom

ROOT = Path(__file__).parent.parent
TARGET = ROOT / "build" / "lambda"
PACKAGES = ("glue", "consumers")
LEFT_OUT = (
    "consumers/evaluation",
    "consumers/models/default.toml",
    *(f"consumers/native/{name}" for name in native.SOURCES),
    "consumers/policies/policy.schema.json",
    "consumers/policy_tools",
    "consumers/training",
    "glue/__main__.py",
    "glue/aws/clients.py",
    "glue/aws/options.py",
    "glue/aws/reaching.py",
    "glue/aws/service_data.py",
    "glue/aws/settings.py",
    "glue/aws/statements.py",
    "glue/catalog",
    "glue/evolution.py",
    "glue/generated",
    "glue/prices.py",
    "glue/prices.toml",
    "glue/readers",
    "glue/refusal.py",
    "glue/released",
    "glue/terminal",
)
"""Parts of our own packages that commands, editors and renderings need, and no function."""
LEFT_OUT_OF_OTHERS = (
    "phonenumbers/carrier.py",
    "phonenumbers/geocoder.py",
    "phonenumbers/prefix.py",
    "phonenumbers/shortdata/region_*.py",
    "phonenumbers/timezone.py",
    "pybase64/__main__.py",
)
"""Parts of dependencies that nothing loads: names of places and carriers, numbers such as 112, a command line."""
LIBRARY = f"consumers/native/{native.FILE}"
"""The part of judging that there is in C: compiled for Lambda, never what is compiled for this machine."""
READ_AT_START = ("consumers/policies/default.toml", "consumers/models/default.bin")
PYTHON = "3.13"
# Lambda's python3.13 runs on Amazon Linux 2023: glibc 2.34. pip takes no lower tag by itself.
# Source: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
PLATFORMS = (*(f"manylinux_2_{minor}_aarch64" for minor in range(34, 16, -1)), "manylinux2014_aarch64")
# Lambda allows 250 MB. A bundle above this bound has pulled in something that it should not: cold starts would show it.
MAX_BYTES = 8_000_000
"""Unpacked, without bytecode."""

_ENVIRONMENT: dict[str, str | AbstractSet[str]] = {
    "extra": "",
    "implementation_name": "cpython",
    "implementation_version": f"{PYTHON}.0",
    "os_name": "posix",
    "platform_machine": "aarch64",
    "platform_python_implementation": "CPython",
    "platform_release": "",
    "platform_system": "Linux",
    "platform_version": "",
    "python_full_version": f"{PYTHON}.0",
    "python_version": PYTHON,
    "sys_platform": "linux",
}
_REQUIREMENT = re.compile(r"^([A-Za-z0-9._-]+)==")
# 1980-01-01, the first moment that a zip file knows.
_TIME = 315_532_800
_ON_LAMBDA = "/var/task"
"""Where the bundle is there, so that tracebacks name real files. Source: https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html"""
_NOT_NEEDED = ("__pycache__", "*.pyc", "*.pyi", "py.typed", "tests", "bin")


class BundleError(RuntimeError):
    """The bundle cannot be made; the message says why and what to do."""


@dataclass(frozen=True)
class Bundle:
    """What was made: ``sizes`` in bytes by top-level entry, unpacked, the bytes of ``bytecode`` beside them, and why
    what there is in C is not compiled, if it is not."""

    path: Path
    sizes: dict[str, int]
    bytecode: int
    not_compiled: str = ""

    @property
    def size(self) -> int:
        """Bytes of the whole, unpacked, without bytecode."""
        return sum(self.sizes.values())


def base_dependencies(pyproject: str) -> list[str]:
    """The names of a project's own dependencies, without extras, normalised and sorted.

    >>> base_dependencies('[project]\\ndependencies = ["msgspec>=0.22", "Google_RE2>=1.1"]')
    ['google-re2', 'msgspec']
    """
    return sorted(_name(one) for one in tomllib.loads(pyproject)["project"]["dependencies"])


def with_their_own(names: list[str]) -> list[str]:
    """Those distributions and all that they need in turn on Lambda, by what the installed ones say of themselves."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += needed_on_lambda(metadata.requires(name) or [])
    return sorted(found)


def needed_on_lambda(requirements: list[str]) -> Iterator[str]:
    """The names of those requirements that count in Lambda's Python, not in the one that makes the bundle.

    >>> list(needed_on_lambda(["a>=1; python_version < '3.12'", "b; extra == 'more'", "C_d"]))
    ['c-d']
    """
    for one in map(Requirement, requirements):
        if one.marker is None or one.marker.evaluate(_ENVIRONMENT):
            yield _normalised(one.name)


def locked(lock: str, names: list[str]) -> str:
    """The lock's lines for some requirements, hashes included.

    Raises:
        BundleError: one that the lock has not.

    >>> locked("a==1 --hash=sha256:00\\nb==2 --hash=sha256:11\\n", ["b"])
    'b==2 --hash=sha256:11\\n'
    """
    blocks: dict[str, list[str]] = {}
    current: list[str] = []
    for line in lock.splitlines(keepends=True):
        if match := _REQUIREMENT.match(line):
            current = blocks.setdefault(_normalised(match[1]), [])
        current.append(line)
    missing = [name for name in names if name not in blocks]
    if missing:
        raise BundleError(f"requirements.lock has no {', '.join(missing)}; compile it again")
    return "".join("".join(blocks[name]) for name in names)


def build(target: Path = TARGET, *, python: str | None = None) -> Bundle:
    """Makes the bundle, in place of what was there.

    Args:
        target: the folder; its parent is made when it is not there.
        python: a Python of Lambda's version; None: there is none, so no bytecode.

    Raises:
        BundleError: pip finds no wheel for arm64, or the result is too large.
    """
    names = with_their_own(base_dependencies((ROOT / "pyproject.toml").read_text(encoding="utf-8")))
    requirements = locked((ROOT / "requirements.lock").read_text(encoding="utf-8"), names)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="lambda-") as folder:
        made = Path(folder) / "bundle"
        _install(requirements, Path(folder), made)
        copy_packages(made)
        not_compiled = _compile_native(made)
        tidy(made)
        (made / FILE).write_text(parts_list(made), encoding="utf-8")
        sizes = {entry.name: _bytes(entry) for entry in sorted(made.iterdir())}
        if python is not None:
            compile_all(made, python)
        _even_out(made)
        bundle = Bundle(target, sizes, _bytes(made) - sum(sizes.values()), not_compiled)
        check(bundle, made)
        if target.exists():
            shutil.rmtree(target)
        made.rename(target)
    return bundle


def copy_packages(made: Path) -> None:
    """Our own part of the bundle: packages with policies and weights, and what says which version they are."""
    for package in PACKAGES:
        shutil.copytree(ROOT / package, made / package, ignore=_left_out)
    expressions = made / "consumers/policies" / EXPRESSIONS
    expressions.with_name(PACKED_EXPRESSIONS).write_bytes(zlib.compress(expressions.read_bytes(), 9))
    expressions.unlink()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    name, version = project["name"], project["version"]
    info = made / f"{name}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", encoding="utf-8")


def parts_list(made: Path) -> str:
    """The bundle's SBOM, by what is in it: distributions, and the policy and the weights that are read at the start."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["name"]
    return sbom(made, project=project, needs=needed_on_lambda, artefacts=READ_AT_START)


def check(bundle: Bundle, made: Path, *, limit: int = MAX_BYTES) -> None:
    """Holds a bundle against what it must be.

    Args:
        bundle: its sizes.
        made: where it is now.
        limit: bytes, unpacked.

    Raises:
        BundleError: it is too large, lacks what the functions read or need, or has what they must not import.
    """
    if bundle.size >= limit:
        largest = sorted(bundle.sizes.items(), key=lambda item: -item[1])[:5]
        listed = ", ".join(f"{name} {size:,}" for name, size in largest)
        raise BundleError(
            f"the bundle has {bundle.size:,} bytes unpacked; allowed: less than {limit:,}. The largest: {listed}. "
            "Take out of the project's own dependencies what a Lambda does not need (extras are not bundled)"
        )
    missing = [name for name in READ_AT_START if not (made / name).is_file()]
    if missing:
        raise BundleError(f"the bundle lacks {', '.join(missing)}; are they in the checkout?")
    there = {_normalised(info.name.split("-")[0]): info for info in made.glob("*.dist-info")}
    for name, info in sorted(there.items()):
        lacking = [
            need for need in needed_on_lambda(metadata.Distribution.at(info).requires or []) if need not in there
        ]
        if lacking:
            raise BundleError(f"the bundle lacks {', '.join(lacking)}, which {name} needs on Python {PYTHON}")
    foreign = [name for name in (*LEFT_OUT, "numpy", "boto3", "botocore") if (made / name).exists()]
    if foreign:
        raise BundleError(f"the bundle has {', '.join(foreign)}, which no function imports from it")


def _left_out(folder: str, names: list[str]) -> set[str]:
    inside = Path(folder).relative_to(ROOT)
    # What is compiled here, by this version or an earlier one, is for this machine.
    return {name for name in names if name.endswith((".so", "__pycache__")) or (inside / name).as_posix() in LEFT_OUT}


def _compile_native(made: Path) -> str:
    """Puts the library for Lambda in; why not, where it cannot be made."""
    try:
        for_lambda(made / LIBRARY)
    except CompilerError as error:
        return str(error)
    return ""


def find_python() -> str | None:
    """A Python of Lambda's version on the path; None when there is none that runs."""
    found = shutil.which(f"python{PYTHON}")
    return found if found is not None and version_of(found) == PYTHON else None


def version_of(python: str) -> str:
    """The version of a Python, such as ``3.13``; empty when it does not run."""
    command = [python, "-I", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - as asked for
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def compile_all(made: Path, python: str) -> None:
    """Puts bytecode beside each source file. It is never held against the source again, whatever times a zip gives.

    Raises:
        BundleError: a file does not compile.
    """
    command = [python, "-I", "-m", "compileall", "-q", "-j", "1", "--invalidation-mode", "unchecked-hash"]
    command += ["-s", str(made), "-p", _ON_LAMBDA, str(made)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - as asked for
    if done.returncode != 0:
        raise BundleError(f"{python} does not compile the bundle:\n{done.stdout.strip()}{done.stderr.strip()}")


def _install(requirements: str, folder: Path, target: Path) -> None:
    listed = folder / "requirements.txt"
    listed.write_text(requirements, encoding="utf-8")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
    command += ["--require-hashes", "--no-deps", "--only-binary=:all:", "--python-version", PYTHON]
    command += [part for platform in PLATFORMS for part in ("--platform", platform)]
    command += ["--implementation", "cp", "--target", str(target), "--requirement", str(listed)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own arguments
    if "No module named pip" in done.stderr:
        raise BundleError(f"{sys.executable} has no pip; use the environment of `make setup`, or: python -m ensurepip")
    if done.returncode != 0:
        raise BundleError(f"pip found no wheels for arm64, glibc 2.34, Python {PYTHON}:\n{done.stderr.strip()}")


def tidy(made: Path) -> None:
    """Takes out of an installation what no function needs, and what differs from one installation to the next."""
    for pattern in LEFT_OUT_OF_OTHERS:
        for path in made.glob(pattern):
            path.unlink()
    for path in made.rglob("*.so"):
        path.write_bytes(without_symbols(path.read_bytes()))
    for pattern in _NOT_NEEDED:
        for path in sorted(made.rglob(pattern)):
            # Our own packages keep what they have.
            if path.relative_to(made).parts[0] in PACKAGES:
                continue
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    for path in sorted(made.glob("*.dist-info/*")):
        # Licences and the version stay.
        if path.name in ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json"):
            path.unlink()


def _even_out(made: Path) -> None:
    for path in [made, *made.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
        os.utime(path, (_TIME, _TIME))


def _bytes(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def _name(requirement: str) -> str:
    return _normalised(re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0])


def _normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def main(arguments: list[str] | None = None) -> int:
    """Makes the bundle and prints its size; exit code 1 when it cannot be made."""
    parser = argparse.ArgumentParser(prog="python -m infra.bundle", description="Makes build/lambda.")
    parser.add_argument("--python", help=f"a Python {PYTHON} for the bytecode (default: python{PYTHON} on the path)")
    python = parser.parse_args(arguments).python
    if python is not None and (version := version_of(python)) != PYTHON:
        is_what = f"is Python {version}" if version else "does not run"
        print(f"--python: received {python!r}, which {is_what}; allowed: a Python {PYTHON}", file=sys.stderr)
        return 2
    python = python or find_python()
    try:
        bundle = build(python=python)
    except BundleError as error:
        print(error, file=sys.stderr)
        return 1
    for name, size in sorted(bundle.sizes.items(), key=lambda item: -item[1]):
        print(f"{size:>12,}  {name}")
    print(f"{bundle.size:>12,}  bytes unpacked in {bundle.path}, allowed: less than {MAX_BYTES:,}")
    if bundle.bytecode:
        print(f"{bundle.bytecode:>12,}  of bytecode beside them")
    else:
        print(f"No python{PYTHON} on the path, so there is no bytecode: cold starts take a third longer. See --python.")
    if bundle.not_compiled:
        print(f"WITHOUT THE NATIVE LIBRARY, so that judging takes about a third longer: {bundle.not_compiled}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
