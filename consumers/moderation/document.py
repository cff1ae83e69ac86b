"""A policy's text as a TOML document: whatever it holds, a table comes back or an error that says where."""

import tomllib
from collections.abc import Iterable
from typing import Any

from consumers.moderation.problems import PolicyError, Problem
from consumers.moderation.scan import compiled

MAX_LEVELS = 12
"""Tables and arrays inside one another. The deepest place of a policy, thresholds of a surface in a language, is 7."""

_KEY = r"""(?:[A-Z0-9_-]+|"[^"\n]*"|'[^'\n]*')[ \t]*"""
_LONG_KEY = r"(?m)(?:^|[{,\[])[ \t]*(?:" + _KEY + r"\.[ \t]*){50}"
"""tomllib takes a time that grows with the square of a key's parts; no policy has a key with a fifth of these."""
_DEEP = r"(?:[\[{]\s*(?:" + _KEY + rf"=\s*)?){{{MAX_LEVELS}}}|(?:{_KEY}\.[ \t]*){{{MAX_LEVELS}}}"
_LONG_NUMBER = r"[0-9][0-9_]{999}"


def read_document(text: str) -> dict[str, Any]:
    """The table that a TOML text stands for.

    Args:
        text: the text, of any length.

    Raises:
        PolicyError: it is not TOML, or nested deeper than any policy.

    >>> read_document('id = "a"')
    {'id': 'a'}
    >>> read_document("a")
    Traceback (most recent call last):
    consumers.moderation.problems.PolicyError: line 1, column 2: not TOML: Expected '=' after a key in a key/value pair
    """
    if compiled(_LONG_KEY).search(text):
        raise _too_deep(text)
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PolicyError([_not_toml(str(error), text)]) from None
    except RecursionError:
        raise _too_deep(text) from None
    except ValueError:
        # The one thing that tomllib leaves to Python: a decimal number longer than int() reads.
        raise PolicyError([_problem(text, _LONG_NUMBER, "not TOML: a number of over 4,000 digits")]) from None
    if _levels(document) > MAX_LEVELS:
        raise _too_deep(text)
    return document


def _levels(document: dict[str, Any]) -> int:
    """How deep a document is nested; counted without recursion, for it may be deeper than Python's stack."""
    levels = 0
    inside: list[Any] = [document]
    while inside:
        levels += 1
        inside = [inner for one in inside for inner in _entries(one) if isinstance(inner, dict | list)]
    return levels


def _entries(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value


def _too_deep(text: str) -> PolicyError:
    what = f"not a policy: nested too deep; allowed: at most {MAX_LEVELS} tables and arrays inside one another"
    return PolicyError([_problem(text, _DEEP, what)])


def _problem(text: str, where: str, message: str) -> Problem:
    found = compiled(where).search(text)
    at = found.start() if found else 0
    return Problem(text.count("\n", 0, at) + 1, at - (text.rfind("\n", 0, at) + 1) + 1, "", message)


def _not_toml(message: str, text: str) -> Problem:
    what, _, where = message.rpartition(" (at ")
    numbers = [int(word) for word in where.rstrip(")").replace(",", " ").split() if word.isdigit()]
    # Without numbers it is "at end of document".
    last = text.rfind("\n") + 1
    line, column = numbers if len(numbers) == 2 else (text.count("\n") + 1, len(text) - last + 1)
    return Problem(line, column, "", f"not TOML: {what or message}")
