"""Links in a text, as people write them, disguise them and defang them, and what a policy's link rules say to them."""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from consumers.moderation.detectors.characters import LETTER, WORD, continues, is_unspaced
from consumers.moderation.detectors.domains import TOP_LEVEL_DOMAINS
from consumers.moderation.detectors.hosts import Host, domains_of, read_host
from consumers.moderation.detectors.personal_data.addresses import is_public
from consumers.moderation.detectors.protocol import Subject
from consumers.moderation.detectors.shorteners import SHORTENERS
from consumers.moderation.rule_values import LinkKind
from consumers.moderation.rules import LinkRule
from consumers.moderation.scan import compiled
from glue.contract import Signal

_AFTER_DOT = r" dot (?:com|net|org|info|biz|io|gg|xyz|ru|de|uk|br|pl|fr)\b"
CANDIDATE = (
    rf"[{WORD}]\.[{LETTER}][{LETTER}]|[{WORD}]\x{{3002}}[{LETTER}]"
    r"|[ps](?:\[:\]|:)[/\\]|\.xn--|[\[({] ?(?:\.|dot) ?[\])}]|" + _AFTER_DOT
)
"""What a normal form with a link has."""

# A point, also defanged: [.], (dot), and written out before an ending that is no other word.
_POINT = r"(?:[.\x{3002}]| ?[\[({] ?(?:\.|dot) ?[\])}] ?)"
_LABEL = rf"[{WORD}](?:[{WORD}-]*[{WORD}])?"
_NAME = rf"{_LABEL}(?:(?:{_POINT}| dot ){_LABEL})*{_AFTER_DOT}|{_LABEL}(?:{_POINT}{_LABEL})+"
_SCHEME = r"(?:h(?:tt|xx|\*\*|__)ps?|ftps?|wss?)(?:\[:\]|:)[/\\]{1,3}"
_REST = r"(?:[/\\?#][^\s<>\"]*)?"
_LINK = (
    rf"{_SCHEME}(?:[^\s/\\?#<>\"@]*@)*(?:{_NAME}|[^\s/\\?#<>\"]+)\.?(?::\d*)?{_REST}"
    rf"|(?:{_NAME})\.?(?::\d{{1,5}})?{_REST}"
)
# Without groups, so that re2 finds links by its automaton; they are taken apart here.
_HEAD = rf"^{_SCHEME}"
_SPELLED_POINT = r" ?[\[({] ?(?:\.|dot) ?[\])}] ?| dot "

_THEN = r"^(.*\.[a-z]{2,})([^\x00-\x7f].*)$"
_FIRST = r"^[^\x00-\x7f]+([a-z0-9][a-z0-9-]*\..*)$"

# Endings that are also words or kinds of files: "done.so", "readme.md". Without a scheme or a path they say little.
_WORDS = frozenset(
    {
        "ai", "al", "am", "app", "as", "at", "bar", "be", "best", "bid", "bin", "bz", "by", "cab", "call",
        "car", "care", "cat", "cc", "center", "chat", "city", "cool", "dad", "data", "date", "day", "deal",
        "do", "dog", "download", "email", "fail", "fan", "farm", "fast", "fit", "fly", "foo", "free", "fun",
        "game", "go", "gold", "got", "green", "help", "here", "homes", "host", "hot", "how", "id", "im", "in",
        "ink", "is", "it", "java", "land", "law", "life", "like", "limited", "link", "live", "lol", "love",
        "ma", "man", "map", "md", "me", "mo", "mobile", "mom", "money", "moto", "mov", "ms", "my", "name",
        "network", "new", "news", "next", "no", "now", "one", "onl", "open", "page", "pay", "pet", "phone",
        "pink", "pl", "place", "play", "plus", "post", "pro", "prod", "ps", "pub", "py", "read", "red",
        "rest", "rip", "rs", "run", "safe", "save", "sc", "school", "sh", "shop", "show", "so", "social",
        "software", "st", "step", "stream", "style", "support", "talk", "team", "tech", "text", "to", "today",
        "tools", "top", "town", "us", "vi", "video", "watch", "we", "web", "win", "wine", "work", "world",
        "wow", "zip", "zone",
    }
)  # fmt: skip

# Parameters in which a link carries the one that it leads on to.
_CARRIED = (
    r"[?&#;](?:url|uri|u|q|to|dest|destination|redirect|redir|redirect_?ur[il]|r|next|target|link|goto|go|continue"
    r"|return|return_?(?:to|url)|out|away|forward|service|ref|view|href|domain|site)"
    r"=((?:https?(?::|%3a)|(?:%2f|/){2})[^\s&#;\"]{4}[^\s&#;\"]*)"
)
_MOST_CARRIED = 4
_DEFANGED = frozenset(" [({")
_TRAILING = ".,;:!?)]}'\u2019\u201d\u00bb*_~|"


class Link(Struct, frozen=True):
    """A link in a text.

    Args:
        start: position of its first character.
        end: position after its last.
        host: where it leads.
        path: what follows the host.
        sure: whether it is a link for certain, and not a word, a full stop and another word.
        carries: the hosts of links that it carries in its parameters.
    """

    start: int
    end: int
    host: Host
    path: str
    sure: bool
    carries: tuple[Host, ...] = ()

    def kinds(self) -> set[LinkKind]:
        """What can be seen from the link itself."""
        found: set[LinkKind] = set()
        if self.sure:
            found.add("any")
        # The front page of a shortener leads nowhere else.
        if len(self.path) > 1 and not SHORTENERS.isdisjoint(domains_of(self.host.name)):
            found.add("shortener")
        if self.host.beyond_ascii and self.sure:
            found.add("punycode")
        if self.host.mixed_script:
            found.add("mixed_script")
        # 192.168.1.1 leads nowhere from where it is read.
        if self.host.address and (self.host.disguised or is_public(self.host.name)):
            found.add("ip_address")
        if any(other.name != self.host.name for other in self.carries):
            found.add("redirect")
        return found


def find_links(text: str) -> Iterator[Link]:
    """The links in a normal form, with and without a scheme, in order.

    >>> [link.host.name for link in find_links("see hxxp://evil[.]example/x, jo@a.org and bit.ly/x")]
    ['evil.example', 'bit.ly']
    """
    for match in compiled(_LINK).finditer(text):
        start, end = match.span()
        written = match[0]
        head = compiled(_HEAD).search(written) if written[0] in "hfw" else None
        bare = head is None
        if bare and start and (text[start - 1] in "@/\\-_.=" or continues(text[start - 1])):
            continue
        at = 0 if head is None else head.end()
        slash = min((place for sign in "/\\?#" if (place := written.find(sign, at)) >= 0), default=len(written))
        authority, path = written[at:slash], written[slash:]
        if path:
            path = path.rstrip(_TRAILING)
            end = start + slash + len(path)
        if not authority.isascii():
            before, authority, after = _own(authority, bare=bare, ends=not path)
            start, end = start + before, end - after
        if not _DEFANGED.isdisjoint(authority):
            authority = compiled(_SPELLED_POINT).sub(".", authority)
        host = read_host(authority if path else authority.rstrip(_TRAILING))
        if host is None or (bare and (host.address or text[end : end + 1] == "@")):
            continue
        top = host.name.rpartition(".")[2]
        known = host.address or top in TOP_LEVEL_DOMAINS or top == "example"
        if bare and not known:
            continue
        # done.so, 误导。black: a sentence without its space.
        sure = not bare or len(path) > 1 or (authority.isascii() and (top not in _WORDS or host.name.count(".") > 1))
        yield Link(start, end, host, path, sure, tuple(_carried(path)) if "=" in path else ())


def _own(authority: str, *, bare: bool, ends: bool) -> tuple[int, str, int]:
    """A name without the words of scripts that have no spaces: 看example.org吧. And how much they were on each side."""
    before = after = 0
    match = compiled(_THEN).search(authority) if ends else None
    if match is not None and is_unspaced(match[2][0]) and match[1].rpartition(".")[2] in TOP_LEVEL_DOMAINS:
        authority, after = match[1], len(match[2])
    if bare and is_unspaced(authority[0]) and (match := compiled(_FIRST).search(authority)) is not None:
        before = match.start(1)
        authority = match[1]
    return before, authority, after


def _carried(path: str) -> Iterator[Host]:
    for number, match in enumerate(compiled(_CARRIED).finditer(path)):
        if number >= _MOST_CARRIED:
            return
        value = match[1].replace("%3a", ":").replace("%2f", "/").replace("%3f", "?").replace("%40", "@")
        authority = compiled(r"^(?:https?:)?/{0,3}([^/\\?#]*)").search(value)
        host = read_host(authority[1]) if authority is not None else None
        if host is not None and ("." in host.name or host.address):
            yield host


class LinkDetector:
    """Turns links into signals by a policy's rules, of which a hundred thousand domains cost no more than ten."""

    name = "links"
    version = "1"

    def __init__(self, rules: Sequence[LinkRule], *, first: int) -> None:
        """Takes a policy's link rules.

        Args:
            rules: the rules.
            first: the position of ``CANDIDATE`` in the scan.
        """
        self._candidate = first
        self._by_domain: dict[str, tuple[Signal, ...]] = {}
        self._by_kind: dict[LinkKind, tuple[Signal, ...]] = {}
        for rule in rules:
            signal = Signal(self.name, rule.label, rule.score, rule.rule)
            for domain in rule.domains:
                self._by_domain[domain] = (*self._by_domain.get(domain, ()), signal)
            for kind in rule.kinds:
                self._by_kind[kind] = (*self._by_kind.get(kind, ()), signal)

    def detect(self, subject: Subject) -> Sequence[Signal]:
        """One signal for each rule that a link in the text meets, by rule."""
        if self._candidate not in subject.hits:
            return ()
        found: dict[str, Signal] = {}
        for link in find_links(subject.text.plain):
            if subject.allowed and subject.is_allowed(link.start, link.end):
                continue
            for host in (link.host, *link.carries):
                for domain in domains_of(host.name):
                    for signal in self._by_domain.get(domain, ()):
                        found[signal.rule] = signal
            if self._by_kind:
                for kind in link.kinds():
                    for signal in self._by_kind.get(kind, ()):
                        found[signal.rule] = signal
        return [found[rule] for rule in sorted(found)]
