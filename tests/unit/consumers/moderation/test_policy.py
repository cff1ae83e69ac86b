"""Policies: what is read, what is refused and how, and what versions stand for."""

# ruff: noqa: E501 - a case is a line

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.moderation.decide import ALLOWED, decide
from consumers.moderation.moderator import Moderator
from consumers.moderation.policy import Policy, PolicyError
from consumers.moderation.rules import Thresholds
from consumers.policies import read_policy
from glue.contract import Signal
from glue.vocabulary import ACTIONS

GOOD = """\
id = "example"

[labels.spam]
flag = 0.3
review = 0.6

[[terms]]
rule = "phrases"
label = "spam"
score = 0.5
terms = ["free money"]

[[patterns]]
rule = "links"
label = "spam"
score = 0.6
pattern = 'https?://'

[surfaces.chat.labels.spam]
flag = 0.7
"""


@pytest.mark.parametrize(
    ("find", "replace", "message"),
    [
        ('flag = 0.3', 'flag = 2', 'line 4, column 8: labels.spam.flag: received 2; allowed: a number from 0 to 1'),
        ('flag = 0.3', 'flag = "x"', "line 4, column 8: labels.spam.flag: received 'x'; allowed: a number from 0 to 1"),
        ('flag = 0.3', 'flga = 0.3', "line 4, column 1: labels.spam.flga: unknown key; allowed: block, flag, handling, hold, review; did you mean 'flag'?"),
        ('flag = 0.3', 'flag = 0.9', 'line 3, column 9: labels.spam: received 0.9, 0.6; allowed: flag <= review <= block'),
        ('score = 0.5', 'score = -1', 'line 10, column 9: terms[0].score: received -1; allowed: a number from 0 to 1'),
        ('terms = ["free money"]', 'terms = []', 'line 11, column 9: terms[0].terms: received an empty array; allowed: at least one entry'),
        ('terms = ["free money"]', '', 'line 7, column 3: terms[0].terms: received no terms; terms, or from, is required'),
        ('rule = "links"', 'rule = "phrases"', "line 14, column 8: patterns[0].rule: received 'phrases' again (also in terms[0]); allowed: each name once"),
        ('"spam"\nscore = 0.6', '"ham"\nscore = 0.6', "line 15, column 9: patterns[0].label: received 'ham'; allowed: spam (the policy's labels)"),
        ('chat.labels.spam', 'chat.labels.ham', "line 19, column 23: surfaces.chat.labels.ham: received 'ham'; allowed: spam (the policy's labels)"),
        ('flag = 0.7', 'flag = 7', 'line 20, column 8: surfaces.chat.labels.spam.flag: received 7; allowed: a number from 0 to 1'),
        ('surfaces.chat', 'surfaces.Chat', "line 19, column 11: surfaces.Chat: received 'Chat'; allowed: a to z, 0 to 9 and _, at most 32"),
        ('id = "example"', 'id = "Ex ample"', "line 1, column 6: id: received 'Ex ample'; allowed: a to z first, then a to z, 0 to 9 and _, at most 64"),
        ('[labels.spam]', '[labels.spam', "line 3, column 13: not TOML: Expected ']' at the end of a table declaration"),
        ('https?://', '(?=a)b', "line 17, column 11: patterns[0].pattern: received '(?=a)b': invalid perl operator: (?=; allowed: re2 syntax, which has no look-around and no back-references"),
        ("https?://", r"(a)\\1", None),
        ('"free money"', '"\u200b"', "rule 'phrases': received a term without a visible character"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_line_and_what_is_allowed(find: str, replace: str, message: str | None) -> None:
    assert find in GOOD
    if message is None:
        Moderator(Policy.load(GOOD.replace(find, replace)))
        return
    with pytest.raises(PolicyError) as caught:
        Moderator(Policy.load(GOOD.replace(find, replace)))
    assert str(caught.value).startswith(message)


def test_all_that_is_wrong_is_told_at_once_in_the_order_of_the_text() -> None:
    text = GOOD.replace("flag = 0.3", "flga = 3").replace('"phrases"', '"Phrases"').replace("https?://", "a**")
    with pytest.raises(PolicyError) as caught:
        Policy.load(text)
    assert [(problem.line, problem.path) for problem in caught.value.problems] == [
        (4, "labels.spam.flga"),
        (8, "terms[0].rule"),
    ]
    with pytest.raises(PolicyError) as caught:
        Policy.load(GOOD.replace("https?://", "a**").replace('"spam"\nscore = 0.6', '"ham"\nscore = 0.6'))
    assert [problem.path for problem in caught.value.problems] == ["patterns[0].label", "patterns[0].pattern"]


def test_a_severity_stands_for_a_score_that_the_policy_may_change() -> None:
    text = GOOD.replace("score = 0.5", 'severity = "high"')
    assert Policy.load(text).terms[0].score == 0.8
    assert Policy.load(text + "[severities]\nhigh = 0.7\n").terms[0].score == 0.7
    with pytest.raises(PolicyError, match="received a severity beside a score"):
        Policy.load(GOOD.replace("score = 0.5", 'score = 0.5\nseverity = "high"'))


ALLOWING = (
    GOOD
    + """
[personal_data]
label = "spam"
scores = { email = 0.6 }
[[allow]]
rule = "our_words"
terms = ["free money museum", "help@shop.example"]
patterns = ['exhibit \\d+']
links = ["example.org"]
"""
)


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("free money", "flag"),
        ("the Free Money Museum opens", "allow"),
        ("the free money museum gives free money", "flag"),
        ("the free money museums", "flag"),
        ("see https://example.org/free and https://docs.example.org:8443/x?y#z", "allow"),
        ("see https://example.org.evil.test/", "review"),
        ("see https://evilexample.org/", "review"),
        ("see https://evil.test/?u=https://example.org/", "review"),
        ("write to help@shop.example", "allow"),
        ("write to xhelp@shop.example", "review"),
    ],
)
def test_what_lies_inside_an_allowed_span_does_not_count(text: str, action: str) -> None:
    assert Moderator(Policy.load(ALLOWING)).judge(text, surface="post").decision.action == action


def test_thresholds_go_from_the_surface_in_a_language_over_the_surface_and_the_language_to_the_label() -> None:
    text = GOOD + "[languages.de.labels.spam]\nreview = 0.5\n[surfaces.chat.languages.de.labels.spam]\nblock = 0.5\n"
    moderator = Moderator(Policy.load(text))
    asked = {
        (surface, language): moderator.judge("free money", surface=surface, language=language).decision.action
        for surface in ("post", "chat")
        for language in (None, "en", "de-AT")
    }
    assert asked == {
        ("post", None): "flag",
        ("post", "en"): "flag",
        ("post", "de-AT"): "review",
        ("chat", None): "allow",
        ("chat", "en"): "allow",
        ("chat", "de-AT"): "block",
    }


def test_an_author_rule_lowers_the_thresholds_for_its_authors_and_labels() -> None:
    rule = '[[authors]]\nrule = "repeaters"\nauthors = ["a1"]\nlower_by = 0.2\n'
    moderator = Moderator(Policy.load(GOOD + rule))
    asked = [moderator.judge("free money", surface="post", author_id=author).decision.action for author in ("a1", "a2")]
    assert asked == ["review", "flag"]
    none = Moderator(
        Policy.load(GOOD.replace("[labels.spam]", "[labels.insult]\n\n[labels.spam]") + rule + 'labels = ["insult"]\n')
    )
    assert none.judge("free money", surface="post", author_id="a1").decision.action == "flag"


def test_an_expired_rule_is_no_longer_content_from_midnight_utc_on() -> None:
    policy = Policy.load(GOOD.replace("score = 0.5", "score = 0.5\nexpires = 2026-03-01"))
    before = datetime(2026, 2, 28, 23, 59, 59, tzinfo=UTC).timestamp()
    after = datetime(2026, 3, 1, tzinfo=UTC).timestamp()
    assert policy.expiries() == [date(2026, 3, 1)]
    assert policy.in_force(before) is policy
    assert policy.in_force(after).terms == ()
    assert (
        policy.in_force(after).version
        == Policy.load(GOOD[: GOOD.index("[[terms]]")] + GOOD[GOOD.index("[[patterns]]") :]).version
    )


def test_what_is_not_used_changes_no_version() -> None:
    assert Policy.load(GOOD).version == "9c5a5aed9e260034"


def test_the_version_stands_for_the_content_and_not_for_its_layout() -> None:
    version = Policy.load(GOOD).version
    assert Policy.load(GOOD).version == version
    assert Policy.load("# a comment\n" + GOOD.replace(" = ", "   =   ")).version == version
    head, terms, rest = GOOD.partition("[[terms]]")
    tables = rest.partition("[[patterns]]")
    moved = head + "[[patterns]]" + tables[2] + terms + tables[0]
    assert Policy.load(moved).version == version


@pytest.mark.parametrize(
    ("find", "replace"),
    [
        ("0.5", "0.51"),
        ("free money", "free  money"),
        ("example", "other"),
        ("chat", "post"),
        ("flag = 0.7", "flag = 1"),
    ],
)
def test_every_change_of_content_is_another_version(find: str, replace: str) -> None:
    assert Policy.load(GOOD.replace(find, replace)).version != Policy.load(GOOD).version


def test_a_surface_overrides_the_thresholds_of_the_labels_it_names() -> None:
    moderator = Moderator(Policy.load(GOOD))
    assert moderator.judge("free money", surface="post").decision.action == "flag"
    assert moderator.judge("free money", surface="chat").decision.action == "allow"


def test_the_default_policy_can_be_used_and_has_every_action() -> None:
    policy = Policy.load(read_policy("default"))
    Moderator(policy)
    reached = {
        policy.labels[rule.label].action(rule.score) for rules in (policy.terms, policy.patterns) for rule in rules
    }
    assert reached == {"flag", "review", "block"}


def test_an_unknown_policy_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(ValueError, match="received policy 'nope'; allowed: default"):
        read_policy("nope")


scores = st.floats(0, 1)
labels = st.sampled_from(["spam", "insult", "threat"])
signals = st.lists(st.builds(Signal, st.just("d"), labels, scores, st.sampled_from("abc")), max_size=6)


@st.composite
def thresholds(draw: st.DrawFn) -> Thresholds:
    values = sorted(draw(st.lists(scores, min_size=3, max_size=3)))
    return Thresholds(*(draw(st.sampled_from([value, None])) for value in values))


policies = st.fixed_dictionaries({"spam": thresholds(), "insult": thresholds(), "threat": thresholds()})


@given(signals, policies, st.randoms())
def test_the_order_of_signals_does_not_matter(
    found: list[Signal], under: dict[str, Thresholds], chance: object
) -> None:
    shuffled = list(found)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert decide(found, under) == decide(shuffled, under)


@given(signals, st.builds(Signal, st.just("d"), labels, scores, st.just("x")), policies)
def test_one_signal_more_never_leads_to_less(found: list[Signal], more: Signal, under: dict[str, Thresholds]) -> None:
    before, after = decide(found, under), decide([*found, more], under)
    assert ACTIONS.index(after.action) >= ACTIONS.index(before.action)
    assert set(before.labels) <= set(after.labels)


@given(signals, policies, labels, st.sampled_from(["flag", "review", "block"]), scores)
def test_a_lower_threshold_never_leads_to_less(
    found: list[Signal], under: dict[str, Thresholds], label: str, step: str, value: float
) -> None:
    values = {name: getattr(under[label], name) for name in ("flag", "review", "block")}
    if values[step] is not None and value > values[step]:
        return
    lower = {**under, label: Thresholds(**{**values, step: value})}
    assert ACTIONS.index(decide(found, lower).action) >= ACTIONS.index(decide(found, under).action)


@given(signals, policies)
def test_the_top_label_is_the_one_that_decided(found: list[Signal], under: dict[str, Thresholds]) -> None:
    decision = decide(found, under)
    if decision.action == "allow":
        assert decision == ALLOWED
        return
    top = decision.top_label
    assert top == decision.labels[0]
    assert under[str(top)].action(decision.top_score) == decision.action
    assert decision.top_score == max(signal.score for signal in found if signal.label == top)


HELD = """\
id = "held"
[labels.hate]
block = 0.9
[labels.spam]
flag = 0.3
[labels.self_harm]
review = 0.5
hold = true
handling = "support"
[[terms]]
rule = "hate"
label = "hate"
score = 0.95
terms = ["slur"]
[[terms]]
rule = "spam"
label = "spam"
score = 0.5
terms = ["free money"]
[[terms]]
rule = "self_harm"
label = "self_harm"
score = 0.8
terms = ["end my life"]
[[terms]]
rule = "unsure"
label = "self_harm"
score = 0.4
terms = ["so tired"]
"""


@pytest.mark.parametrize(
    ("text", "action", "labels"),
    [
        ("slur", "block", ("hate",)),
        ("I will end my life", "review", ("self_harm",)),
        ("slur, I will end my life, free money", "review", ("self_harm", "hate", "spam")),
        ("so tired of this slur", "block", ("hate",)),
    ],
)
def test_what_is_held_is_seen_by_a_person_whatever_else_was_found(
    text: str, action: str, labels: tuple[str, ...]
) -> None:
    decision = Moderator(Policy.load(HELD)).judge(text, surface="post").decision
    assert (decision.action, decision.labels, decision.top_label) == (action, labels, labels[0])


def test_a_label_that_is_off_is_found_by_nothing_and_leads_to_nothing() -> None:
    policy = Policy.load('off = ["hate"]\n' + HELD + "[surfaces.post.labels.hate]\nflag = 0.1\n")
    finding = Moderator(policy).judge("slur, free money", surface="post")
    assert [signal.label for signal in finding.signals] == ["spam"]
    assert finding.decision.labels == ("spam",)
    with pytest.raises(
        PolicyError, match=r"line 1, column 8: off\[0\]: received 'hat'; allowed: .*did you mean 'hate'"
    ):
        Policy.load('off = ["hat"]\n' + HELD)


BESIDE = (
    HELD
    + """\
[labels.child_safety]
review = 0.5
hold = true
[[beside]]
rule = "hate_beside_child"
label = "child_safety"
score = 1.0
labels = ["hate"]
terms = ["child"]
patterns = ['\\b1[0-7] years old\\b']
"""
)


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("slur", {"hate"}),
        ("a child", set()),
        ("slur and child", {"hate", "hate_beside_child"}),
        ("slur, 12 years old", {"hate", "hate_beside_child"}),
        ("slur, 22 years old, childish", {"hate"}),
    ],
)
def test_two_things_together_say_more(text: str, rules: set[str]) -> None:
    finding = Moderator(Policy.load(BESIDE)).judge(text, surface="post")
    assert {signal.rule for signal in finding.signals} == rules


def test_what_a_rule_about_two_things_looks_for_is_found_though_its_label_is_off() -> None:
    moderator = Moderator(Policy.load('off = ["hate"]\n' + BESIDE))
    assert moderator.judge("slur", surface="post").decision.action == "allow"
    assert moderator.judge("slur and child", surface="post").decision.labels == ("child_safety",)
    assert not moderator.judge("child", surface="post").signals


def test_a_policy_that_extends_another_says_only_what_differs() -> None:
    default = Policy.load(read_policy("default"))
    text = """\
id = "mine"
extends = "default"
[labels.spam]
flag = 0.9
[[terms]]
rule = "spam_words"
label = "spam"
score = 0.95
terms = ["only this"]
[[terms]]
rule = "more"
label = "scam"
severity = "high"
terms = ["moon coin"]
[surfaces.profile.labels.spam]
flag = 0.2
"""
    mine = Policy.load(text)
    assert mine.labels == {**default.labels, "spam": mine.labels["spam"]}
    assert mine.labels["spam"].review is None
    assert [rule.rule for rule in mine.terms] == [*(rule.rule for rule in default.terms), "more"]
    assert {rule.rule: rule.terms for rule in mine.terms}["spam_words"] == ("only this",)
    assert mine.surfaces["profile"].labels.keys() == {"insult", "spam"}
    assert mine.surfaces["direct_message"] == default.surfaces["direct_message"]
    assert (mine.id, mine.owner, mine.model) == ("mine", default.owner, default.model)
    assert mine.version != default.version
    with pytest.raises(PolicyError, match=r"line 2, column 11: extends: received policy 'defualt'; allowed: .*default"):
        Policy.load(text.replace('"default"', '"defualt"'))
    with pytest.raises(
        PolicyError, match=r"line 6, column 8: patterns\[0\].rule: received 'spam_words' again .*in terms"
    ):
        Policy.load(text[: text.index("terms =")].replace("[[terms]]", "[[patterns]]") + "pattern = 'a'\n")


@pytest.mark.parametrize("name", ["strict", "lenient"])
def test_presets_find_what_the_default_finds_and_act_earlier_or_later(name: str) -> None:
    default, preset = (Policy.load(read_policy(one)) for one in ("default", name))
    assert preset.labels.keys() == default.labels.keys()
    for label, thresholds in preset.labels.items():
        for score in (0.3, 0.5, 0.7, 0.9):
            ours = ACTIONS.index(preset.thresholds()[label].action(score))
            theirs = ACTIONS.index(default.labels[label].action(score))
            assert ours >= theirs if name == "strict" else ours <= theirs, (label, score)
        assert thresholds.hold == default.labels[label].hold


def test_self_harm_is_never_blocked_and_says_what_it_needs() -> None:
    for name in ("strict", "default", "lenient"):
        label = Policy.load(read_policy(name)).labels["self_harm"]
        assert (label.flag, label.block, label.hold, label.handling) == (None, None, True, "support")


def test_terms_may_stand_in_a_file() -> None:
    text = GOOD.replace('terms = ["free money"]', 'from = "lists/mine.txt"')
    files = {"lists/mine.txt": "\ufeff# mine\n free money \n\nact now\r\n"}
    policy = Policy.load(text, files=files.__getitem__)
    assert policy.terms[0].terms == ("free money", "act now")
    assert policy.version == Policy.load(GOOD.replace('"free money"', '"free money", "act now"')).version
    with pytest.raises(PolicyError, match=r"line 11, column 8: terms\[0\].from: received 'lists/mine.txt': .*inside"):
        Policy.load(text)
    for content, message in (("# none\n", "holds no terms"), ("a\n" + "b" * 201, "line 2: 201 characters")):
        with pytest.raises(PolicyError, match=message):
            Policy.load(text, files={"lists/mine.txt": content}.__getitem__)
    with pytest.raises(PolicyError, match="received from beside terms"):
        Policy.load(text.replace("from =", 'terms = ["x"]\nfrom ='), files=files.__getitem__)


def test_a_byte_order_mark_before_a_policy_changes_nothing() -> None:
    text = 'id = "a"\n[labels.spam]\nflag = 0.5\n'
    assert Policy.load("\ufeff" + text).version == Policy.load(text).version
