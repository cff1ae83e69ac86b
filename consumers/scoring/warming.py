"""Texts that make moderation build what it otherwise builds on first use.

Most processes never need most of it, so they do not build it at the start. A server does: it lives long, and the first
request that needed such a part would wait tens of milliseconds for it, together with every request behind it.
"""

from collections.abc import Iterable, Iterator

from consumers.lexicons import LANGUAGES
from consumers.moderation.detectors.relations.lexicon import entries
from consumers.moderation.expressions import ways
from consumers.moderation.literals import BEYOND_ASCII
from consumers.moderation.moderator import Moderator

USUAL = (
    "You are a complete idiot. Thank you for the recipe! 🙂",
    "Call +44 20 7946 0958 or write to me@example.com, see https://example.com/?a=1 10.0.0.1, card 4111111111111111",
    "**S.u.b.s.c.r.i.b.e** to my channel, f u c k &amp; win a prize: 1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2",
    "Ça va bien, ты где, आप कैसे हैं",
    "你好，世界",
    "白" * 30,
)
"""What most texts need."""
_RARER = (
    "what the f*** is this sh*t, a**hole, idi0t, biiiitch, fûck, fuсk",
    "He’s 6’0” and “all women are liars”, she said; 'nobody' (not me) hates \"women\"… #blessed @you <b>bold</b>",
)
_AT_ONCE = 8


def rarer(moderator: Moderator, languages: Iterable[str]) -> Iterator[tuple[str, str | None]]:
    """Texts with their languages: for each expression of a policy what it cannot match without, disguises, names of
    groups, and words for the lists of each language.

    Args:
        moderator: whose policy.
        languages: that texts are in.
    """
    texts = [text for text in map(_needed, moderator.expressions) if text]
    for first in range(0, len(texts), _AT_ONCE):
        yield "\n".join(texts[first : first + _AT_ONCE]), "en"
    for language in (None, *languages):
        for text in (*USUAL, *_RARER):
            yield text, language
    for language in LANGUAGES:
        yield next(iter(entries(language))).text, language


def _needed(expression: str) -> str:
    """What a text has where an expression may match."""
    found = ways(expression)
    if not found:
        return ""
    pieces = [min(clause - {BEYOND_ASCII}, key=len, default="é") for clause in (*found[0].clauses, *found[0].also)]
    return " ".join([*pieces, "1" * found[0].digits])
