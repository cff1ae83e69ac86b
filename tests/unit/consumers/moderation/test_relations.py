"""Attacks on groups of people: what is one, what only has its words, and what it costs to look."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from consumers.lexicons import LANGUAGES
from consumers.moderation.detectors.relations.analysis import Relations, has_copula
from consumers.moderation.detectors.relations.lexicon import entries, lexicon
from consumers.moderation.kinds import RELATION_KINDS
from consumers.moderation.moderator import Moderator
from consumers.moderation.normalise import normalise
from consumers.moderation.policy import Policy, PolicyError
from consumers.moderation.scan import compiled

POLICY = """
id = "relations"
[labels.hate]
flag = 0.4
""" + "".join(
    f"""
[[relations]]
rule = "{kind}"
label = "hate"
kinds = ["{kind}"]
"""
    for kind in RELATION_KINDS
)
MODERATOR = Moderator(Policy.load(POLICY))

SENTENCES = yaml.load((Path(__file__).parent / "relation_sentences.yaml").read_text("utf-8"), yaml.CSafeLoader)
ATTACKS = [(language, text) for language, texts in SENTENCES["attacks"].items() for text in texts]
NONE = [(language, text) for language, texts in SENTENCES["none"].items() for text in texts]


COPULA = r"(?:^| )(?:are|is|r|were|be|being|as|all|have|can|will|=+|like)(?: |$)|'re |'s "


@given(st.lists(st.sampled_from([*"ris =", "are", "like", "'re", "they're", "it's", "==", "=a", "\n"]), max_size=6))
def test_a_copula_is_found_as_its_expression_would(parts: list[str]) -> None:
    for text in ("".join(parts), " ".join(parts)):
        assert has_copula(text) is (compiled(COPULA).search(text) is not None)


def score(text: str, language: str | None) -> float:
    return max((one.score for one in MODERATOR.judge(text, surface="comment", language=language).signals), default=0.0)


@pytest.mark.parametrize(("language", "text"), ATTACKS)
def test_an_attack_on_a_group_is_found(language: str, text: str) -> None:
    assert MODERATOR.judge(text, surface="comment", language=language).decision.action == "flag"


@pytest.mark.parametrize(("language", "text"), NONE)
def test_what_is_denied_quoted_kind_or_about_something_else_is_no_attack(language: str, text: str) -> None:
    assert MODERATOR.judge(text, surface="comment", language=language).decision.action == "allow"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("I can't stand immigrants", "contempt"),
        ("women are stupid", "derogation"),
        ("jews are rats", "dehumanisation"),
        ("gays must not be allowed to marry", "exclusion"),
        ("refugees should be shot", "violence"),
    ],
)
def test_a_signal_names_the_kind_of_attack(text: str, kind: str) -> None:
    signals = MODERATOR.judge(text, surface="comment", language="en").signals
    assert max(signals, key=lambda one: one.score).rule == kind
    assert {one.detector for one in signals} == {"relations"}


def test_a_score_is_graded() -> None:
    strong, weak, none = (score(text, "en") for text in ("kill all gays", "gays are weak", "gays are here"))
    assert strong > weak > none == 0.0


def test_words_of_another_language_than_the_text_do_not_count() -> None:
    assert score("Frauen sind dumm", "de") > 0.4
    assert score("Frauen sind dumm", None) > 0.4
    assert score("Frauen sind dumm", "fr") == 0.0


def test_at_most_caps_a_score_and_at_least_silences_it() -> None:
    capped = Moderator(Policy.load(POLICY.replace('kinds = ["violence"]', 'kinds = ["violence"]\nat_most = 0.5')))
    [signal] = capped.judge("kill all gays", surface="comment", language="en").signals
    assert signal.score == 0.5
    silent = Moderator(Policy.load(POLICY.replace('kinds = ["violence"]', 'kinds = ["violence"]\nat_least = 0.99')))
    assert silent.judge("kill all gays", surface="comment", language="en").signals == ()


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('kinds = ["violence"]', 'kinds = ["violent"]', "did you mean 'violence'?"),
        ('kinds = ["violence"]', "kinds = []", "kinds"),
        ('kinds = ["violence"]', 'kinds = ["violence"]\nat_least = 0.5\nat_most = 0.2', "allowed: at_least <= at_most"),
        ('label = "hate"', 'label = "hatred"', "did you mean 'hate'?"),
    ],
)
def test_a_mistake_in_a_rule_is_named(old: str, new: str, told: str) -> None:
    with pytest.raises(PolicyError, match=r"relations\[") as raised:
        Policy.load(POLICY.replace(old, new))
    assert told in str(raised.value)


def test_what_is_allowed_does_not_count() -> None:
    allow = '[[allow]]\nrule = "song"\nterms = ["kill all gays"]\n'
    moderator = Moderator(Policy.load(POLICY + allow))
    assert moderator.judge("the play kill all gays opens", surface="comment", language="en").signals == ()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_of_every_list_can_be_found(language: str) -> None:
    found = list(entries(language))
    assert {entry.role for entry in found} >= {"group", "they", "hostile", "positive", "negation", "counter", "self"}
    assert {entry.kind for entry in found if entry.role == "hostile"} == set(RELATION_KINDS)
    assert all(entry.text.strip() == entry.text and "*" not in entry.text and entry.text for entry in found)
    assert all(0 < entry.weight <= 3 for entry in found)


@given(st.text(max_size=200), st.sampled_from(LANGUAGES))
def test_any_text_gives_scores_between_nothing_and_certainty(text: str, language: str) -> None:
    scores = Relations(lexicon(language), language).scores(normalise("women " + text).folded)
    assert scores.keys() <= set(RELATION_KINDS)
    assert all(0 < value <= 0.95 for value in scores.values())
