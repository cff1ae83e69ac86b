"""Requests to strangers: what is one, and what only has its words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.moderation.detectors.solicitation import CANDIDATES, scores
from consumers.moderation.kinds import SOLICITATION_KINDS
from consumers.moderation.moderator import Moderator
from consumers.moderation.normalise import normalise
from consumers.moderation.policy import Policy, PolicyError
from consumers.moderation.scan import Scan

POLICY = """
id = "requests"
[labels.spam]
flag = 0.3
""" + "".join(
    f"""
[[solicitations]]
rule = "{kind}"
label = "spam"
kinds = ["{kind}"]
"""
    for kind in SOLICITATION_KINDS
)
MODERATOR = Moderator(Policy.load(POLICY))

REQUESTS = [
    ("check out my new video guys, would mean a lot", "channel"),
    ("Hey everyone, I'm a young singer from Ohio, please listen to my cover of this song, thanks!", "channel"),
    ("follow me on instagram @some_guy and twitter", "channel"),
    ("help me get 1000 subscribers before christmas", "channel"),
    ("we are a small band from Leeds, come and check us out!", "channel"),
    ("sub for sub?", "exchange"),
    ("SUBSCRIBE BACK and I'll sub back", "exchange"),
    ("vote for us in the final: http://www.contest.example.com/12", "votes"),
    ("like and share this petition, sign it please", "votes"),
    ("earn 500 dollars a week from home, no scam", "money"),
    ("FREE itunes gift cards, register now", "money"),
    ("look at this please http://youtu.be/abc", "link"),
    ("abonniert bitte meinen Kanal", "channel"),
    ("inscreva-se no meu canal", "channel"),
    ("подписывайтесь на мой канал", "channel"),
    ("チャンネル登録お願いします", "channel"),
]


@pytest.mark.parametrize(("text", "kind"), REQUESTS)
def test_a_request_is_found_and_its_kind_named(text: str, kind: str) -> None:
    finding = MODERATOR.judge(text, surface="comment")
    assert [signal.rule for signal in finding.signals] == [kind]
    assert finding.decision.action == "flag"


@pytest.mark.parametrize(
    "text",
    [
        "I never subscribe to anything",
        "you should check out that book, it is great",
        "my video card driver is broken, please look at my video driver",
        "the docs are at https://docs.example.org/",
        "see http://docs.example.org/wiki for the install error, please",
        "he voted for the other party",
        "I work from home on fridays",
        "is there any money left?",
        "our channel topic has the rules",
        "do you like this song? it is free",
    ],
)
def test_ordinary_texts_with_the_same_words_are_no_request(text: str) -> None:
    assert MODERATOR.judge(text, surface="comment").decision.action == "allow"


def test_more_marks_are_never_a_lower_score() -> None:
    asked = [
        "subscribe",
        "please subscribe",
        "please subscribe to my channel",
        "please subscribe to my channel https://youtu.be/x thanks!",
    ]
    found = [scores(normalise(text).encoded)[0] for text in asked]
    assert found == sorted(found)
    assert found[0] < 0.3 < 0.9 < found[-1]


def test_what_is_allowed_does_not_count() -> None:
    allow = '[[allow]]\nrule = "ours"\nterms = ["subscribe to my channel"]\n'
    moderator = Moderator(Policy.load(POLICY + allow))
    assert moderator.judge("please subscribe to my channel", surface="comment").decision.action == "allow"


def test_at_most_caps_a_score() -> None:
    capped = Moderator(Policy.load(POLICY.replace('kinds = ["channel"]', 'kinds = ["channel"]\nat_most = 0.4')))
    [signal] = capped.judge("please subscribe to my channel", surface="comment").signals
    assert signal.score == 0.4


def test_an_unknown_kind_is_named() -> None:
    with pytest.raises(PolicyError, match="did you mean 'channel'"):
        Policy.load(POLICY.replace('kinds = ["channel"]', 'kinds = ["chanel"]'))


def test_every_request_is_a_candidate_of_the_one_scan() -> None:
    scan = Scan(CANDIDATES)
    assert [text for text, _ in REQUESTS if not scan.hits(normalise(text).encoded)] == []


@given(st.text(max_size=300))
def test_any_text_has_a_score_between_0_and_1(text: str) -> None:
    score, kind = scores(normalise(text).encoded)
    assert 0 <= score <= 1
    assert kind is None or kind in SOLICITATION_KINDS
