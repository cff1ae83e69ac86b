"""Words found together with their edges, so that pieces of longer words are no finds.

Most of what an automaton finds in ordinary text are pieces of longer words ("ass" in "class"), and to throw one away
costs more than to pass over fifty characters. In an ASCII text in which no sign stands for a letter, all but letters
and digits is written as a space, and a word that must stand by itself is looked for with a space at either edge.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING

from ahocorasick_rs import AhoCorasick, Implementation, MatchKind

from consumers.moderation.native_finding import NativePieces
from consumers.moderation.normalise import NormalText, edged
from consumers.native import LIBRARY

if TYPE_CHECKING:
    from ctypes import PyDLL


class EdgedWords:
    """Finds words in edged texts (:class:`NormalText`).

    >>> words = EdgedWords(["ass", "half"], [(0, True, True), (1, True, False)], Implementation.ContiguousNFA)
    >>> words.find(b" half assed classes ass ", "half assed classes ass")
    [(1, 0, 4), (0, 19, 22)]
    """

    def __init__(
        self,
        words: Sequence[str],
        wanted: Iterable[tuple[int, bool, bool]],
        implementation: Implementation,
        library: "PyDLL | None" = LIBRARY,
    ) -> None:
        """Takes words.

        Args:
            words: in their folded form.
            wanted: which of them to find, by number, and whether it must begin, and end, where a word does.
            implementation: of the automaton.
            library: what there is in C; None: an automaton finds the same.
        """
        self._finds: list[tuple[int, int, int, str]] = []
        self._patterns: list[str] = []
        self._implementation = implementation
        for number, before, after in wanted:
            word = words[number]
            # An edged text is of ASCII.
            if word.isascii():
                self._patterns.append(f"{' ' * before}{edged(word)}{' ' * after}")
                # What has signs in it is compared again: here they are spaces like any other.
                self._finds.append((number, before - 1, len(word), "" if word.isalnum() else word))
        self._native: NativePieces | None = None
        if library is not None:
            with suppress(ValueError):
                self._native = NativePieces([pattern.encode() for pattern in self._patterns], library)

    @cached_property
    def _matches(self) -> Callable[..., list[tuple[int, int, int]]]:
        found: Callable[..., list[tuple[int, int, int]]] = AhoCorasick(
            self._patterns,
            matchkind=MatchKind.Standard,
            implementation=self._implementation,
            store_patterns=False,
        ).find_matches_as_indexes
        return found

    def find(self, edged_text: bytes, folded: str) -> list[tuple[int, int, int]]:
        """The number of each word found, and where in the folded text it begins and ends; in no order.

        Args:
            edged_text: the edged form of a text.
            folded: its folded form.
        """
        if self._native is not None and (found := self._native.find([edged_text]).get(0, [])) is not None:
            return self._read(zip(found[::2], found[1::2], strict=True), folded) if found else []
        matches = self._matches(edged_text.decode("ascii"), overlapping=True)
        return self._read(((index, start) for index, start, _ in matches), folded)

    def find_all(self, texts: Sequence[NormalText]) -> dict[int, list[tuple[int, int, int]] | None]:
        """The same for those of these texts in which there is something, by their number; None: it has no edged form.

        Args:
            texts: their normal forms.
        """
        every: dict[int, list[tuple[int, int, int]] | None] = {}
        if self._native is None:
            for number, one in enumerate(texts):
                if one.edged is None or (found := self.find(one.edged, one.folded)):
                    every[number] = None if one.edged is None else found
            return every
        edged_texts = [one.edged for one in texts]
        if None in edged_texts:
            every.update((number, None) for number, one in enumerate(edged_texts) if one is None)
            # Nothing is found in an empty text.
            edged_texts = [one or b"" for one in edged_texts]
        for number, finds in self._native.find(edged_texts).items():  # type: ignore[arg-type]
            one = texts[number]
            if finds is None:
                every[number] = self.find(one.edged or b"", one.folded)
            elif found := self._read(zip(finds[::2], finds[1::2], strict=True), one.folded):
                every[number] = found
        return every

    def _read(self, finds: Iterable[tuple[int, int]], folded: str) -> list[tuple[int, int, int]]:
        found = []
        for index, start in finds:
            number, shift, size, word = self._finds[index]
            start += shift
            if not word or folded.startswith(word, start):
                found.append((number, start, start + size))
        return found
