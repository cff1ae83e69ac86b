"""Addresses taken apart and put together as Java's classes do, which Trino uses."""

import re
from typing import Final
from urllib.parse import quote_plus

from infra.local.athena.errors import QueryError

_URL: Final = re.compile(
    r"(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?://(?:[^/?#@]*@)?(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~-]*)(?::(\d*))?)?"
    r"([^?#]*)(?:\?([^#]*))?(?:#(.*))?"
)
# Java knows no other host: its last label begins with a letter.
_HOST: Final = re.compile(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)*[A-Za-z](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.?"
    r"|\d{1,3}(?:\.\d{1,3}){3}|\[[0-9A-Fa-f:.]+\]"
)
_URL_CHARACTERS: Final = re.compile(r"(?:[A-Za-z0-9\-._~:/?#@!$&'()*+,;=\[\]]|%[0-9A-Fa-f]{2}|[^\x00-\xa0\s])*")


def _part(text: str, group: int) -> str | None:
    if not _URL_CHARACTERS.fullmatch(text):
        return None
    match = _URL.fullmatch(text)
    return match[group] if match else None


def _found(text: str, group: int) -> str | None:
    """A part, '' where there is none; None for what is no address."""
    return None if _part(text, 4) is None else _part(text, group) or ""


def _decoded(text: str | None) -> str | None:
    return None if text is None else re.sub(r"(?:%[0-9A-Fa-f]{2})+", _decode_percent, text)


def _decode_percent(match: re.Match[str]) -> str:
    return bytes.fromhex(match[0].replace("%", "")).decode("utf-8", "replace")


def protocol(text: str) -> str | None:
    """``url_extract_protocol``."""
    return _found(text, 1)


def host(text: str) -> str | None:
    """``url_extract_host``.

    >>> host("https://a.b:80/c?d=e")
    'a.b'
    """
    found = _part(text, 2)
    if found is None:
        return None if _part(text, 4) is None else ""
    return found if _HOST.fullmatch(found) else ""


def port(text: str) -> int | None:
    """``url_extract_port``."""
    found = _part(text, 3)
    return int(found) if found and host(text) else None


def path(text: str) -> str | None:
    """``url_extract_path``."""
    found = _part(text, 4)
    if found is not None and _part(text, 1) and not found.startswith("/") and _part(text, 2) is None:
        return ""  # mailto:x has no path
    return _decoded(found)


def query(text: str) -> str | None:
    """``url_extract_query``."""
    return _decoded(_found(text, 5))


def fragment(text: str) -> str | None:
    """``url_extract_fragment``."""
    return _decoded(_found(text, 6))


def parameter(text: str, name: str) -> str | None:
    """``url_extract_parameter``: the first of that name, '' for one without a value.

    >>> parameter("https://a/b?q=a%20b+c&q=2", "q"), parameter("https://a/b?q", "q")
    ('a b c', '')
    """
    found = _part(text, 5)
    for piece in found.split("&") if found is not None else ():
        key, _, value = piece.partition("=")
        if key == name:
            return decode(value)
    return None


def encode(text: str) -> str:
    """``url_encode``.

    >>> encode("a b&c=*~")
    'a+b%26c%3D*%7E'
    """
    return quote_plus(text, safe="*").replace("~", "%7E")


def decode(text: str) -> str:
    """``url_decode``.

    Raises:
        QueryError: INVALID_FUNCTION_ARGUMENT for a percent sign without two digits.
    """
    if re.search(r"%(?![0-9A-Fa-f]{2})", text):
        raise QueryError("INVALID_FUNCTION_ARGUMENT", "URLDecoder: a % is not followed by two hexadecimal digits")
    return _decoded(text.replace("+", " ")) or ""
