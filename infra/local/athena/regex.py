"""Regular expressions as Trino understands them, over RE2, for the part where both say the same."""

import re
from functools import lru_cache
from typing import Any, Final

import re2

from infra.local.athena.errors import QueryError, refused

# What Java and RE2 read alike. Anything else is refused by name.
_TOKEN: Final = re.compile(
    r"""
      \\[dDwWsSbB.\\+*?()\[\]{}|^$/\-nrt"'#%&,:;<=>@_`~!]      # classes and quoted characters
    | \\x[0-9A-Fa-f]{2} | \\[AzQE]
    | \\p\{(?:L|Lu|Ll|N|Nd|P|S|Z|M|Mn)\} | \\P\{(?:L|Lu|Ll|N|Nd|P|S|Z|M|Mn)\}
    | \[\^?(?:\\x[0-9A-Fa-f]{2}|\\[dDwWsS.\\+*?()\[\]{}|^$/\-nrt"'&]|\[:[a-z]+:\]|&(?!&)|[^\[\]\\&])+\]
    | \(\?:|\(\?i\)|\(\?s\)|\(\?i:|\(\?s:|\(\?<[A-Za-z]\w*>|\((?!\?)|\)
    | \{\d+(?:,\d*)?\}\??|[*+?]\??|[.|^$]
    | [^\\\[\](){}*+?.|^$]
    """,
    re.VERBOSE,
)
_ASCII_ONLY: Final = re.compile(r"\\[bB]")
_GROUP: Final = re.compile(r"\\(.)|\$(\d)|\$\{(\w+)\}|(\$)", re.DOTALL)


def check_pattern(pattern: str) -> None:
    """Nothing, when the pattern means the same in Trino and in RE2.

    Raises:
        QueryError: NOT_SUPPORTED names the part that does not; INVALID_FUNCTION_ARGUMENT when it is not a pattern.

    >>> check_pattern("(?<=a)b")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    infra.local.athena.errors.QueryError: NOT_SUPPORTED: ...
    """
    position = 0
    while position < len(pattern):
        match = _TOKEN.match(pattern, position)
        if match is None:
            raise refused(
                f"the pattern part {pattern[position : position + 6]!r}",
                advice="infra/local/athena/regex.py lists what it takes",
            )
        position = match.end()
    _compile(pattern)


def is_ascii_only(pattern: str) -> bool:
    r"""Whether the answer could differ outside ASCII: RE2's ``\b`` knows no other letters.

    >>> is_ascii_only(r"\bspam\b"), is_ascii_only("spam")
    (True, False)
    """
    return _ASCII_ONLY.search(pattern) is not None


@lru_cache(maxsize=256)
def _compile(pattern: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options=options)
    except re2.error:
        raise QueryError("INVALID_FUNCTION_ARGUMENT", f"the pattern {pattern!r} is not a regular expression") from None


@lru_cache(maxsize=256)
def _doubts(pattern: str) -> tuple[bool, bool, bool]:
    """Whether the answer may differ for text outside ASCII, with a vertical tab, with a line break at its end."""
    return is_ascii_only(pattern), re.search(r"\\[sS]", pattern) is not None, "$" in pattern


def _guard(text: str, pattern: str) -> None:
    ascii_only, has_space, has_end = _doubts(pattern)
    if ascii_only and not text.isascii():
        raise QueryError(
            "NOT_SUPPORTED",
            "the local twin does not answer \\b for text outside ASCII; run it on AWS",
        )
    if has_space and "\x0b" in text:
        raise QueryError("NOT_SUPPORTED", "the local twin does not answer \\s for text with a vertical tab")
    if has_end and text.endswith("\n"):
        raise QueryError("NOT_SUPPORTED", "the local twin does not answer $ for text that ends in a line break")


def like(text: str, pattern: str) -> bool:
    """``regexp_like``: whether the pattern is found anywhere."""
    return (_like_again if len(text) <= _SHORT else _like)(text, pattern)


def _like(text: str, pattern: str) -> bool:
    _guard(text, pattern)
    # Of bytes re2 does not count out where in the text a match begins and ends.
    return _compile(pattern).search(text.encode()) is not None


def extract(text: str, pattern: str, group: int) -> str | None:
    """``regexp_extract``: the first match or its group; None when there is none.

    >>> extract("a12", "([a-z])([0-9]+)", 2), extract("a", "[0-9]", 0)
    ('12', None)
    """
    return (_extract_again if len(text) <= _SHORT else _extract)(text, pattern, group)


def _extract(text: str, pattern: str, group: int) -> str | None:
    _guard(text, pattern)
    compiled = _compile(pattern)
    _check_group(compiled, group)
    match = compiled.search(text)
    return None if match is None else match.group(group)


# Many rows have one short text, as those of an object have its address.
_SHORT: Final = 1024
_like_again: Final = lru_cache(maxsize=1024)(_like)
_extract_again: Final = lru_cache(maxsize=1024)(_extract)


def _check_group(compiled: Any, group: int) -> None:
    if not 0 <= group <= compiled.groups:
        raise QueryError(
            "INVALID_FUNCTION_ARGUMENT", f"Pattern has {compiled.groups} groups. Cannot access group {group}"
        )


def extract_all(text: str, pattern: str, group: int) -> list[str | None]:
    """``regexp_extract_all``."""
    _guard(text, pattern)
    compiled = _compile(pattern)
    _check_group(compiled, group)
    return [match.group(group) for match in compiled.finditer(text)]


def count(text: str, pattern: str) -> int:
    """``regexp_count``."""
    _guard(text, pattern)
    return sum(1 for _ in _compile(pattern).finditer(text))


def position(text: str, pattern: str, start: int, nth: int) -> int:
    """``regexp_position``: from 1; -1 when the pattern is not found so often from ``start`` on.

    Raises:
        QueryError: INVALID_FUNCTION_ARGUMENT for a start or a number below 1.
    """
    _guard(text, pattern)
    if start < 1 or nth < 1:
        raise QueryError("INVALID_FUNCTION_ARGUMENT", "start position and occurrence must be at least 1")
    for found, match in enumerate(_compile(pattern).finditer(text, start - 1), start=1):
        if found == nth:
            return int(match.start()) + 1
    return -1


def split(text: str, pattern: str) -> list[str]:
    """``regexp_split``."""
    _guard(text, pattern)
    pieces, last = [], 0
    for match in _compile(pattern).finditer(text):
        pieces.append(text[last : match.start()])
        last = match.end()
    return [*pieces, text[last:]]


def replace(text: str, pattern: str, replacement: str) -> str:
    r"""``regexp_replace``: ``$1`` is a group, ``\`` quotes the next character.

    >>> replace("ab", "(a)(b)", "$2$1"), replace("a", "a", r"\$")
    ('ba', '$')
    """
    _guard(text, pattern)
    compiled = _compile(pattern)

    def fill(match: Any) -> str:
        def part(found: re.Match[str]) -> str:
            if found[1] is not None:
                return found[1]
            if found[3] is not None and found[3] in compiled.groupindex:
                return match.group(found[3]) or ""
            if found[2] is None:
                raise QueryError("INVALID_FUNCTION_ARGUMENT", f"Illegal replacement sequence: {replacement}")
            number = int(found[2])
            _check_group(compiled, number)
            return match.group(number) or ""

        return _GROUP.sub(part, replacement)

    pieces, last = [], 0
    for match in compiled.finditer(text):
        pieces += [text[last : match.start()], fill(match)]
        last = match.end()
    return "".join([*pieces, text[last:]])
