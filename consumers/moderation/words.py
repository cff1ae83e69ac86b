"""The word lists of the bundle, as a policy uses them: one list a language, read when a text first needs it.

A line of a list is a term, its label, its severity, where it is from, and ``sure`` where it counts only in texts that
are known to be of the language. ``*`` at a term's end stands for up to eight more letters, in front for any. The list
``any`` counts in every language. How lists are made is in ``consumers.training.lists``.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

from msgspec import Struct

from consumers.moderation.rules import TermRule

EVERYWHERE = "any"
"""The list of words that count in every language."""

ALIASES = {"nb": "no", "nn": "no", "ms": "id", "in": "id", "iw": "he", "tl": "fil", "yue": "zh", "be": "ru"}
"""Languages that are looked after by the list of another."""

TONAL = frozenset({"vi"})
"""Languages in which an accent makes another word: các is not cặc."""

SEPARATOR = "\ue000"
"""A character of no script, which no term has."""


class Word(Struct, frozen=True, gc=False):
    """One term of a list.

    Args:
        term: in its plain form, without the asterisks.
        rule: what a text with it is.
        inside: whether it also counts inside a word.
        inflected: whether more letters may follow.
        sure: whether it counts only in texts that are known to be of the language.
    """

    term: str
    rule: TermRule
    inside: bool
    inflected: bool
    sure: bool


class WordLists:
    """The lists that a policy uses. Equal when they hold the same words with the same scores.

    Args:
        read: gives the text of a list, by its language.
        languages: which lists there are.
        least: by label, the score from which on a word can matter; others are left out.
        scores: the score of each severity.
    """

    def __init__(
        self,
        read: Callable[[str], str],
        *,
        languages: Sequence[str],
        least: Mapping[str, float],
        scores: Mapping[str, float],
    ) -> None:
        self._read = read
        self.languages = frozenset(languages)
        self._least = dict(least)
        self._scores = dict(scores)
        self._key = (read, self.languages, frozenset(least.items()), frozenset(scores.items()))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, WordLists) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def of(self, language: str | None) -> list[Word]:
        """The words that may stand in a text of this language; of any language when it is not known."""
        if language is None:
            wanted = sorted(self.languages)
        else:
            wanted = [one for one in (EVERYWHERE, language) if one in self.languages]
        return [word for one in wanted for word in self._words(one)]

    def _words(self, language: str) -> Iterator[Word]:
        rules: dict[tuple[str, str], TermRule] = {}
        for term, label, severity, sure in read_list(self._read(language)):
            if self._scores[severity] < self._least.get(label, 2.0):
                continue
            rule = rules.get((label, severity))
            if rule is None:
                name = f"words_{language}_{label}"
                spoken = None if language == EVERYWHERE else language
                exact = language in TONAL
                rule = TermRule(name, label, self._scores[severity], language=spoken, exact=exact)
                rules[label, severity] = rule
            yield Word(term.strip("*"), rule, term[0] == "*", term[-1] == "*", sure)


def read_list(text: str) -> Iterator[tuple[str, str, str, bool]]:
    """The term, label and severity of each line, and whether the language must be known.

    >>> list(read_list("# a comment\\nputain\\tprofanity\\tmedium\\tstreamkeeper\\n"))
    [('putain', 'profanity', 'medium', False)]
    """
    for line in text.split("\n"):
        if line and line[0] != "#":
            term, label, severity, _, *more = line.split("\t")
            yield term, label, severity, bool(more)
