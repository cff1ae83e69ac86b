"""The JSON Schema of policies, for editors that help while a policy is written.

``python -m consumers.policy_tools.schema`` writes it; with ``--check`` it says whether it is stale.
"""

import inspect
import json
import re
import sys
from pathlib import Path
from typing import Any

import msgspec

import consumers.policies
from consumers.moderation import rules
from consumers.moderation.policy import Policy
from glue.terminal.renderings import keep_fresh

ROOT = Path(__file__).parents[2]
PATH = Path(consumers.policies.__file__).parent / "policy.schema.json"
_ENTRY = re.compile(r"^ {4}([a-z_, ]+): ((?:.|\n {8})*)", re.MULTILINE)


def schema() -> dict[str, Any]:
    """The schema, with a description for every key."""
    found: dict[str, Any] = msgspec.json.schema(Policy)
    definitions = found["$defs"]
    for name, definition in definitions.items():
        described = getattr(rules, name, None) or Policy
        meanings = _meanings(described)
        definition["description"] = inspect.cleandoc(described.__doc__ or "").partition("\n")[0]
        for key, value in definition.get("properties", {}).items():
            if key in meanings:
                value["description"] = ". ".join(filter(None, [meanings[key], value.get("description", "")]))
            # None cannot be written in TOML.
            if "anyOf" in value:
                value["anyOf"] = [one for one in value["anyOf"] if one != {"type": "null"}]
            if value.get("default", 0) is None:
                del value["default"]
        if "severity" in definition.get("properties", {}):
            # The score itself, or the word that stands for it; not both.
            definition["required"] = [key for key in definition["required"] if key != "score"]
            definition["oneOf"] = [{"required": ["score"]}, {"required": ["severity"]}]
        if "from" in definition.get("properties", {}):
            definition["anyOf"] = [{"required": ["terms"]}, {"required": ["from"]}]
        if "extends" in definition.get("properties", {}):
            definition["anyOf"] = [{"required": ["labels"]}, {"required": ["extends"]}]
            definition["properties"]["labels"]["minProperties"] = 1
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Streamkeeper policy",
        **found,
    }


def rendered() -> str:
    """What the file holds."""
    # The end of a text: \\Z in Python, $ in the expressions of JSON Schema.
    return json.dumps(schema(), indent=1, ensure_ascii=False).replace('\\\\Z"', '$"') + "\n"


def _meanings(kind: type) -> dict[str, str]:
    """The meanings of a record's fields, as its docstring and those of what it extends give them."""
    found: dict[str, str] = {}
    for part in reversed(kind.__mro__):
        text = inspect.cleandoc(part.__doc__ or "")
        _, _, arguments = text.partition("Args:\n")
        for match in _ENTRY.finditer(arguments):
            meaning = " ".join(match[2].split()).rstrip(".")
            found |= {name.strip(): meaning for name in match[1].split(",")}
    return found


def main(arguments: list[str] | None = None) -> int:
    """The exit code: 0 when the schema is (or now is) up to date, 1 when ``--check`` found it stale."""
    command = "python -m consumers.policy_tools.schema"
    return keep_fresh({PATH: rendered()}, arguments, command=command, description=__doc__, root=ROOT)


if __name__ == "__main__":
    sys.exit(main())
