"""The stages that a stack is deployed as, from ``infra/aws/samconfig.toml``."""

import tomllib
from pathlib import Path
from typing import Final

from msgspec import Struct

from infra.local.defaults import TEMPLATE

FILE: Final = TEMPLATE.parent / "samconfig.toml"


class Stage(Struct, frozen=True):
    """What a stage says: the stack's name, its parameters and its tags."""

    name: str
    stack: str
    parameters: dict[str, str]
    tags: dict[str, str]


def read_stage(name: str, path: Path = FILE) -> Stage:
    """A stage of the file.

    Raises:
        ValueError: the file cannot be read, or has no such stage.

    >>> read_stage("dev").stack
    'streamkeeper-dev'
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ValueError(f"{path}: {error}") from error
    stages = {key: one for key, one in document.items() if isinstance(one, dict) and "deploy" in one}
    if name not in stages:
        raise ValueError(f"--stage {name!r} is not in {path.name}; it has {', '.join(sorted(stages)) or 'none'}")
    given = stages[name]["deploy"].get("parameters", {})
    return Stage(
        name=name,
        stack=str(given.get("stack_name", f"streamkeeper-{name}")),
        parameters=pairs(str(given.get("parameter_overrides", "")).split()),
        tags=pairs(str(given.get("tags", "")).split()),
    )


def pairs(given: list[str] | tuple[str, ...]) -> dict[str, str]:
    """NAME=VALUE pairs as a mapping.

    Raises:
        ValueError: one that is none.

    >>> pairs(["A=1", "B=x=y"])
    {'A': '1', 'B': 'x=y'}
    """
    found = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not (name and equals):
            raise ValueError(f"{one!r} is no NAME=VALUE")
        found[name] = value
    return found
