"""Arrays, maps and rows as Athena writes them: ``[late, spam]``, ``{label=spam, score=0.9}``.

Athena's text form quotes nothing, so an element that itself holds a comma and a blank comes apart, and numbers cannot
be told from texts. Where that matters, select ``json_format(CAST(x AS json))``, whose type is exact.
"""

import re

NESTED_TYPES = ("array", "map", "row")

_OPENS = {"[": "]", "{": "}"}
_KEY = re.compile(r"([^=,\[\]{}]*)=")

Nested = str | None | list["Nested"] | dict[str, "Nested"]
"""What stands inside: texts, and null."""


def read_nested(text: str) -> Nested:
    """The lists and dictionaries that a text stands for; the text itself when it is not of that form.

    >>> read_nested("[late, spam]"), read_nested("[]"), read_nested("[null]")
    (['late', 'spam'], [], [None])
    >>> read_nested("[{label=spam, score=0.9}, {label=pii, score=1.0}]")
    [{'label': 'spam', 'score': '0.9'}, {'label': 'pii', 'score': '1.0'}]
    >>> read_nested("[a")
    '[a'
    """
    try:
        value, end = _value(text, 0)
    except (_NotNestedError, RecursionError):
        return text
    return value if end == len(text) else text


class _NotNestedError(ValueError):
    """The text is not of that form."""


def _value(text: str, start: int) -> tuple[Nested, int]:
    opening = text[start : start + 1]
    if opening not in _OPENS:
        raise _NotNestedError
    closing = _OPENS[opening]
    listed: list[Nested] = []
    named: dict[str, Nested] = {}
    place = start + 1
    if text[place : place + 1] == closing:
        return (listed if opening == "[" else named), place + 1
    while True:
        key = None
        if opening == "{":
            found = _KEY.match(text, place)
            if found is None:
                raise _NotNestedError
            key, place = found[1], found.end()
        value, place = _item(text, place, closing)
        if key is None:
            listed.append(value)
        elif key in named:
            raise _NotNestedError
        else:
            named[key] = value
        if text.startswith(", ", place):
            place += 2
        elif text[place : place + 1] == closing:
            return (listed if opening == "[" else named), place + 1
        else:
            raise _NotNestedError


def _item(text: str, start: int, closing: str) -> tuple[Nested, int]:
    if text[start : start + 1] in _OPENS:
        return _value(text, start)
    ends = [end for end in (text.find(", ", start), text.find(closing, start)) if end >= 0]
    if not ends:
        raise _NotNestedError
    word = text[start : min(ends)]
    return (None if word == "null" else word), min(ends)
