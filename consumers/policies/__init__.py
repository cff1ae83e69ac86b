"""The policies and word lists in the bundle."""

import zlib
from pkgutil import get_data

EXPRESSIONS = "expressions.json"
PACKED_EXPRESSIONS = "expressions.json.z"
"""The same in the Lambda bundle, in a fifth of the room."""


def read_policy(name: str) -> str:
    """The TOML text of a bundled policy.

    Raises:
        ValueError: there is none of that name; the message says which there are.
    """
    try:
        data = None if "/" in name else get_data(__name__, f"{name}.toml")
    except FileNotFoundError:
        data = None
    if data is None:
        raise ValueError(f"received policy {name!r}; allowed: {', '.join(policy_names())}")
    return data.decode()


def policy_names() -> list[str]:
    """The names of the bundled policies."""
    # Not at the top: a cold start reads one policy by name, and this takes longer to import than that.
    from importlib import resources

    folder = resources.files(__name__)
    return sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))


def read_expressions() -> bytes:
    """What is known of the bundle's expressions; :mod:`consumers.moderation.expressions` says what stands in it."""
    try:
        data = get_data(__name__, EXPRESSIONS)
    except FileNotFoundError:
        packed = get_data(__name__, PACKED_EXPRESSIONS)
        data = None if packed is None else zlib.decompress(packed)
    assert data is not None  # noqa: S101
    return data


def read_list(language: str) -> str:
    """The word list of a language that :func:`lists` names."""
    data = get_data(__name__, f"lists/{language}.tsv")
    assert data is not None  # noqa: S101
    return data.decode()


def lists() -> tuple[str, tuple[str, ...]]:
    """Which version the word lists are of, as 16 hexadecimal characters, and their languages."""
    data = get_data(__name__, "lists/INDEX")
    assert data is not None  # noqa: S101
    version, *languages = data.decode().split()
    return version, tuple(languages)
