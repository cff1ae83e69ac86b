"""What a new version of the contract may change: it may add optional things, and nothing else.

Every reader then reads every released version. The released renderings lie under ``glue/released/v<N>/`` and are never
edited.
"""

from collections.abc import Mapping, Sequence
from typing import Any


def incompatible_columns(old: Sequence[tuple[str, str]], new: Sequence[tuple[str, str]]) -> list[str]:
    """What would break readers of the old table, one sentence each; empty when nothing does.

    Args:
        old: released columns as (name, Hive type), in order.
        new: today's columns.

    >>> incompatible_columns([("a", "string")], [("a", "bigint"), ("b", "string")])
    ['column a was string and is bigint; allowed: the same type']
    """
    today = dict(new)
    broken = []
    for name, hive_type in old:
        if name not in today:
            broken.append(f"column {name} is gone; allowed: to keep it")
        elif today[name] != hive_type:
            broken.append(f"column {name} was {hive_type} and is {today[name]}; allowed: the same type")
    if [name for name, _ in new if name in dict(old)] != [name for name, _ in old if name in today]:
        broken.append("released columns changed their order; allowed: new columns after them")
    return broken


def incompatible_events(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """What would refuse events that the old JSON Schema took, one sentence each; empty when nothing does.

    Args:
        old: a released JSON Schema of the event.
        new: today's.

    >>> schema = {"properties": {"a": {"type": "string"}}, "required": []}
    >>> incompatible_events(schema, {**schema, "required": ["a"]})
    ['field a became required; allowed: new fields are optional']
    """
    broken = [
        f"field {name} became required; allowed: new fields are optional"
        for name in new["required"]
        if name not in old["required"]
    ]
    for name, rule in old["properties"].items():
        if name not in new["properties"]:
            broken.append(f"field {name} is gone; allowed: to keep it")
        elif name != "schema_version" and _without_words(rule) != _without_words(new["properties"][name]):
            broken.append(f"field {name} changed its rule; allowed: the same rule, and a new field for the new one")
    return broken


def _without_words(rule: Any) -> Any:
    if isinstance(rule, dict):
        return {name: _without_words(value) for name, value in rule.items() if name not in ("description", "title")}
    return rule
