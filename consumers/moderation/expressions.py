"""What is known beforehand of the expressions in the bundle: that re2 takes them, and what they cannot match without.

To compile a policy's expressions only to see whether they can be used, and to read each for the letters it needs, takes
a third of a cold start. So both is done when the bundle is rendered, and looked up by the expression's fingerprint.
"""

from functools import cache
from hashlib import sha256

import msgspec

from consumers.moderation.literals import Way, needed
from consumers.policies import read_expressions


def fingerprint(expression: str) -> str:
    """16 hexadecimal characters that stand for an expression.

    >>> fingerprint("[a-z]+")
    '32c4dce48fd6f587'
    """
    return sha256(expression.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def is_known(expression: str) -> bool:
    """Whether this expression is one of the bundle's, which re2 is known to take."""
    return fingerprint(expression) in _known()


def ways(expression: str) -> tuple[Way, ...]:
    """What :func:`consumers.moderation.literals.needed` says of an expression, without asking where it is known."""
    found = _known().get(fingerprint(expression))
    return needed(expression) if found is None else found


@cache
def _known() -> dict[str, tuple[Way, ...]]:
    return msgspec.json.decode(read_expressions(), type=dict[str, tuple[Way, ...]])
