"""Untrusted text made harmless to look at, and to open in a spreadsheet."""

import unicodedata

_NAMED = {"\t": "\\t", "\n": "\\n", "\r": "\\r"}
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
# They join letters and emoji, reorder nothing, and leaving them out would change how honest text looks.
_JOINERS = frozenset("\u200c\u200d")
_FORMULA_STARTS = frozenset("=+-@\t\r\n\x00＝＋－＠")


def hides(character: str) -> bool:
    """Whether a character acts on the terminal or on its neighbours instead of showing itself."""
    return character not in _JOINERS and unicodedata.category(character) in _HIDDEN


def inert(text: str) -> str:
    r"""The text with every character that acts instead of showing written as its escape: one line, no commands.

    Terminal escapes, control characters, bidirectional overrides, invisible characters and line ends are such.

    >>> inert("a\x1b[31mb\u202ec\nd")
    'a\\x1b[31mb\\u202ec\\nd'
    >>> inert("grüß 😀")
    'grüß 😀'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escape(character) if hides(character) else character for character in text)


def _escape(character: str) -> str:
    code = ord(character)
    if character in _NAMED:
        return _NAMED[character]
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def no_formula(text: str) -> str:
    """The text with ``'`` before it when a spreadsheet would take it for a formula.

    Source: https://owasp.org/www-community/attacks/CSV_Injection (2026-11-20)

    >>> no_formula("=HYPERLINK(1)"), no_formula("a=b")
    ("'=HYPERLINK(1)", 'a=b')
    """
    return f"'{text}" if text[:1] in _FORMULA_STARTS and text else text
