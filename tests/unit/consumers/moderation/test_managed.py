"""Which events managed AI is asked about, in which calls, and what its answers mean."""

# ruff: noqa: E501 - a case is a line

from datetime import UTC, date, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from consumers.moderation.managed import asking, calls, contents, signals_of, split
from consumers.moderation.policy import Policy, PolicyError
from consumers.moderation.rule_values import ManagedService
from consumers.moderation.rules import Borderline, ManagedRule
from glue.contract import ContentEvent, Media, Signal

GOOD = """\
id = "example"
[labels.insult]
flag = 0.3
[[managed]]
rule = "second_look"
service = "comprehend"
labels = { INSULT = "insult" }
borderline.insult = { low = 0.3, high = 0.7 }
"""


def rule(service: ManagedService = "comprehend", **given: object) -> ManagedRule:
    values: dict[str, object] = {"borderline": {"insult": Borderline(0.3, 0.7)}, "labels": {"INSULT": "insult"}}
    return ManagedRule(rule="second_look", service=service, **{**values, **given})  # type: ignore[arg-type]


def event(text: str = "a text", *, language: str | None = None, media: tuple[Media, ...] = ()) -> ContentEvent:
    return ContentEvent("e", "c", "a", "chat", datetime(2026, 11, 20, tzinfo=UTC), text, language, media)


def found(score: float, label: str = "insult") -> tuple[Signal, ...]:
    return (Signal("terms", label, 0.1, "weak"), Signal("terms", label, score, "r"))


JPEG = Media("s3://media/a/b.jpg", "image/jpeg")


@pytest.mark.parametrize(
    ("find", "replace", "message"),
    [
        ('"comprehend"', '"comprehand"', "line 6, column 11: managed[0].service: received 'comprehand'; allowed: bedrock, comprehend, rekognition; did you mean 'comprehend'?"),
        ("INSULT =", "INSULTS =", "line 7, column 12: managed[0].labels.INSULTS: received 'INSULTS'; allowed: GRAPHIC, HARASSMENT_OR_ABUSE, HATE_SPEECH, INSULT, PROFANITY, SEXUAL, TOXICITY, VIOLENCE_OR_THREAT; did you mean 'INSULT'? (what comprehend says)"),
        ('= "insult"', '= "insolt"', "line 7, column 21: managed[0].labels.INSULT: received 'insolt'; allowed: insult; did you mean 'insult'? (the policy's labels)"),
        ('{ INSULT = "insult" }', "{}", "line 7, column 10: managed[0].labels: received an empty table; allowed: at least one entry"),
        ("borderline.insult", "borderline.insolt", "line 8, column 12: managed[0].borderline.insolt: received 'insolt'; allowed: insult"),
        ("high = 0.7", "high = 0.2", "line 8, column 41: managed[0].borderline.insult.high: received 0.2 below low 0.3; allowed: low <= high"),
        ("high = 0.7", "high = 7", "line 8, column 41: managed[0].borderline.insult.high: received 7; allowed: a number from 0 to 1"),
        ("borderline.insult = { low = 0.3, high = 0.7 }", "", "line 4, column 3: managed[0]: received comprehend without borderline; borderline is required"),
        ("borderline", 'language = "de"\nborderline', "line 8, column 12: managed[0].language: received 'de'; allowed: en, all that comprehend knows"),
        ("borderline", 'guardrail = "abc1"\nborderline', "line 8, column 1: managed[0].guardrail: received guardrail with comprehend; allowed: with bedrock only"),
        ("borderline", "calls_per_hour = 1.5\nborderline", "line 8, column 18: managed[0].calls_per_hour: received 1.5; allowed: a whole number from 1 to 1000000"),
        ("borderline", "calls_per_hour = 0\nborderline", "line 8, column 18: managed[0].calls_per_hour: received 0; allowed: a whole number from 1 to 1000000"),
        ("borderline", "at_most = 0.2\nborderline", "line 8, column 11: managed[0].at_most: received 0.2 below at_least 0.5; allowed: at_least <= at_most"),
        ('"comprehend"\nlabels = { INSULT', '"bedrock"\nlabels = { INSULTS', "line 4, column 3: managed[0]: received bedrock without guardrail; guardrail is required"),
        ('"comprehend"', '"comprehend"\nscore = 0.4', "line 7, column 1: managed[0].score: unknown key; allowed: at_least"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_managed_rule_is_named_with_its_place(find: str, replace: str, message: str) -> None:
    assert find in GOOD
    with pytest.raises(PolicyError) as caught:
        Policy.load(GOOD.replace(find, replace, 1))
    assert str(caught.value).startswith(message)


def test_a_managed_rule_is_part_of_the_version_and_expires_like_any_other() -> None:
    policy, expiring = Policy.load(GOOD), Policy.load(GOOD + "expires = 2027-01-01\n")
    assert policy.managed[0].calls_per_hour == 1000
    assert policy.version != Policy.load(GOOD.split("[[managed]]")[0]).version
    assert expiring.expiries() == [date(2027, 1, 1)]
    assert expiring.in_force(datetime(2027, 1, 1, tzinfo=UTC).timestamp()).managed == ()


def test_bedrock_and_rekognition_are_read_with_what_they_need() -> None:
    policy = Policy.load(
        GOOD + '[[managed]]\nrule = "guard"\nservice = "bedrock"\nguardrail = "gr1abc"\nguardrail_version = "3"\n'
        'labels = { HATE = "insult", TOPIC = "insult" }\nborderline.insult.low = 0.2\n'
        '[[managed]]\nrule = "images"\nservice = "rekognition"\nlabels = { "Explicit Nudity" = "insult" }\n'
    )
    assert [one.rule for one in policy.managed] == ["second_look", "guard", "images"]
    assert policy.managed[1].borderline["insult"] == Borderline(0.2, 1.0)


@pytest.mark.parametrize(
    ("one", "signals", "asked"),
    [
        (event(), found(0.29), False),
        (event(), found(0.3), True),
        (event(), found(0.7), True),
        (event(), found(0.71), False),
        (event(), (), False),
        (event(), found(0.5, label="spam"), False),
        (event(" \n"), found(0.5), False),
        (event(language="en-GB"), found(0.5), True),
        (event(language="EN"), found(0.5), True),
        (event(language="de"), found(0.5), False),
    ],
)
def test_only_the_borderline_is_asked_about(one: ContentEvent, signals: tuple[Signal, ...], asked: bool) -> None:
    assert bool(asking([rule()], one, signals)) == asked


def test_a_range_from_zero_asks_about_what_nothing_was_found_in() -> None:
    assert asking([rule(borderline={"insult": Borderline(0.0, 0.7)})], event(), ())


@pytest.mark.parametrize(
    ("media", "asked"),
    [
        ((), False),
        ((JPEG,), True),
        ((Media("s3://media/a.png", "image/PNG"),), True),
        ((Media("https://example.org/a.png", "image/png"),), False),
        ((Media("s3://media/a.mp4", "video/mp4"), JPEG), True),
        ((Media("s3://media/a.gif", "image/gif"),), False),
    ],
)
def test_images_in_s3_are_asked_about_with_or_without_a_text(media: tuple[Media, ...], asked: bool) -> None:
    images = rule("rekognition", borderline={})
    assert bool(asking([images], event("", media=media), ())) == asked
    assert not asking([rule("rekognition")], event("", media=media), ())
    assert bool(asking([rule("rekognition")], event("", media=media), found(0.5))) == asked


def test_each_image_is_a_call_and_what_is_no_image_is_none() -> None:
    media = (JPEG, Media("s3://media/a.mp4", "video/mp4"), Media("s3://media/c.png", "image/png"))
    images = rule("rekognition")
    made = list(calls(images, [(0, contents(images, event(media=media))), (1, contents(images, event(media=(JPEG,))))]))
    assert [[(part.case, part.content) for part in call] for call in made] == [
        [(0, "s3://media/a/b.jpg")],
        [(0, "s3://media/c.png")],
        [(1, "s3://media/a/b.jpg")],
    ]


TEXTS = st.text(alphabet=st.sampled_from("ab \n\u00e9\u4e2d\U0001f600"), max_size=60).map(lambda text: text * 40)


@example(texts=["abc " * 900, "", "x" * 3100, "\u00e9" * 1500, *["short"] * 9], service="comprehend")
@example(texts=["\u4e2d" * 20_000, "x" * 25_000, "x" * 25_001], service="bedrock")
@given(texts=st.lists(TEXTS, max_size=12), service=st.sampled_from(["comprehend", "bedrock"]))
def test_calls_stay_within_the_limits_and_hold_every_text_whole_and_in_order(
    texts: list[str], service: ManagedService
) -> None:
    made = list(calls(rule(service), [(number, (text,)) for number, text in enumerate(texts)]))
    for call in made:
        assert 1 <= len(call) <= {"comprehend": 10, "bedrock": 1}[service]
        longest = {"comprehend": 1_000, "bedrock": 25_000}[service]
        assert all(0 < len(part.content.encode()) <= longest for part in call)
        assert sum(len(part.content.encode()) for part in call) <= (10_000 if service == "comprehend" else 25_000)
        assert all(part.content.strip() for part in call)
    for number, text in enumerate(texts):
        parts = [part.content for call in made for part in call if part.case == number]
        # White space at the edges of a part is all that may go.
        assert "".join("".join(parts).split()) == "".join(text.split())
    assert [part.case for call in made for part in call] == sorted(part.case for call in made for part in call)
    if service == "comprehend":
        assert all(len(call) == 10 for call in made[:-1]), "as few calls as possible"


def test_a_word_is_not_cut_where_there_is_white_space() -> None:
    words = "abcdefg " * 1000
    assert {word for part in split(words, limit=1000) for word in part.split()} == {"abcdefg"}


def test_several_of_their_labels_make_one_signal_and_the_weak_make_none() -> None:
    one = rule(labels={"INSULT": "insult", "PROFANITY": "insult", "GRAPHIC": "gore"}, at_most=0.9)
    answers = [{"INSULT": 0.6, "PROFANITY": 0.97, "SEXUAL": 1.0}, {"INSULT": 0.7, "GRAPHIC": 0.49}]
    assert signals_of(one, answers) == [Signal("comprehend", "insult", 0.9, "second_look")]
    assert signals_of(one, []) == []
    assert signals_of(one, [{"INSULT": float("nan")}]) == []
