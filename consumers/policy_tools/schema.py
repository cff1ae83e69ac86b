"""The JSON Schema of policies, for editors that help while a policy is written.

``python -m consumers.policy_tools.schema`` writes it; a test fails when it is stale.
"""

import inspect
import json
import re
from pathlib import Path
from typing import Any, get_args

import msgspec

import consumers.policies
from consumers.moderation import rules
from consumers.moderation.policy import Policy
from consumers.moderation.policy_content import RULE_TABLES
from consumers.moderation.rule_values import Severity

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


if __name__ == "__main__":
    PATH.write_text(rendered(), encoding="utf-8")
    print(f"written: {PATH.name}; tables of rules: {', '.join(RULE_TABLES)}; severities: {get_args(Severity)}")
