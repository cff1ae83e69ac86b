"""The bundle's handlers, imported under the Python and on the processor that the template names, and its parts list."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from infra.bundle import PYTHON
from infra.local.cloudformation.intrinsics import Template
from infra.local.cloudformation.provision import read_template
from infra.sbom import FILE
from infra.supply_chain.steps import NOT_RUN, Step, judged, run

BUNDLE = Path("build/lambda")
QEMU = ("qemu-aarch64-static", "qemu-aarch64")
MACHINE = "aarch64"
OF_THE_RUNTIME = ("boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six", "urllib3")
"""What Lambda's Python brings along. Source: https://docs.aws.amazon.com/lambda/latest/dg/lambda-python.html"""

_IMPORT = """
import importlib, os, platform, sys
sys.path[:0] = sys.argv[1:3]
from consumers import native
assert native.LIBRARY is not None or not os.path.exists(os.path.join(native.__path__[0], native.FILE)), native.FILE
for name in sys.argv[3:]:
    module, _, function = name.rpartition(".")
    assert callable(getattr(importlib.import_module(module), function)), name
print(platform.machine(), "%d.%d" % sys.version_info[:2])
"""
_VALIDATE = """
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
found = JsonStrictValidator(SchemaVersion.from_version(sys.argv[2])).validate_str(open(sys.argv[1]).read())
print(found.data.message if found else "", end="")
"""


def handlers(template: Template) -> list[str]:
    """The handlers that the template runs from the bundle, sorted.

    >>> function = {"Type": "AWS::Serverless::Function", "Properties": {"CodeUri": "build/lambda", "Handler": "a.b"}}
    >>> handlers({"Resources": {"F": function}})
    ['a.b']
    """
    functions = [one["Properties"] for one in template["Resources"].values() if one["Type"].endswith("less::Function")]
    return sorted({one["Handler"] for one in functions if str(one.get("CodeUri", "")).endswith(BUNDLE.as_posix())})


def target(root: Path, folder: Path | None, qemu: str | None = None) -> Step:
    """Imports every handler of the bundle as Lambda will, where the machine can.

    Args:
        root: the project's folder.
        folder: the root of an aarch64 system with Lambda's Python at ``usr/bin``; None: there is none.
        qemu: the emulator; by default the one on the path.
    """
    name = f"{MACHINE} imports"
    emulator = qemu or next((one for one in map(shutil.which, QEMU) if one), None)
    if emulator is None:
        return Step(name, NOT_RUN, f"none of {', '.join(QEMU)} is on the path")
    if folder is None:
        said = f"no Python {PYTHON} for {MACHINE} is given: make audit AARCH64=folder, which has usr/bin/python{PYTHON}"
        return Step(name, NOT_RUN, said)
    if not (folder / f"usr/bin/python{PYTHON}").is_file():
        return judged(name, [f"received {str(folder)!r}, which has no usr/bin/python{PYTHON}"], "AARCH64")
    if not (root / BUNDLE).is_dir():
        return Step(name, NOT_RUN, f"there is no {BUNDLE}: make bundle")
    wanted = handlers(read_template())
    system = folder.resolve()
    with _runtime() as libraries:
        command = [emulator, "-L", str(system), str(system / f"usr/bin/python{PYTHON}"), "-I", "-B", "-c", _IMPORT]
        code, said, error = run(
            [*command, str(libraries), str(root / BUNDLE), *wanted],
            cwd=root,
            environment={"AWS_DEFAULT_REGION": "us-east-1"},
        )
    if code == 0 and said.split() == [MACHINE, PYTHON]:
        return judged(name, [], f"{', '.join(wanted)} under Python {PYTHON} on {MACHINE}")
    last = (error.strip().splitlines() or [said.strip() or "nothing was said"])[-1]
    return judged(name, [f"ended with {code}: {last}"], f"{len(wanted)} handlers")


def parts_list(root: Path, tools: Path) -> Step:
    """The bundle's own SBOM: it is valid CycloneDX and names every distribution that is in the bundle."""
    path = root / BUNDLE / FILE
    if not path.is_file():
        return Step("SBOM", NOT_RUN, f"there is no {BUNDLE / FILE}: make bundle")
    document = json.loads(path.read_text("utf-8"))
    command = [str(tools / "python"), "-c", _VALIDATE, str(path), document["specVersion"]]
    code, said, error = run(command, cwd=root)
    if code != 0:
        return Step("SBOM", NOT_RUN, f"the validator ended with {code}: {error.strip()[-300:]}")
    found = [f"{FILE}: {said}"] if said else []
    listed = {one["purl"] for one in document["components"] if "purl" in one}
    there = {one.name.lower().replace("_", "-"): one.version for one in _distributions(path.parent)}
    there.pop(document["metadata"]["component"]["name"])
    found += [f"{FILE} lists {one}, which is not in the bundle" for one in sorted(listed - _purls(there))]
    found += [f"{FILE} does not list {one}" for one in sorted(_purls(there) - listed)]
    return judged("SBOM", found, f"CycloneDX {document['specVersion']}, {len(document['components'])} components")


def _purls(there: dict[str, str]) -> set[str]:
    return {f"pkg:pypi/{name}@{version}" for name, version in there.items()}


def _distributions(folder: Path) -> list[metadata.Distribution]:
    return [metadata.Distribution.at(one) for one in sorted(folder.glob("*.dist-info"))]


@contextmanager
def _runtime() -> Iterator[Path]:
    """A folder with what Lambda's Python brings along and nothing else, so that the bundle lacks nothing unseen."""
    with tempfile.TemporaryDirectory(prefix="streamkeeper-runtime-") as made:
        for name in OF_THE_RUNTIME:
            spec = find_spec(name)
            if spec is None or spec.origin is None:
                continue
            there = Path(spec.origin)
            source = there.parent if there.name == "__init__.py" else there
            (Path(made) / source.name).symlink_to(source)
        yield Path(made)
