"""The words of one language that relations are made of, ready to be found in a text in one pass.

Sections of a word list, each line ``weight: entry, entry``:

* ``[groups]``, the first: what people are attacked for belonging to. Two of its lines are named: ``adjective`` and
  ``people`` are put together ("black", "people"), so that "black" alone is no group.
* ``[they]``: words that mean the group that was named before.
* ``[contempt]``, ``[derogation]``, ``[dehumanisation]``, ``[exclusion]``, ``[violence]``: what is hostile when said of
  a group. Behind the name may stand where: ``before`` the group ("hate"), ``after`` it ("disgust me"), or ``modal``:
  only beside a word of ``[modal]`` ("should be shot").
* ``[positive]``, ``[negation]`` (of weight 2: over the whole clause, 3: the sentence), ``[counter]`` (who objects or
  reports), ``[self]`` (who speaks of himself or friends), ``[nothing]``: harmless words that hold one of the others.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Literal, get_args

from ahocorasick_rs import AhoCorasick, Implementation, MatchKind
from msgspec import Struct

from consumers.lexicons import WITH_VALENCE, read_lexicon
from consumers.moderation.kinds import RelationKind
from consumers.moderation.normalise import fold

Place = Literal["any", "before", "after", "modal"]
Role = Literal["group", "they", "hostile", "modal", "positive", "negation", "counter", "self", "nothing"]

_ROLES: dict[str, Role] = {
    "groups": "group",
    "they": "they",
    "modal": "modal",
    "positive": "positive",
    "negation": "negation",
    "counter": "counter",
    "self": "self",
    "nothing": "nothing",
}
_KINDS: frozenset[str] = frozenset(get_args(RelationKind))
FEWEST_LETTERS = 5
"""Letters of the shortest word that is also found with two letters swapped ..."""
_FEWEST_LETTERS_LEFT_OUT = 7
"""... and with one left out."""


_NOTHING: tuple["Entry", ...] = ()


class Entry(Struct, frozen=True, gc=False):
    """One word or phrase and what it says.

    Args:
        text: its folded form.
        role: what it does in a relation.
        weight: how strongly, 0 to 1.
        kind: of what is hostile, which kind of attack it is.
        place: of what is hostile, where the group must stand.
        open_end: whether the word may go on.
        sign: whether it is no word but an emoji.
    """

    text: str
    role: Role
    weight: float = 1.0
    kind: RelationKind = "derogation"
    place: Place = "any"
    open_end: bool = False
    sign: bool = False


def entries(name: str) -> Iterator[Entry]:
    """The entries of a word list.

    Raises:
        ValueError: a section that there is not; the message says where.
    """
    role: Role = "group"
    kind: RelationKind = "derogation"
    place: Place = "any"
    people: list[str] = []
    adjectives: list[str] = []
    for number, line in enumerate(read_lexicon(name).splitlines(), 1):
        line = line.strip()
        if not line or line[0] == "#":
            continue
        if line[0] == "[":
            yield from _together(adjectives, people)
            adjectives.clear()
            section, _, where = line.strip("[]").partition(" ")
            if section in _KINDS and (where or "any") in get_args(Place):
                role, kind, place = "hostile", section, where or "any"  # type: ignore[assignment]
            elif section in _ROLES and not where:
                role, kind, place = _ROLES[section], "derogation", "any"
            else:
                allowed = ", ".join(sorted(_KINDS | _ROLES.keys()))
                raise ValueError(f"{name}, line {number}: received section {line!r}; allowed: {allowed}")
            continue
        head, colon, rest = line.partition(": ")
        if colon and head in {"people", "adjective"}:
            (people if head == "people" else adjectives).extend(fold(rest).split(", "))
            continue
        weight, words = (float(head), rest) if colon else (1.0, line)
        for word in fold(words).split(", "):
            yield Entry(word.rstrip("*"), role, weight, kind, place, word.endswith("*"), name == "emoji")


def _together(adjectives: Sequence[str], people: Sequence[str]) -> Iterator[Entry]:
    for adjective in adjectives:
        for noun in people:
            yield Entry(f"{adjective} {noun}", "group")
        yield Entry(f"{adjective}people".replace(" ", ""), "group")


class Lexicon:
    """A language's entries, findable.

    Args:
        language: one of those that have a word list.
    """

    def __init__(self, language: str) -> None:
        by_text: dict[str, list[Entry]] = {}
        names = (language, "emoji", *((f"{language}_valence",) if language in WITH_VALENCE else ()))
        for name in names:
            for entry in entries(name):
                known = by_text.setdefault(entry.text, [])
                # What is said of a word in two places of one role: the first counts.
                if not any(other.role == entry.role for other in known):
                    known.append(entry)
        self.entries = list(by_text.values())
        self.find = AhoCorasick(
            list(by_text),
            matchkind=MatchKind.Standard,
            implementation=Implementation.ContiguousNFA,
            store_patterns=False,
        ).find_matches_as_indexes
        self._by_variant = self._variants(left_out=language == "en")

    def misspelled(self, word: str) -> Sequence[Entry]:
        """The entries of the word that this one is meant to be, with two letters swapped, or one left out.

        >>> [entry.text for entry in lexicon("en").misspelled("muslmis")]
        ['muslims']
        """
        return self._by_variant.get(word, _NOTHING)

    def are_spelled(self, words: Sequence[str]) -> bool:
        """Whether none of these words is one of the entries misspelled, which is so for most texts."""
        return self._by_variant.keys().isdisjoint(words)

    def _variants(self, *, left_out: bool) -> dict[str, list[Entry]]:
        variants: dict[str, list[Entry]] = {}
        for same in self.entries:
            text = same[0].text
            chosen = [entry for entry in same if entry.role in {"group", "hostile"} and entry.weight >= 0.7]
            if not chosen or len(text) < FEWEST_LETTERS or not text.isalpha() or chosen[0].open_end:
                continue
            for variant in swapped(text):
                variants.setdefault(variant, chosen)
            # In languages with many endings a word without a letter is often another word.
            if left_out and len(text) >= _FEWEST_LETTERS_LEFT_OUT:
                for place in range(1, len(text) - 1):
                    variants.setdefault(text[:place] + text[place + 1 :], chosen)
        return variants


def swapped(word: str) -> Iterator[str]:
    """The word with each two neighbours behind its first letter swapped, and with one of two like letters left out.

    >>> list(swapped("abcd"))
    ['acbd', 'abdc']
    """
    for place in range(1, len(word) - 1):
        if word[place] != word[place + 1]:
            yield word[:place] + word[place + 1] + word[place] + word[place + 2 :]


@cache
def lexicon(language: str) -> Lexicon:
    """The lexicon of a language, made when it is first needed."""
    return Lexicon(language)
