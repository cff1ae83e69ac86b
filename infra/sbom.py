"""What a bundle is made of, as a CycloneDX document that goes into the bundle itself.

The document says nothing of the moment it was made: the same bundle gives the same bytes.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

FILE = "sbom.cdx.json"
"""Where it lies, at the bundle's root."""
SPECIFICATION = "1.6"

Needs = Callable[[list[str]], Iterable[str]]


def sbom(made: Path, *, project: str, needs: Needs, artefacts: Iterable[str] = ()) -> str:
    """The CycloneDX document of a bundle, as JSON with sorted keys.

    Args:
        made: the bundle's folder; each ``*.dist-info`` in it is a component.
        project: the distribution that the others are there for.
        needs: which names of a distribution's requirements count where the bundle runs.
        artefacts: files in it, as paths from its root, that are components of their own with their SHA-256.

    Source: https://cyclonedx.org/docs/1.6/json/
    """
    there = {_normalised(one.name): one for one in map(metadata.Distribution.at, sorted(made.glob("*.dist-info")))}
    ours = there.pop(_normalised(project))
    components = [_library(one) for _, one in sorted(there.items())]
    components += [_file(made, path) for path in sorted(artefacts)]
    direct = [_purl(one) for _, one in sorted(there.items())] + sorted(artefacts)
    depends = [{"ref": _purl(ours), "dependsOn": direct}]
    for _, one in sorted(there.items()):
        needed = sorted(_purl(there[name]) for name in set(needs(one.requires or [])) if name in there)
        depends.append({"ref": _purl(one), "dependsOn": needed})
    document = {
        "$schema": f"http://cyclonedx.org/schema/bom-{SPECIFICATION}.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": SPECIFICATION,
        "version": 1,
        "metadata": {"component": {**_library(ours), "type": "application"}},
        "components": components,
        "dependencies": depends,
    }
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _library(one: metadata.Distribution) -> dict[str, Any]:
    found: dict[str, Any] = {
        "type": "library",
        "bom-ref": _purl(one),
        "name": one.name,
        "version": one.version,
        "purl": _purl(one),
    }
    headers: Any = one.metadata
    if licence := stated_licence(headers):
        key = {"expression": licence} if headers.get("License-Expression") else {"license": {"name": licence}}
        found["licenses"] = [key]
    return found


def _file(made: Path, path: str) -> dict[str, Any]:
    digest = hashlib.sha256((made / path).read_bytes()).hexdigest()
    kind = "machine-learning-model" if path.endswith(".bin") else "data"
    return {
        "type": kind,
        "bom-ref": path,
        "name": path,
        "hashes": [{"alg": "SHA-256", "content": digest}],
    }


def stated_licence(headers: Any) -> str:
    """What a distribution's metadata says of its licence: the expression, else the field, else the classifiers.

    >>> from email.message import Message
    >>> headers = Message()
    >>> headers["Classifier"] = "License :: OSI Approved :: MIT License"
    >>> stated_licence(headers)
    'MIT License'
    """
    classifiers = [
        one.rpartition(" :: ")[2] for one in headers.get_all("Classifier") or [] if one.startswith("License ::")
    ]
    field = str(headers.get("License") or "").strip()
    # Some put the whole text of the licence into the field.
    short = field if "\n" not in field and len(field) <= 64 else ""
    return str(headers.get("License-Expression") or short or " OR ".join(classifiers))


def _purl(one: metadata.Distribution) -> str:
    return f"pkg:pypi/{_normalised(one.name)}@{one.version}"


def _normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
