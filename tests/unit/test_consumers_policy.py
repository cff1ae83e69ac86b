"""Policies: what is read, what is refused and how, and what versions stand for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.moderation.decide import ALLOWED, decide
from consumers.moderation.moderator import Moderator
from consumers.moderation.policy import Policy, PolicyError, Thresholds
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
        ("flag = 0.3", "flag = 2", "line 4: labels.spam.flag: Expected `float` <= 1.0; received 2"),
        ("flag = 0.3", 'flag = "x"', "line 4: labels.spam.flag: Expected `float | null`, got `str`; received 'x'"),
        ("flag = 0.3", "flga = 0.3", "line 3: labels.spam: Object contains unknown field `flga`"),
        ("flag = 0.3", "flag = 0.9", "line 3: labels.spam: received 0.9, 0.6; allowed: flag <= review <= block"),
        ("score = 0.5", "score = -1", "line 10: terms[0].score: Expected `float` >= 0.0; received -1"),
        ('terms = ["free money"]', "terms = []", "line 11: terms[0].terms: Expected `array` of length >= 1"),
        ('terms = ["free money"]', "", "line 7: terms[0]: Object missing required field `terms`"),
        ('rule = "links"', 'rule = "phrases"', "line 14: patterns[0].rule: received 'phrases' again"),
        ('"spam"\nscore = 0.6', '"ham"\nscore = 0.6', "line 15: patterns[0].label: received 'ham'; allowed: spam"),
        ("chat.labels.spam", "chat.labels.ham", "line 19: surfaces.chat.labels.ham: received 'ham'; allowed: spam"),
        ("flag = 0.7", "flag = 7", "line 20: surfaces.chat.labels.spam.flag: Expected `float` <= 1.0; received 7"),
        ("surfaces.chat", "surfaces.Chat", "line 19: surfaces.Chat: Expected `str` matching regex"),
        ('id = "example"', 'id = "Ex ample"', "line 1: id: Expected `str` matching regex"),
        ("[labels.spam]", "[labels.spam", "not TOML: "),
        ("https?://", "(?=a)b", "pattern rule 'links': invalid perl operator: (?=; allowed: re2 syntax"),
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
