"""Where the sentences of a text lie, counted as Perspective counts: in UTF-16 code units, end exclusive."""

from collections.abc import Iterator, Sequence

from consumers.moderation.scan import compile_expression

MAX_SENTENCES = 100
"""More are taken together, so that what a request costs is bounded by its text's length."""

_END = compile_expression(r"[.!?…]+[\"'”’»)\]]*(?:\s+|$)|[。！？]+[”’」』）]*\s*|\s*\n\s*")


def utf16_length(text: str) -> int:
    """How many UTF-16 code units a text has.

    >>> utf16_length("😀!")
    3
    """
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def sentences(text: str) -> list[tuple[int, int]]:
    """From where up to where each sentence reaches, in characters, without the blanks around it.

    >>> sentences("What a lovely day. You utter fool.")
    [(0, 18), (19, 34)]
    """
    found: list[tuple[int, int]] = []
    begin = 0
    for end in _ends(text):
        part = text[begin:end]
        if stripped := part.strip():
            at = begin + part.index(stripped[0])
            found.append((at, at + len(stripped)))
        begin = end
    if len(found) <= MAX_SENTENCES:
        return found
    size = -(-len(found) // MAX_SENTENCES)
    groups = [found[start : start + size] for start in range(0, len(found), size)]
    return [(group[0][0], group[-1][1]) for group in groups]


def _ends(text: str) -> Iterator[int]:
    for match in _END.finditer(text):
        yield match.end()
    yield len(text)


def utf16_spans(text: str, spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans in characters as spans in UTF-16 code units.

    Args:
        text: in which they lie.
        spans: in order, none reaching into the next.

    >>> utf16_spans("😀 Hi. You fool.", [(0, 5), (6, 15)])
    [(0, 6), (7, 16)]
    """
    if text.isascii():
        return list(spans)
    counted, place, found = 0, 0, []
    for begin, end in spans:
        counted += utf16_length(text[place:begin])
        first = counted
        counted += utf16_length(text[begin:end])
        found.append((first, counted))
        place = end
    return found
