"""How the world's public streams become events: one TOML file each, data and no code."""

import tomllib
from importlib import resources
from typing import Any

import msgspec

from glue.readers.formats import Format
from glue.readers.times import TimeUnit
from producers.mapping.columns import Condition, Place


class PresetError(ValueError):
    """A preset that cannot be used; the message says which there are, or what is wrong with this one."""


class Preset(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A stream of the world, and which of its columns is which field.

    Args:
        title: what it is, in a few words.
        about: what to know about it: what is content in it, which times and ids are taken, what stays behind.
        example: a command line.
        sources: pages that describe the format.
        namespace: part of the UUIDs that are made of its own ids, so that one event in two files stays one.
        form: what a file holds when its name does not say it.
        items: where the rows are in a JSON document.
        columns, constants, defaults, time_unit, assume_utc, loose, leave_out, only: as in
            :class:`producers.mapping.fields.Mapping`; an empty column turns a field off.
    """

    title: str
    about: str
    example: str
    sources: tuple[str, ...]
    namespace: str
    form: Format | None = None
    items: str | None = None
    columns: dict[str, Place] = {}
    constants: dict[str, str] = {}
    defaults: dict[str, str] = {}
    time_unit: TimeUnit | None = None
    assume_utc: bool = False
    loose: tuple[str, ...] = ()
    leave_out: frozenset[str] = frozenset()
    only: tuple[Condition, ...] = ()


def preset_names() -> list[str]:
    """The presets that there are, sorted.

    >>> preset_names()
    ['irc', 'jetstream', 'reddit', 'wikimedia']
    """
    entries = resources.files(__name__).iterdir()
    return sorted(entry.name.removesuffix(".toml") for entry in entries if entry.name.endswith(".toml"))


def read_preset(name: str) -> Preset:
    """The preset of this name.

    Raises:
        PresetError: there is none.
    """
    if name not in preset_names():
        raise PresetError(f"no preset {name!r}; allowed: {', '.join(preset_names())} (--list-presets tells of each)")
    return preset_of((resources.files(__name__) / f"{name}.toml").read_text("utf-8"))


def preset_of(text: str) -> Preset:
    """The preset that a TOML text describes.

    Raises:
        PresetError: it is no TOML, or says something that a preset does not know.
    """
    try:
        given: dict[str, Any] = tomllib.loads(text)
        return msgspec.convert(given, Preset)
    except (ValueError, msgspec.ValidationError, RecursionError) as error:
        raise PresetError(str(error)) from None


def describe() -> str:
    """All presets, for people."""
    blocks = []
    for name in preset_names():
        preset = read_preset(name)
        about = "\n".join(f"  {line}" for line in preset.about.strip().splitlines())
        sources = "\n".join(f"    {source}" for source in preset.sources)
        blocks.append(f"{name}: {preset.title}\n{about}\n  Example: {preset.example}\n  The format:\n{sources}")
    return "\n\n".join(blocks)
