"""What formatting hides from a word search, undone: tags, entities, emphasis inside a word, and hashtags in one word.

``fuck<br>you``, ``idi<b></b>ot``, ``i**d**iot``, ``&#102;uck`` and ``#FuckYou`` are read as a browser or a reader shows
them. Addresses in a tag stay: a link is what the tag is for. Only names of HTML's elements count as tags, so that a
chat's ``<nick>`` and ``a < b`` stay as they are.
"""

from functools import cache

from msgspec import Struct

from consumers.moderation.hashtags import FEWEST, words_of
from consumers.moderation.scan import compiled


def has_signs(text: str) -> bool:
    """Whether there may be something to undo; a look that most texts do not get past."""
    return (
        ("#" in text and _has_hashtag(text))
        or ("<" in text and ">" in text)
        or ("&" in text and ";" in text)
        or "**" in text
        or "~~" in text
        or "||" in text
        or text.count("`") > 1
    )


def _has_hashtag(text: str) -> bool:
    """Whether a hashtag has a capital or an underscore inside, or is made of words that are known."""
    at = text.find("#")
    while at >= 0:
        tag = text[at + 1 : at + 100].split(None, 1)
        if tag and ("_" in tag[0] or not (tag[0][1:].islower() or tag[0].isupper())):
            return True
        if tag and len(tag[0]) >= FEWEST and words_of(_letters(tag[0])):
            return True
        at = text.find("#", at + 1)
    return False


def _letters(tag: str) -> str:
    """A hashtag up to the first character that is no letter."""
    return next((tag[:at] for at, character in enumerate(tag) if not character.isalpha()), tag)


def narrow(text: str) -> str:
    """The text with full-width signs as plain ones, character by character."""
    return text if text.isascii() or not any(map(text.__contains__, "＜＆＃＊～｜｀")) else text.translate(_NARROW)


_NARROW = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}

_NAMES = (
    "a|abbr|address|article|aside|audio|b|big|blockquote|body|br|button|canvas|center|cite|code|dd|del|details|dfn|div|"
    "dl|dt|em|embed|figcaption|figure|font|footer|form|h[1-6]|head|header|hr|html|i|iframe|img|input|ins|kbd|label|li|"
    "link|main|mark|marquee|meta|nav|object|ol|option|p|picture|pre|q|rp|rt|ruby|s|samp|script|section|select|small|"
    "source|span|strike|strong|style|sub|summary|sup|svg|table|tbody|td|textarea|tfoot|th|thead|title|tr|tt|u|ul|var|"
    "video|wbr"
)
_INLINE = frozenset(
    """a abbr b big cite code del dfn em font i ins kbd label mark q s samp small span strike strong sub sup tt u var
    wbr""".split()  # noqa: SIM905 - a list of forty strings is harder to read
)
"""Elements that do not part words."""

TAG = rf"</?(?:{_NAMES})(?:\s[^<>=]*=[^<>]*)?\s*/?>|<!--[^<>]*-->"
ENTITY = r"&(?:#[0-9]{1,7}|#x[0-9a-f]{1,6}|[a-z]{2,8}[0-9]{0,2});"
_EMPHASIS = "|".join(
    rf"\pL{mark}\pL+{mark}|(?:^|[^\pL*~`|<&#]){mark}\pL+{mark}\pL" for mark in (r"\*\*", "~~", "`", r"\|\|")
)
"""Not a single asterisk: it stands for a letter more often than for emphasis inside a word."""
HASHTAG = r"#[\pL\pM_][\pL\pM\pN_]{2}[\pL\pM\pN_]*"
_LONGEST_HASHTAG = 101
"""Characters that are parted. To say so in the expression takes re2 a quarter of a second."""
_LEFT = f"(?:{TAG})|{ENTITY}|{_EMPHASIS}"
_ANY = f"{_LEFT}|{HASHTAG}"
_ADDRESS = r"(?:href|src)\s*=\s*[\"']?([^\"'\s<>]+)"


class Undone(Struct, frozen=True):
    """A text without its formatting.

    Args:
        text: it.
        origins: for each of its characters where in the original it begins.
        ends: and where in the original it ends.
    """

    text: str
    origins: list[int]
    ends: list[int]


class _Edit(Struct, frozen=True):
    start: int
    end: int
    text: str


def undo(text: str) -> str:
    """The text without its formatting; the same text when it has none.

    Args:
        text: as it was written, in its own letter case.

    >>> undo("fuck<br>you, idi<b></b>ot, i**d**iot, #FuckYou")
    'fuck you, idiot, idiot, #Fuck You'
    """
    edits = _edits(text)
    if not edits:
        return text
    parts, at = [], 0
    for edit in edits:
        parts += [text[at : edit.start], edit.text]
        at = edit.end
    return "".join([*parts, text[at:]])


def undone(text: str) -> Undone | None:
    """The same with where in the original each character stands; None when the text has no formatting."""
    edits = _edits(text)
    if not edits:
        return None
    parts: list[str] = []
    origins: list[int] = []
    ends: list[int] = []
    at = 0
    for edit in [*edits, _Edit(len(text), len(text), "")]:
        parts += [text[at : edit.start], edit.text]
        origins += range(at, edit.start)
        ends += range(at + 1, edit.start + 1)
        origins += [edit.start] * len(edit.text)
        ends += [edit.end] * len(edit.text)
        at = edit.end
    return Undone(settled("".join(parts)), origins, ends)


def _edits(text: str) -> list[_Edit]:
    edits = []
    for match in compiled(_ANY).finditer(text):
        found = match.group()
        start, end = match.span()
        if found[0] == "<":
            edits.append(_Edit(start, end, _instead_of_tag(found)))
        elif found[0] == "&":
            if (character := _character(found)) != found:
                edits.append(_Edit(start, end, character))
        elif found[0] == "#":
            tag = found[:_LONGEST_HASHTAG]
            if (words := _in_words(tag)) != tag:
                edits.append(_Edit(start, start + len(tag), words))
        else:
            edits.append(_Edit(start, end, "".join([sign for sign in found if sign not in "*~`_|"])))
    return edits


def settled(text: str) -> str:
    """The text with what is left of formatting taken apart, sign by sign: undoing it again would change nothing."""
    if compiled(_LEFT).search(text) is None:
        return text
    return text.translate(_APART)


_APART = str.maketrans(dict.fromkeys("<&*~`_|", " "))


def _instead_of_tag(tag: str) -> str:
    if "=" in tag and (address := compiled(_ADDRESS).search(tag)) is not None:
        where = address.group(1)
        if "://" in where or "@" in where or where.startswith(("www.", "//")):
            return f" {where} "
    name = tag.strip("</>").split(maxsplit=1)[0].rstrip("/").lower() if tag[1] != "!" else "b"
    return "" if name in _INLINE else " "


@cache
def _named() -> dict[str, str]:
    # Not at the top: a cold start meets no entity.
    from html.entities import html5

    return {name.lower(): value for name, value in html5.items() if name.endswith(";") and len(name) <= 11}


def _character(entity: str) -> str:
    body = entity[1:-1].lower()
    if not body.startswith("#"):
        return _named().get(f"{body};", entity)
    code = int(body[2:], 16) if body[1] == "x" else int(body[1:])
    return chr(code) if 0 < code < 0xD800 or 0xDFFF < code < 0x110000 else entity


def _in_words(tag: str) -> str:
    """A hashtag with its words apart, at capitals and underscores, or known words of one that has none; not at digits,
    which may stand for letters."""
    words: list[str] = []
    start = 1
    for at in range(2, len(tag) + 1):
        if at == len(tag) or _parts(tag, at):
            if word := tag[start:at].strip("_"):
                words.append(word)
            start = at
    if len(words) == 1:
        words = list(words_of(words[0])) or words
    return "#" + " ".join(words) if len(words) > 1 else tag


def _parts(tag: str, at: int) -> bool:
    before, here = tag[at - 1], tag[at]
    if before == "_" or here == "_":
        return before != here
    # The last capital of several begins the next word: USAFirst.
    return here.isupper() and (before.islower() or (before.isupper() and tag[at + 1 : at + 2].islower()))
