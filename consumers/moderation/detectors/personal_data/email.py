"""E-mail addresses: a mailbox at a host that the world can reach, and not a login, a repository or an IRC hostmask."""

from collections.abc import Iterator

from consumers.moderation.detectors.characters import LETTER, WORD, continues, is_unspaced
from consumers.moderation.detectors.domains import TOP_LEVEL_DOMAINS
from consumers.moderation.detectors.personal_data.spans import Span
from consumers.moderation.scan import compiled

_ADDRESS = (
    rf"[{WORD}](?:[{WORD}.%+'-]*[{WORD}+-])?@"
    rf"(?:[{WORD}](?:[{WORD}-]*[{WORD}])?\.)+(?:xn--[a-z0-9-]+|[a-z][a-z]+|[{LETTER}]+)"
)
# "jo (at) example (dot) org", "jo at example dot org": people write so in order not to be found.
_AT = r" ?[(\[{<] ?(?:at|@) ?[)\]}>] ?| at |%40| @ |_at_|-at-| -at- "
_POINT = r" ?[(\[{<] ?(?:dot|\.) ?[)\]}>] ?| dot |_dot_|-dot-| -dot- | \. |\."
_SPELLED = (
    rf"([{WORD}](?:[{WORD}.%+-]*[{WORD}+-])?)({_AT}|@)"
    rf"((?:[{WORD}](?:[a-z0-9-]*[a-z0-9])?(?:{_POINT}))+[a-z][a-z]+)\b"
)

_AFTER_COLON = r"^[^\s|,;<>\[\]]{6,64}"

# What providers call the line of a customer. Source: https://datatracker.ietf.org/doc/html/draft-msullivan-dnsop-generic-naming-schemes
_LINE = (
    r"\d{1,3}[.-]\d{1,3}[.-]\d{1,3}|0x[0-9a-f]{8}"
    r"|(?:^|[^a-z])(?:[avx]?dsl|dhcp|dyn(?:amic)?|ppp(?:oe)?|pool|dial(?:up|in)?|cable|catv|cust(?:omer)?|client|cpe|lns|broadband)"
    r"[\d.-]"
)
# "joins", "has left": what an IRC client writes beside a hostmask.
_JOINED = r"^[\])]?\s+(?:has )?(?:joined|left|quit|parted|joins|parts|quits)\b"

# Logins of machines, and words that stand for somebody's address.
_ACCOUNTS = frozenset(
    {
        "git", "hg", "svn", "bzr", "anonymous", "root", "ubuntu", "ec2-user", "www-data", "nobody", "user", "username",
        "yourname", "youremail", "your.email", "your_email", "you", "someone", "somebody", "email", "name",
    }
)  # fmt: skip
# Mailboxes of a function, not of a person. Source: https://www.rfc-editor.org/rfc/rfc2142
_ROLES = frozenset(
    {
        "info", "marketing", "sales", "support", "abuse", "noc", "security", "postmaster", "hostmaster", "webmaster",
        "usenet", "news", "www", "uucp", "ftp", "admin", "administrator", "contact", "office", "help", "helpdesk",
        "service", "noreply", "no-reply", "donotreply", "do-not-reply", "mailer-daemon", "billing", "press", "privacy",
    }
)  # fmt: skip
_NOT_PUBLIC = frozenset({"localhost", "local", "localdomain", "lan", "internal", "home", "intranet", "invalid", "test"})


def find_emails(text: str) -> Iterator[Span]:
    """E-mail addresses in a normal form; what has their shape and is another thing is not sure."""
    for match in compiled(_ADDRESS).finditer(text):
        start, end = match.span()
        host = match[0].rpartition("@")[2]
        top = host.rpartition(".")[2]
        if top not in TOP_LEVEL_DOMAINS and top.isascii() and top not in _NOT_PUBLIC and top != "example":
            continue
        if continues(text[end : end + 1]) or text[end : end + 1] == "@":
            continue
        if not match[0].isascii():
            start += _before_mailbox(match[0])
        sure = _is_mailbox(text, start, end, host)
        yield Span(start, end, "email", sure)
        # jo@example.org:hunter2, as stolen accounts are listed.
        if (
            sure
            and text[end : end + 1] == ":"
            and (password := compiled(_AFTER_COLON).search(text[end + 1 : end + 80]))
        ):
            yield Span(end + 1, end + 1 + password.end(), "password", sure=any(map(str.isdigit, password[0])))


def find_spelled_emails(text: str) -> Iterator[Span]:
    """E-mail addresses written out with "at" and "dot", or with signs that stand for them, in a normal form."""
    for match in compiled(_SPELLED).finditer(text):
        host = compiled(_POINT).sub(".", match[3])
        at, plain_host = match[2].strip(), host == match[3]
        # "meet at example.org" is a place, and what has nothing spelled out is found as an address.
        if (at in {"at", "@"} and plain_host and match[2] != " @ ") or host.rpartition(".")[2] not in TOP_LEVEL_DOMAINS:
            continue
        # "see you @ example.org": masked, and perhaps a place.
        sure = match[1] not in _ROLES and not (match[2] == " @ " and plain_host)
        yield Span(match.start(), match.end(), "email", sure)


def _before_mailbox(address: str) -> int:
    """How many characters are no part of it: in 联系jo@example.org the mailbox begins where the other script ends."""
    mailbox = address.partition("@")[0]
    own = len(mailbox)
    while own and mailbox[own - 1].isascii():
        own -= 1
    if own == 0 or own == len(mailbox) or not is_unspaced(mailbox[own - 1]):
        return 0
    return own + len(mailbox[own:]) - len(mailbox[own:].lstrip("._%+'-"))


def _is_mailbox(text: str, start: int, end: int, host: str) -> bool:
    mailbox = text[start : end - len(host) - 1]
    before = text[start - 1] if start else ""
    # nick!user@host, ~user@host, n=user@host: how IRC writes who is connected from where.
    # Source: https://www.rfc-editor.org/rfc/rfc2812#section-2.3.1
    if before in {"~", "!", "^"} or (before == "=" and (start < 3 or not text[start - 3].isalnum())):
        return False
    if mailbox in _ACCOUNTS or mailbox in _ROLES or host.rpartition(".")[2] in _NOT_PUBLIC:
        return False
    # user@host:/path and user@host/resource; after a mere colon stands a password.
    if (text[end : end + 1] == "/" and text[end + 1 : end + 2].strip()) or text[end : end + 2] in {":/", ":~", "::"}:
        return False
    return compiled(_LINE).search(host) is None and compiled(_JOINED).search(text[end : end + 24]) is None
