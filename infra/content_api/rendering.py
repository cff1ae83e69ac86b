"""The API as it stands in the template, in YAML, and in the docs, in JSON."""

import json
from typing import Any

import yaml

from infra.content_api.openapi import gateway_document, public_document


class _Dumper(yaml.SafeDumper):
    """Long texts as blocks, no aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _mapping(dumper: yaml.SafeDumper, given: dict[str, Any]) -> yaml.Node:
    """What says no more than that something is a string stands in one line."""
    flow = given in ({"type": "string"}, {"schema": {"type": "string"}})
    return dumper.represent_mapping("tag:yaml.org,2002:map", given, flow_style=flow)


_Dumper.add_representer(str, _text)
_Dumper.add_representer(dict, _mapping)


def template_lines(indent: int) -> str:
    """The gateway's document as lines of the template, each ended."""
    text = yaml.dump(gateway_document(), Dumper=_Dumper, sort_keys=False, width=10_000, allow_unicode=True)
    return "".join(f"{' ' * indent}{line}\n" if line else "\n" for line in text.splitlines())


def document_text() -> str:
    """The document for readers, as a file of JSON."""
    return json.dumps(public_document(), indent=2, ensure_ascii=False) + "\n"
