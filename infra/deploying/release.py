"""What a release is: the code of the bundle and the parameters that the moderating function is made of.

SAM publishes another version of a function for other code, and not for another value of a parameter. Without a name for
both, a changed parameter would reach the function, and never the version that its batches go to.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from infra import bundle
from infra.local.cloudformation.intrinsics import Template, references

PARAMETER: Final = "Release"
_OF_NO_VERSION: Final = frozenset(
    {
        *("AutoPublishAlias", "AutoPublishAliasAllProperties", "AutoPublishCodeSha256", "DeploymentPreference"),
        *("ReservedConcurrentExecutions", "Tags", "VersionDeletionPolicy"),
    }
)
"""Properties that are no part of a version: another one of these publishes nothing, and Lambda would refuse."""


def release(template: Template, parameters: Mapping[str, str], code: str, function: str = "ModerateFunction") -> str:
    """The name of a release, 64 hexadecimal characters; the same for the same code and parameters.

    Args:
        template: the project's.
        parameters: as they will be; the others have their defaults.
        code: what tells one bundle from another.

    >>> resources = {"F": {"Properties": {"X": {"Ref": "A"}}}}
    >>> template = {"Parameters": {"A": {"Default": 1}, "B": {}}, "Resources": resources}
    >>> release(template, {"B": "1"}, "c", "F") == release(template, {"A": "1", "B": "2"}, "c", "F")
    True
    >>> release(template, {"A": "2"}, "c", "F") == release(template, {}, "c", "F")
    False
    """
    properties = template["Resources"][function]["Properties"]
    given = {name: value for name, value in properties.items() if name not in _OF_NO_VERSION}
    names = {*references(given)}
    for condition in _conditions(given):
        names |= {*references(template.get("Conditions", {}).get(condition, {}))}
    declared = template["Parameters"]
    values = {name: str(parameters.get(name, declared[name].get("Default", ""))) for name in names if name in declared}
    return hashlib.sha256(json.dumps([code, sorted(values.items()), given], sort_keys=True).encode()).hexdigest()


def _conditions(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for one in value:
            yield from _conditions(one)
    elif isinstance(value, dict):
        for name, argument in value.items():
            if name == "Fn::If":
                yield str(argument[0])
            yield from _conditions(argument)


def bundle_digest(folder: Path = bundle.TARGET) -> str:
    """What tells one bundle from another: the names and bytes of all its files."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            digest.update(f"{path.relative_to(folder).as_posix()}\0{path.stat().st_size}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()
