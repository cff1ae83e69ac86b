"""Words with letters masked: "f*ck", "sh**", "n*gg*r"."""

from collections.abc import Iterator, Sequence

from consumers.moderation.scan import compiled

_HINT = r"\pL\*+[\pL\pN]|\pL{2}\*{2}"
_MASKED = r"\pL[\pL\pN$@!]*\*[\pL\pN$@!*]*"
_MOST = 50
"""Masked words of a text that are looked at."""

MIN_LETTERS = 4
"""Letters of the shortest term that is looked for: "a*b" is a product."""


def has_masks(plain: str) -> bool:
    """Whether an asterisk stands between letters, or two behind two letters."""
    return compiled(_HINT).search(plain) is not None


class MaskedTerms:
    """Finds single words of which most letters can be seen, the first among them.

    >>> list(MaskedTerms(["fuck", "idiot"], [8, 0]).find("f*cking id**t", "f*cking id**t"))
    [(0, 0, 7), (1, 8, 13)]
    """

    def __init__(self, terms: Sequence[str], endings: Sequence[int]) -> None:
        """Takes terms.

        Args:
            terms: in their folded form.
            endings: for each how many letters may follow.
        """
        # By the first letter and the length of a word, which is longer than a term that is inflected.
        self._terms: dict[tuple[str, int], list[tuple[int, str]]] = {}
        for number, (term, ending) in enumerate(zip(terms, endings, strict=True)):
            if term.isalpha() and len(term) >= MIN_LETTERS:
                for length in range(len(term), len(term) + ending + 1):
                    self._terms.setdefault((term[0], length), []).append((number, term))

    def find(self, folded: str, plain: str) -> Iterator[tuple[int, int, int]]:
        """Each term that a masked word may be: its number, and where the word begins and ends."""
        for count, match in enumerate(compiled(_MASKED).finditer(plain)):
            if count == _MOST:
                return
            start, end = match.span()
            word = folded[start:end]
            seen = sum(map(str.isalpha, word))
            if seen < 2:
                continue
            for number, term in self._terms.get((word[0], len(word)), ()):
                if _may_be(word, term):
                    yield number, start, end


def _may_be(word: str, term: str) -> bool:
    shown = 0
    for one, other in zip(word, term, strict=False):
        if one == other:
            shown += 1
        elif one != "*":
            return False
    return shown * 2 >= len(term) and shown < len(term)
