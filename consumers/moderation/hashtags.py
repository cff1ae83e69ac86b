"""Hashtags without capitals, read as the words that they were put together from: #killthemall."""

from functools import cache, lru_cache

from consumers.lexicons import read_lexicon

FEWEST = 8
"""Letters of the shortest that is taken apart."""
MOST = 40
"""And of the longest."""


@lru_cache(maxsize=4096)
def words_of(tag: str) -> tuple[str, ...]:
    """The words of a hashtag; none when it is not wholly made of known ones.

    Args:
        tag: without its sign.

    >>> words_of("banallcops"), words_of("ubuntu-offtopic"), words_of("bananas")
    (('ban', 'all', 'cops'), (), ())
    """
    if not FEWEST <= len(tag) <= MOST or not (tag.isascii() and tag.isalpha()):
        return ()
    known, longest = _known()
    tag = tag.lower()
    # By place, the fewest words that lead to it.
    best: list[tuple[str, ...] | None] = [()] + [None] * len(tag)
    for end in range(1, len(tag) + 1):
        for start in range(max(0, end - longest), end):
            before = best[start]
            if before is not None and tag[start:end] in known:
                words = (*before, tag[start:end])
                shortest = best[end]
                if shortest is None or len(words) < len(shortest):
                    best[end] = words
    found = best[-1]
    return found if found is not None and len(found) > 1 else ()


@cache
def _known() -> tuple[frozenset[str], int]:
    lines = [line for line in read_lexicon("hashtags").splitlines() if line and line[0] != "#"]
    words = frozenset(word for line in lines for word in line.split(", "))
    return words, max(map(len, words))
