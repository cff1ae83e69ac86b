"""The ``test`` splits of the labelled sets: how well scores order, what the policy finds, what it misses."""

from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from msgspec import Struct

from benchmarks.quality.rows import Missed, Row, json_lines
from consumers.evaluation.evaluating import Evaluation, Wanted
from consumers.evaluation.judge import PolicyJudge, questions_of
from consumers.evaluation.labelled import ANY, Labelled, Passed
from consumers.evaluation.measures import Measures
from consumers.moderation.moderator import Moderator
from consumers.moderation.normalise import normalise

Kinds = Callable[[dict[str, Any]], list[str]]


class LabelledSet(Struct, frozen=True):
    """One set and what is known of it.

    Args:
        name: its folder.
        finds: the policy's labels that mean yes.
        kinds: what its annotators called a positive.
        peers: F1 at 0.5 and AUC of the best of the tools and of the plain logistic regression, as the data's README
            gives them, two digits each; None: not measured.
        auc_at_least, f1_at_least: what was asked for.
        surface: where such texts are posted.
        note: what a reader should know.
    """

    name: str
    finds: tuple[str, ...]
    kinds: Kinds
    tools: tuple[float, float] | None = None
    regression: tuple[float, float] | None = None
    auc_at_least: float | None = None
    f1_at_least: float | None = None
    surface: str = "comment"
    note: str = ""


def _cats(row: dict[str, Any]) -> list[str]:
    return row["cats"] or ["(none)"]


def _fine(row: dict[str, Any]) -> list[str]:
    return [str(row["native"].get("fine"))]


RUDE = ("profanity", "insult", "hate", "sexual", "threat", "violence")
_ENGLISH = ("hatexplain", "gab_hate_corpus", "misogyny_reddit", "convabuse", "toxigen_demos")
_OTHERS = {
    "detox_hi_en": "Hindi and English",
    "toxifrench": "French",
    "gold_toxicity_es": "Spanish",
    "ru_distorted": "Russian",
    "blob_id": "Indonesian",
    "vihos_vi": "Vietnamese",
    "curse_ko": "Korean",
    "hatescore_ko": "Korean",
    "mpold_ar": "Arabic",
    "ro_fb_offense": "Romanian",
}
SETS = (
    LabelledSet(
        "davidson",
        RUDE,
        lambda row: [("hate", "offensive", "neither")[row["native"]["class"]]],
        (0.98, 0.99),
        (0.96, 0.97),
        note="the tool, and the published word weights in ours, were probably trained on it",
    ),
    LabelledSet("edos", RUDE, lambda row: [row["native"]["label_category"]], (0.44, 0.66), (0.54, 0.80)),
    LabelledSet(
        "civil_toxic_spans", RUDE, _cats, (0.66, 0.61), (0.68, 0.60), note="its negatives are borderline, not calm"
    ),
    *(LabelledSet(name, RUDE, _cats) for name in _ENGLISH),
    LabelledSet("germeval2018", RUDE, _fine, None, (0.48, 0.72), note="German"),
    LabelledSet(
        "cold",
        RUDE,
        lambda row: [("", "attacks a person", "attacks a group")[row["native"]["fine"]]],
        None,
        (0.72, 0.85),
        note="Chinese",
    ),
    *(LabelledSet(name, RUDE, _cats, note=language) for name, language in _OTHERS.items()),
    LabelledSet("told_br", RUDE, _cats, None, (0.69, 0.82), note="Portuguese, not learned from: share-alike"),
    LabelledSet("korean_hate", RUDE, _cats, None, (0.75, 0.82), note="Korean, not learned from: share-alike"),
    LabelledSet("pejorativity_it", RUDE, _cats, note="Italian, not learned from: no clear licence"),
    LabelledSet("sms_spam", ("spam", "scam"), lambda row: ["spam"], surface="direct_message"),
    LabelledSet("thai_sms", ("spam", "scam"), _cats, surface="direct_message", note="Thai"),
)
"""Figures of others: measured 2026-11-20, as the data's README gives them; the best of its three columns."""


class Outcome(Struct, frozen=True):
    """What came of one set.

    Args:
        name, note: the set's.
        finds: the policy's labels that count.
        model: figures with the model's own scores; its AUC is what orders texts.
        policy: figures of what the policy flags.
        tools, regression: F1 and AUC of the others, as recorded.
    """

    name: str
    note: str
    finds: tuple[str, ...]
    model: Measures
    policy: Measures
    tools: tuple[float, float] | None
    regression: tuple[float, float] | None


def measure(moderator: Moderator, folder: Path) -> tuple[list[Outcome], list[Row], list[Missed]]:
    """Each set's figures, the lines with a target, and what was missed, by kind."""
    outcomes: list[Outcome] = []
    rows: list[Row] = []
    missed: list[Missed] = []
    known = rude_words(folder)
    for one in SETS:
        outcome, gaps = _measure(moderator, one, folder, known)
        outcomes.append(outcome)
        rows += _asked(one, outcome)
        missed += gaps
    return outcomes, rows, missed


def _measure(
    moderator: Moderator, one: LabelledSet, folder: Path, known: Callable[[str, str], bool]
) -> tuple[Outcome, list[Missed]]:
    questions = questions_of(one.finds, {})
    model = Evaluation(PolicyJudge(moderator, questions, score_of="model"), questions, Wanted())
    policy = Evaluation(PolicyJudge(moderator, questions), questions, Wanted())
    texts: Counter[str] = Counter()
    missed: Counter[str] = Counter()
    listed: Counter[str] = Counter()
    for row in json_lines(folder / "labelled" / one.name / "data.jsonl.gz"):
        if row["split"] != "test" or row["label"] not in (0, 1):
            continue
        labelled = _labelled(row, one.surface)
        model.add(labelled)
        judged = policy.add(labelled)
        if row["label"] == 1:
            for kind in one.kinds(row):
                texts[kind] += 1
                if not judged.found[0]:
                    missed[kind] += 1
                    listed[kind] += known(row["text"], row["lang"])
    gaps = [Missed(one.name, kind, texts[kind], missed[kind], listed[kind]) for kind in sorted(texts)]
    by_model, by_policy = (each.report(Passed()).questions[0].groups[0].figures for each in (model, policy))
    outcome = Outcome(one.name, one.note, one.finds, by_model, by_policy, one.tools, one.regression)
    return outcome, gaps


def _labelled(row: dict[str, Any], surface: str) -> Labelled:
    truth = frozenset({ANY}) if row["label"] == 1 else frozenset[str]()
    return Labelled(row["text"], truth, row["lang"], surface, (), row["id"])


def _asked(one: LabelledSet, outcome: Outcome) -> Iterator[Row]:
    texts = outcome.model.texts
    if one.auc_at_least is not None and outcome.model.auc is not None:
        beside = f"best tool {one.tools[1]:.2f}" if one.tools else ""
        beside += f", LR {one.regression[1]:.2f}" if one.regression else ""
        auc = outcome.model.auc
        yield Row("labelled", f"{one.name}: AUC", texts, auc, target=one.auc_at_least, digits=2, beside=beside)
    if one.f1_at_least is not None and outcome.policy.f1 is not None:
        what = f"{one.name}: F1 of what is flagged as {' or '.join(one.finds)}"
        yield Row("labelled", what, texts, outcome.policy.f1, target=one.f1_at_least)


def rude_words(folder: Path) -> Callable[[str, str], bool]:
    """Whether a text in a language holds a word of the public lists; in scripts without spaces, anywhere in it."""
    lists: dict[str, set[str]] = {}
    for row in json_lines(folder / "labelled" / "ldnoobw_words" / "words.jsonl.gz"):
        lists.setdefault(row["lang"], set()).add(normalise(row["word"]).plain)

    @cache
    def of(language: str) -> tuple[frozenset[str], tuple[str, ...]]:
        words = lists.get(language, set()) | (lists["en"] if language != "en" else set())
        return frozenset(word for word in words if " " not in word), tuple(sorted(words))

    def holds(text: str, language: str) -> bool:
        words, phrases = of(language)
        plain = normalise(text).plain
        if language in ("zh", "ja", "ko"):
            return any(phrase in plain for phrase in phrases)
        parts = "".join(character if character.isalnum() else " " for character in plain).split()
        padded = f" {' '.join(parts)} "
        return not words.isdisjoint(parts) or any(f" {phrase} " in padded for phrase in phrases if " " in phrase)

    return holds
