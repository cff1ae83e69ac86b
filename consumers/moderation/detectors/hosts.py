"""The host that a link leads to, as a browser reads it, and what can be seen from its name.

Source: https://url.spec.whatwg.org/#host-parsing
"""

import ipaddress
import unicodedata
from functools import lru_cache
from urllib.parse import unquote

from msgspec import Struct

from consumers.moderation.normalise import fold

# Other signs that count as a point between labels. Source: https://www.unicode.org/reports/tr46/#Notation
_POINTS = str.maketrans({"\u3002": ".", "\uff0e": ".", "\uff61": "."})
_MOST = 253
"""Characters of a host's name; what is longer leads nowhere."""

# Scripts that are written together. Source: https://www.unicode.org/reports/tr39/#Restriction_Level_Detection
_TOGETHER = (
    frozenset({"LATIN", "CJK", "HIRAGANA", "KATAKANA"}),
    frozenset({"LATIN", "CJK", "BOPOMOFO"}),
    frozenset({"LATIN", "CJK", "HANGUL"}),
)


class Host(Struct, frozen=True):
    """Where a link leads.

    Args:
        name: in lower case without a final point, labels beyond ASCII in their ``xn--`` form; an address as the numbers
            it stands for.
        address: whether it is an IP address.
        disguised: whether it is an address in a form that hides it: one number, hexadecimal, octal.
        beyond_ascii: whether a label has letters beyond ASCII.
        mixed_script: whether a label mixes scripts that are not written together, or is wholly made of another script's
            letters that look like Latin ones, under a Latin ending.
    """

    name: str
    address: bool = False
    disguised: bool = False
    beyond_ascii: bool = False
    mixed_script: bool = False


def read_host(authority: str) -> Host | None:
    """The host of a link's authority, which may have a user's name before it and a port behind it.

    Args:
        authority: what stands between ``//`` and the path, in lower case.

    >>> read_host("google.com@evil.example:8080").name
    'evil.example'
    >>> read_host("0x7f.1").name, read_host("3232235777").name
    ('127.0.0.1', '192.168.1.1')
    >>> read_host("xn--80ak6aa92e.com").mixed_script  # apple in Cyrillic letters
    True
    """
    host = authority.rpartition("@")[2]
    if host.startswith("["):
        return _address(host[1:].partition("]")[0], host[1:].partition("]")[0])
    if "%" in host:
        host = unquote(host, errors="replace").lower().rpartition("@")[2]
    host = host.partition(":")[0].translate(_POINTS).strip(".")
    if not host or len(host) > _MOST or ".." in host:
        return None
    last = host.rpartition(".")[2]
    if last.isdigit() or last.startswith("0x"):
        number = _ipv4(host)
        return None if number is None else _address(host, number)
    if host.isascii() and "xn--" not in host:
        return Host(host)
    return _beyond_ascii(host)


def domains_of(name: str) -> list[str]:
    """A host's name and everything that it is below, from the longest.

    >>> domains_of("a.b.example.org")
    ['a.b.example.org', 'b.example.org', 'example.org', 'org']
    """
    labels = name.split(".")
    return [".".join(labels[start:]) for start in range(len(labels))]


def _address(written: str, numbers: str) -> Host | None:
    try:
        found = ipaddress.ip_address(numbers)
    except ValueError:
        return None
    disguised = ":" not in written and written != str(found)
    return Host(str(found), address=True, disguised=disguised)


def _ipv4(host: str) -> str | None:
    """The address that up to four numbers stand for, of which the last fills what the others leave.

    Source: https://url.spec.whatwg.org/#concept-ipv4-parser
    """
    parts = host.split(".")
    if len(parts) > 4:
        return None
    numbers = []
    for part in parts:
        try:
            if part.startswith("0x"):
                numbers.append(int(part[2:] or "0", 16))
            elif len(part) > 1 and part[0] == "0":
                numbers.append(int(part, 8))
            else:
                numbers.append(int(part) if len(part) <= 10 else 1 << 32)
        except ValueError:
            return None
    *first, last = numbers
    if any(number > 255 for number in first) or last >= 256 ** (5 - len(numbers)):
        return None
    value = last + sum(number << (8 * (3 - place)) for place, number in enumerate(first))
    return str(ipaddress.IPv4Address(value))


@lru_cache(maxsize=1024)
def _beyond_ascii(host: str) -> Host | None:
    written, read = [], []
    for label in host.split("."):
        if len(label) > 63:
            return None
        if label.startswith("xn--"):
            try:
                decoded = unicodedata.normalize("NFKC", label[4:].encode("ascii").decode("punycode")).casefold()
            except UnicodeError:
                return None
            read.append(decoded)
            written.append(label)
        else:
            read.append(label)
            written.append(label if label.isascii() else "xn--" + label.encode("punycode").decode("ascii"))
    beyond = any(not label.isascii() for label in read)
    latin_ending = read[-1].isascii()
    suspect = any(_mixes(label) or (latin_ending and _poses(label)) for label in read)
    return Host(".".join(written), beyond_ascii=beyond, mixed_script=suspect)


def _mixes(label: str) -> bool:
    scripts = {_script(character) for character in label if character.isalpha()}
    return len(scripts) > 1 and not any(scripts <= together for together in _TOGETHER)


def _poses(label: str) -> bool:
    """Whether a label of another script reads as a Latin one, letter by letter."""
    letters = [character for character in label if character.isalpha()]
    return bool(letters) and all(_script(letter) != "LATIN" for letter in letters) and fold(label).isascii()


def _script(letter: str) -> str:
    return unicodedata.name(letter, "?").partition(" ")[0].partition("-")[0]
