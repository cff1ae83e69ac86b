"""IP addresses that lead to somebody: public ones, and no version numbers, times or parts of code."""

import ipaddress
from collections.abc import Iterator

from consumers.moderation.detectors.characters import continues
from consumers.moderation.detectors.personal_data.spans import Span, goes_on
from consumers.moderation.scan import compiled

_ADDRESS = (
    r"(?:[0-9a-f]{0,4}:){2,7}(?:\d{1,3}\.){3}\d{1,3}|(?:\d{1,3}\.){3}\d{1,3}|[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}"
)
_VERSION = (
    r"(?:\b(?:version|ver|v|release|rel|kernel|firmware|build|driver|upgrade[sd]?(?: to)?|update[sd]?(?: to)?|linux)"
    r"[\s:=]*|[a-z]/)$"
)


def find_addresses(text: str) -> Iterator[Span]:
    """Public IPv4 and IPv6 addresses in a normal form.

    Private, local, reserved and documentation ranges are nobody's, so they are not found.
    Source: https://www.iana.org/assignments/iana-ipv4-special-registry
    """
    for match in compiled(_ADDRESS).finditer(text):
        start, end = match.span()
        # Not a piece of a longer number, such as 1.2.3.4.5, nor a version, such as 2.6.8.1-3; 203.0.113.0/24 is one.
        if start and (continues(text[start - 1]) or text[start - 1] in ".:"):
            continue
        if text[end : end + 1] != "/" and (
            goes_on(text, end) or (text[end : end + 1] == "-" and continues(text[end + 1 : end + 2]))
        ):
            continue
        found = text[start:end].rstrip(":") if not text[start:end].endswith("::") else text[start:end]
        groups = [group for group in found.split(":") if group]
        # Not what only looks like one in code, such as a::b.
        if not (len(groups) > 2 or "." in found or any(len(group) == 4 for group in groups)):
            continue
        if is_public(found) and not _is_version(text, start, found):
            yield Span(start, start + len(found), "ip")


def is_public(address: str) -> bool:
    """Whether this is an IPv4 or IPv6 address that the world can reach.

    >>> is_public("8.8.8.8"), is_public("192.168.0.1"), is_public("2001:db8::1"), is_public("1.2.3")
    (True, False, False, False)
    """
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    return found.is_global and not found.is_multicast


def _is_version(text: str, start: int, found: str) -> bool:
    if "." not in found:
        return False
    before = text[max(0, start - 24) : start]
    if compiled(_VERSION).search(before) is not None:
        return True
    # Four single digits are a version, unless a scheme or a user stands before them.
    return len(found) == 7 and before[-1:] not in {"/", "@"}
