"""Words found together with their edges, so that pieces of longer words are no finds.

Most of what an automaton finds in ordinary text are pieces of longer words ("ass" in "class"), and to throw one away
costs more than to pass over fifty characters. In an ASCII text whose folded form is what was written, all but letters
and digits is written as a space, and a word that must stand by itself is looked for with a space at either edge.
"""

from collections.abc import Iterable, Sequence

from ahocorasick_rs import AhoCorasick, Implementation, MatchKind

from consumers.moderation.normalise import edged


class EdgedWords:
    """Finds words in edged texts (:class:`NormalText`).

    >>> words = EdgedWords(["ass", "half"], [(0, True, True), (1, True, False)], Implementation.ContiguousNFA)
    >>> words.find(" half assed classes ass ", "half assed classes ass")
    [(1, 0, 4), (0, 19, 22)]
    """

    def __init__(
        self, words: Sequence[str], wanted: Iterable[tuple[int, bool, bool]], implementation: Implementation
    ) -> None:
        """Takes words.

        Args:
            words: in their folded form.
            wanted: which of them to find, by number, and whether it must begin, and end, where a word does.
            implementation: of the automaton.
        """
        self._finds: list[tuple[int, int, int, str]] = []
        patterns = []
        for number, before, after in wanted:
            word = words[number]
            # An edged text is of ASCII.
            if word.isascii():
                patterns.append(f"{' ' * before}{edged(word)}{' ' * after}")
                # What has signs in it is compared again: here they are spaces like any other.
                self._finds.append((number, before - 1, len(word), "" if word.isalnum() else word))
        self._matches = AhoCorasick(
            patterns, matchkind=MatchKind.Standard, implementation=implementation, store_patterns=False
        ).find_matches_as_indexes

    def find(self, edged_text: str, folded: str) -> list[tuple[int, int, int]]:
        """The number of each word found, and where in the folded text it begins and ends.

        Args:
            edged_text: the edged form of a text.
            folded: its folded form.
        """
        found = []
        for index, start, _ in self._matches(edged_text, overlapping=True):
            number, shift, size, word = self._finds[index]
            start += shift
            if not word or folded.startswith(word, start):
                found.append((number, start, start + size))
        return found
