"""Links: found however they are written, read as a browser reads them, and met by a policy's rules."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.moderation.detectors.hosts import read_host
from consumers.moderation.detectors.links import find_links
from consumers.moderation.moderator import Moderator
from consumers.moderation.normalise import normalise
from consumers.moderation.policy import Policy
from consumers.moderation.rules import AllowRule, Label, LinkRule
from tests.fakes.work import assert_linear, steps


def hosts(text: str) -> list[str]:
    return [link.host.name for link in find_links(normalise(text).plain)]


def kinds(text: str) -> set[str]:
    return {kind for link in find_links(normalise(text).plain) for kind in link.kinds()}


@pytest.mark.parametrize(
    "text",
    [
        "https://evil.example/path?x=1#y",
        "HTTP://EVIL.EXAMPLE",
        "(see http://evil.example).",
        "evil.example",
        "www: evil.example/x,",
        "http://evil.example.",
        "http://evil.example:8080/",
        "http://google.com@evil.example/",
        "http://google.com:80@evil.example",
        "http://a:b@c@evil.example",
        "http:\\\\evil.example\\x",
        "http:/evil.example",
        "http:///evil.example",
        "hxxp://evil.example",
        "hxxps[:]//evil[.]example/x",
        "h**p://evil(.)example",
        "evil[.]example",
        "evil [.] example",
        "evil[dot]example",
        "evil (dot) example/x",
        "ｅｖｉｌ．ｅｘａｍｐｌｅ",
        "http://evil。example",
        "ev\u200bil.exa\u200bmple",
        "http://ev%69l.example",
        "http://evil%2eexample",
    ],
)
def test_a_link_is_found_and_its_host_is_where_a_browser_would_go(text: str) -> None:
    assert hosts(text) == ["evil.example"]


@pytest.mark.parametrize(
    "text", ["看evil.com吧", "加http://evil.com领取", "evil.com으로 오세요", "加evil.com/x领取", "去evil.com，"]
)
def test_scripts_without_spaces_bound_a_link(text: str) -> None:
    assert hosts(text) == ["evil.com"]


def test_a_name_spelled_with_dot_is_a_link() -> None:
    assert hosts("visit evil dot com now") == ["evil.com"]
    assert hosts("www dot evil dot com") == ["www.evil.com"]
    assert hosts("look at the dot on the map") == []


@pytest.mark.parametrize(
    "text",
    [
        "etc. and so on...",
        "e.g. this, i.e. that",
        "at 10.30 or 3.14",
        "jo@example.org",
        "readme.txt main.cpp node.js",
        "config.notatld",
        "a..b",
        "/usr/lib/libfoo.com.br.d/x",
        "version 1.2.3.4",
        "10.0.0.1/24",
        "http://",
        "http://.",
        "http://[::zz]/",
        "http://999.1.1.1/",
    ],
)
def test_what_is_no_link_is_left_alone(text: str) -> None:
    assert hosts(text) == []


@pytest.mark.parametrize(
    "text", ["done.so we went", "see readme.md", "do.it", "mind.lol", "不存在误导。black", "zurückgeschickt.es"]
)
def test_a_full_stop_without_a_space_is_no_link_for_certain(text: str) -> None:
    assert kinds(text) == set()


@pytest.mark.parametrize(
    ("written", "host"),
    [
        ("3232235777", "192.168.1.1"),
        ("0xc0a80101", "192.168.1.1"),
        ("0xC0.0xA8.0x1.0x1".lower(), "192.168.1.1"),
        ("0300.0250.01.01", "192.168.1.1"),
        ("127.1", "127.0.0.1"),
        ("[2001:DB8::1]".lower(), "2001:db8::1"),
        ("[::ffff:1.2.3.4]", "::ffff:1.2.3.4"),
        ("4294967296", None),
        ("1.2.3.4.5", None),
        ("0x", "0.0.0.0"),
        ("09.1.1.1", None),
        ("", None),
        ("a..b", None),
        ("xn--" + "a" * 80, None),
        ("xn--ls8h\u0661", None),
    ],
)
def test_numbers_are_read_as_the_address_they_stand_for(written: str, host: str | None) -> None:
    found = read_host(written)
    # An address of version 6 that holds one of version 4 is written in two ways by versions of Python.
    assert (None if found is None else found.name) in {host, "::ffff:102:304" if host == "::ffff:1.2.3.4" else host}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://example.org/x", {"any"}),
        ("http://bit.ly/3xyz", {"any", "shortener"}),
        ("bit.ly/3xyz", {"any", "shortener"}),
        ("https://bit.ly/", {"any"}),  # its own page
        ("https://t.co/3xyz", {"any"}),  # put there by the platform, not by the author
        ("http://81.84.234.155/x", {"any", "ip_address"}),
        ("http://192.168.1.1/", {"any"}),  # leads nowhere from here
        ("http://0x7f.1/", {"any", "ip_address"}),
        ("http://1364519579/", {"any", "ip_address"}),
        ("https://例え.jp/", {"any", "punycode"}),
        ("https://xn--r8jz45g.jp/", {"any", "punycode"}),
        ("https://münchen.de", {"any", "punycode"}),
        ("https://президент.рф", {"any", "punycode"}),
        ("https://раypal.com", {"any", "punycode", "mixed_script"}),
        ("https://xn--80ak6aa92e.com", {"any", "punycode", "mixed_script"}),
        ("https://аррӏе.com", {"any", "punycode", "mixed_script"}),
        ("https://google.com/url?q=https://evil.example/", {"any", "redirect"}),
        ("https://google.com/url?q=https%3A%2F%2Fevil.example%2F", {"any", "redirect"}),
        ("https://example.org/login?next=https://example.org/x", {"any"}),
        ("https://example.org/login?next=/home&q=a", {"any"}),
    ],
)
def test_kinds_are_what_can_be_seen_from_the_link(text: str, expected: set[str]) -> None:
    assert kinds(text) == expected


def moderator(*rules: LinkRule, allow: tuple[AllowRule, ...] = ()) -> Moderator:
    return Moderator(Policy("example", {"spam": Label(flag=0.5)}, links=rules, allow=allow))


def rules_met(text: str, *rules: LinkRule) -> list[str]:
    return [signal.rule for signal in moderator(*rules).judge(text, surface="post").signals]


def test_a_domain_stands_for_everything_below_it_and_nothing_beside_it() -> None:
    rule = LinkRule("bad", "spam", 0.6, domains=("evil.example",))
    assert rules_met("http://evil.example", rule) == ["bad"]
    assert rules_met("http://a.b.evil.example/x", rule) == ["bad"]
    assert rules_met("https://good.example/?u=https://a.evil.example/x", rule) == ["bad"]
    assert rules_met("http://notevil.example", rule) == []
    assert rules_met("http://evil.example.org", rule) == []
    assert rules_met("http://example/evil.example.", rule) == []


def test_a_name_beyond_ascii_is_met_in_both_its_forms() -> None:
    rule = LinkRule("bad", "spam", 0.6, domains=("xn--mnchen-3ya.de",))
    assert rules_met("münchen.de", rule) == rules_met("MÜNCHEN.DE", rule) == ["bad"]
    assert rules_met("https://www.xn--mnchen-3ya.de", rule) == ["bad"]


def test_several_rules_may_meet_one_link_and_each_counts_once() -> None:
    first = LinkRule("by_domain", "spam", 0.6, domains=("bit.ly", "evil.example"))
    second = LinkRule("by_kind", "spam", 0.5, kinds=("shortener", "any"))
    assert rules_met("bit.ly/a bit.ly/b http://evil.example", first, second) == ["by_domain", "by_kind"]
    assert rules_met("nothing", first, second) == []


def test_an_allowed_link_does_not_count() -> None:
    judge = moderator(
        LinkRule("links", "spam", 0.6, kinds=("any",)), allow=(AllowRule("ours", links=("example.org",)),)
    ).judge
    assert judge("https://docs.example.org/x", surface="post").decision.action == "allow"
    assert judge("https://docs.example.org/x https://evil.example", surface="post").decision.action == "flag"


def test_the_default_policy_without_link_rules_has_no_link_detector() -> None:
    assert "links" not in [detector.name for detector in moderator().detectors]


labels = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True)
before = st.sampled_from(["http://", "https://", "hxxps://", "HTTP://", "http://user@", "http://a.org@", ""])
after = st.sampled_from(["", "/", ":80/", "/x?y=z", "#a", ".", " and more", ", and", "\\x"])
points = st.sampled_from([".", "[.]", "(dot)", "．", " [.] "])


@given(st.lists(labels, max_size=3), before, after, points)
def test_no_spelling_hides_a_denied_domain(below: list[str], scheme: str, rest: str, point: str) -> None:
    name = point.join([*below, "evil", "com"])
    assert rules_met(f"go to {scheme}{name}{rest}", LinkRule("bad", "spam", 0.6, domains=("evil.com",))) == ["bad"]


@given(st.text(st.sampled_from("ab.com:/@[]()?=&#%\\ 。еx-n0127"), max_size=60))
def test_any_text_can_be_read(text: str) -> None:
    plain = normalise(text).plain
    ends = 0
    for link in find_links(plain):
        assert ends <= link.start < link.end <= len(plain)
        ends = link.end
        link.kinds()


def test_a_hundred_thousand_domains_cost_no_more_than_ten() -> None:
    few = moderator(LinkRule("bad", "spam", 0.6, domains=tuple(f"evil{number}.example" for number in range(10))))
    many = moderator(LinkRule("bad", "spam", 0.6, domains=tuple(f"evil{number}.example" for number in range(100_000))))
    text = "see https://a.b.c.example.org/x and https://evil7.example/ and good.example, " * 5

    assert few.judge(text, surface="post").decision.action == many.judge(text, surface="post").decision.action == "flag"
    work = [steps(lambda one=one: one.judge(text, surface="post")) for one in (few, many)]  # type: ignore[misc]
    assert work[1] <= work[0]


@pytest.mark.parametrize(
    "piece",
    [
        "a.", "a.co ", "http://", "http://a@", "a@", "[.]", " dot ", "a dot com ", "http://a.co?url=", "?url=http://a",
        "xn--", "http://xn--a.", "http://1.", "http://0x", "%2e", "。", "а.com ", "http://[", "www.", "-.", "bit.ly/a ",
    ],
    ids=lambda piece: piece[:16],
)  # fmt: skip
def test_the_work_for_a_hostile_text_grows_as_the_text_does(piece: str) -> None:
    judge = moderator(LinkRule("bad", "spam", 0.6, domains=("evil.com",), kinds=("any", "redirect"))).judge
    assert_linear(lambda text: judge(text, surface="post"), piece)
