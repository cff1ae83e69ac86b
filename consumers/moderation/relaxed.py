"""Expressions made easier to search for, at the price of matching in more texts than they should.

An expression with ``[^.!?]{0,60}`` or ``(?:\\w+ ){0,3}`` in it makes its automaton count, from every place where it may
have begun: states that no two texts share, so that a text met for the first time waits for them to be made. Without the
upper bound there is nothing to count. What does not match then does not match at all, and that is nearly every text.
"""

import re

_FEWEST = 10
"""The upper bound of a repeated character from which on counting costs more than texts that match for lack of it."""
_FEWEST_OF_GROUP = 3
"""The same for a repeated group."""

_PART = re.compile(
    r"\\[xpP]\{[^}]*\}|\\.|\[\^?\]?(?:\\[xpP]\{[^}]*\}|\\.|[^\]\\])*\]|(?P<closed>\)?)\{(?P<least>\d+),(?P<most>\d+)\}|.",
    re.DOTALL,
)
_NOT_READ = ("\\Q", "[:")
"""Quoted text and classes within classes: what has them stays as it is."""


def relaxed(expression: str) -> str:
    """An expression without the bounds of what may be repeated many times: it matches wherever this one does.

    Args:
        expression: one that re2 takes.

    >>> relaxed(r"check (?:\\w+ ){0,3}out.{2,40}[{0,99}]\\{1,20}a{2,4}")
    'check (?:\\\\w+ ){0,}out.{2,}[{0,99}]\\\\{1,20}a{2,4}'
    """
    if any(sign in expression for sign in _NOT_READ):
        return expression
    return _PART.sub(_without_bound, expression)


def _without_bound(part: re.Match[str]) -> str:
    most = part["most"]
    if most is None or int(most) < (_FEWEST_OF_GROUP if part["closed"] else _FEWEST):
        return part[0]
    return f"{part['closed']}{{{part['least']},}}"
