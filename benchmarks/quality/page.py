"""The table of quality, as the Markdown that ``docs/quality.md`` holds. Nobody edits that by hand."""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from benchmarks.quality.attributes import Ordered
from benchmarks.quality.held_out import ByLabel, Calm
from benchmarks.quality.labelled import Outcome
from benchmarks.quality.peers import MOST, Beside
from benchmarks.quality.rows import Missed, Row
from benchmarks.quality.streams import Flagged
from consumers.evaluation.intervals import Estimate

_MOST_RULES = 8

HEAD = """\
# Quality, measured

Written by `make quality DATA=../shared/data`, not by hand; `tests/data` holds the targets. For figures on your own
texts: `streamkeeper evaluate --data FILE --label COLUMN`.

Policy `{policy}`, weights `{weights}`. **{met} of {asked} targets are met.**
In brackets 95 % intervals: Wilson's for shares and F1, DeLong's for AUC.

What was used for what: the weights learned from `train` splits; `dev` splits, or rows set aside by their hash, and six
days of IRC chat calibrated scores and chose recipe and thresholds; `test` splits and the other days are judged here and
were not looked at while the weights were made ([model card](model-card.md)). Three things make the figures kinder than
your texts will be: test and train splits of a set were collected the same way; some terms of the policy for German,
Portuguese and Korean were chosen when these splits had been seen; and disguises and personal data were built with an
eye on the rows below.
"""

LABELS = """\
Each label by itself, on each set whose annotators said something of it: AUC is of the label's score, the shares are of
texts that the policy gives the label. Other labels' texts are among the negatives.
"""

ATTRIBUTES = """\
How well the attributes of Perspective's form ([score text](score-text.md)) order texts: by what annotators said, and in
`rtp_prompts` by what Perspective itself said, of which nothing was learned. An attribute is offered in a language in
which some set shows an AUC of 0.7 or more. Two choices looked at sets that are measured here, so that their figures are
not blind: `SEVERE_TOXICITY` became hate or threat after its first figure on `davidson`, and Arabic was added because
of these figures.
"""

CALM = """\
Ordinary texts of which nothing was learned and by which no threshold was chosen; a text is flagged when anything but
`allow` comes out. What nobody labelled may well be rude: people who are neither angry nor disgusted swear, and posts of
a forum do. By what [`profanity`](labels.md) means, such a text is to be marked; the column after it counts the others,
in which none of the listed oaths and insults stands.
"""

BESIDE = """\
At most {most} texts of a set, the same for all; the tools' threshold is 0.5. On `davidson` alt-profanity-check was
probably trained. On sets of hard negatives, what is wrongly flagged says more of the set than of a tool.
"""

PEERS = """\
AUC is of the model's score, which orders texts; the other figures are of what the whole policy flags. *Best tool*: the
better of better-profanity 0.7.0 and alt-profanity-check 1.9.1. *LR*: a logistic regression on 2^18 hashed character
2–5-grams, trained on all these sets, the share-alike ones too. Both as recorded on 2026-11-20 with two digits.
`streamkeeper evaluate` asks the tools again where they are installed.
"""

MISSED = """\
Positives of the `test` splits that lead to no action, by what their annotators called them; a text can be of several
kinds. *With a listed word*: how many of the missed hold a word of the public LDNOOBW lists, of their language or
English. A longer list of terms would find these; the others are rude without rude words, or in words that are on no
list. Kinds of which nothing is missed are left out.
"""


class Measured(Struct, frozen=True):
    """All that was measured."""

    policy: str
    weights: str
    sets: tuple[Outcome, ...]
    rows: tuple[Row, ...]
    missed: tuple[Missed, ...]
    flags: tuple[Flagged, ...]
    by_label: tuple[ByLabel, ...] = ()
    attributes: tuple[Ordered, ...] = ()
    calm: tuple[Calm, ...] = ()
    beside: tuple[Beside, ...] = ()


def markdown(measured: Measured) -> str:
    """The page."""
    return "\n".join(_lines(measured)) + "\n"


def _lines(measured: Measured) -> Iterator[str]:
    asked = [row for row in measured.rows if row.is_met is not None]
    met = sum(bool(row.is_met) for row in asked)
    yield HEAD.format(policy=measured.policy, weights=measured.weights, met=met, asked=len(asked))
    yield "## What was asked for"
    yield ""
    yield "| what | texts | figure | target | met | others |"
    yield "|---|---:|---|---|---|---|"
    for row in asked:
        sign = "≥" if row.sense == "at least" else "≤"
        target = _number(row.target or 0.0, percent=row.percent, digits=2)
        target += " at two digits" if row.digits == 2 else ""
        yield (
            f"| {row.what} | {row.texts:,} | {_figure(row.figure, percent=row.percent)} | {sign} {target} "
            f"| {'yes' if row.is_met else '**no**'} | {row.beside} |"
        )
    yield ""
    yield "## Labelled texts, `test` splits"
    yield ""
    yield from _sets(measured.sets)
    yield ""
    yield PEERS
    yield from _by_label(measured.by_label)
    yield from _attributes(measured.attributes)
    yield from _calm(measured.calm)
    if measured.beside:
        yield from _beside(measured.beside)
    yield from _plain("Ordinary streams: what is flagged by mistake", "streams", measured.rows)
    yield "The rules that found something in the flagged texts, most frequent first:"
    yield ""
    for one in measured.flags:
        rules = ", ".join(f"`{rule}` {count:,}" for rule, count in list(one.by_rule.items())[:_MOST_RULES])
        yield f"* {one.stream}: {rules}"
    yield ""
    yield from _plain("Disguises", "disguised", measured.rows)
    yield "## What the detectors still miss"
    yield ""
    yield MISSED
    yield "| set | kind | texts | missed | | with a listed word |"
    yield "|---|---|---:|---:|---:|---:|"
    for gap in filter(lambda one: one.missed, measured.missed):
        words = "" if gap.of_known_words is None else f"{gap.of_known_words:,}"
        share = f"{round(100 * gap.missed / gap.texts)} %"
        yield f"| {gap.data} | {gap.kind} | {gap.texts:,} | {gap.missed:,} | {share} | {words} |"


def _sets(sets: Sequence[Outcome]) -> Iterator[str]:
    yield "| set | texts | positive | AUC | best tool | LR | precision | recall | F1 | negatives flagged |"
    yield "|---|---:|---:|---|---|---|---|---|---|---|"
    for one in sets:
        tool, regression = ("–" if of is None else f"{of[1]:.2f}" for of in (one.tools, one.regression))
        policy = one.policy
        figures = (_figure(each) for each in (policy.precision, policy.recall, policy.f1))
        note = f" ({one.note})" if one.note else ""
        yield (
            f"| {one.name}{note} | {policy.texts:,} | {policy.positive:,} | {_figure(one.model.auc)} | {tool} "
            f"| {regression} | {' | '.join(figures)} | {_figure(policy.false_positive_rate, percent=True)} |"
        )


def _by_label(rows: Sequence[ByLabel]) -> Iterator[str]:
    yield "## By label, held-out rows"
    yield ""
    yield LABELS
    yield "| label | set | languages | texts | positive | AUC | found of positive | given to others |"
    yield "|---|---|---|---:|---:|---|---|---|"
    for row in rows:
        shares = [_figure(each, percent=True) for each in (row.recall, row.false_positive_rate)]
        yield (
            f"| {row.label} | {row.data} | {row.languages} | {row.texts:,} | {row.positive:,} | {_figure(row.auc)} "
            f"| {' | '.join(shares)} |"
        )
    yield ""


def _attributes(rows: Sequence[Ordered]) -> Iterator[str]:
    yield "## Attributes of Perspective's form, held-out rows"
    yield ""
    yield ATTRIBUTES
    yield "| attribute | language | set | texts | such | AUC | mean score: such, others | 0.7 or more: such, others |"
    yield "|---|---|---|---:|---:|---|---|---|"
    for row in rows:
        yield (
            f"| {row.attribute} | {row.language} | {row.data} | {row.texts:,} | {row.positive:,} | {_figure(row.auc)} "
            f"| {row.mean_positive:.2f}, {row.mean_negative:.2f} | {row.caught:.0%}, {row.wrong:.0%} |"
        )
    yield ""


def _calm(rows: Sequence[Calm]) -> Iterator[str]:
    yield "## Ordinary texts by language, held-out rows"
    yield ""
    yield CALM
    yield "| language | set | texts | flagged | without a listed swear word or insult | by |"
    yield "|---|---|---:|---|---|---|"
    for row in rows:
        rules = ", ".join(f"`{rule}` {count:,}" for rule, count in list(row.by_rule.items())[:4])
        shares = f"{_figure(row.flagged, percent=True)} | {_figure(row.otherwise, percent=True)}"
        yield f"| {row.language} | {row.data} | {row.texts:,} | {shares} | {rules} |"
    yield ""


def _beside(rows: Sequence[Beside]) -> Iterator[str]:
    yield "## Beside light tools that people install"
    yield ""
    yield BESIDE.format(most=MOST)
    yield "| set | tool | texts | positive | AUC | F1 | negatives flagged |"
    yield "|---|---|---:|---:|---|---|---|"
    for row in rows:
        figures = f"{_figure(row.auc)} | {_figure(row.f1)} | {_figure(row.false_positive_rate, percent=True)}"
        yield f"| {row.data} | {row.tool} | {row.texts:,} | {row.positive:,} | {figures} |"
    yield ""


def _plain(title: str, part: str, rows: Sequence[Row]) -> Iterator[str]:
    yield f"## {title}"
    yield ""
    yield "| what | texts | share |"
    yield "|---|---:|---|"
    for row in rows:
        if row.part == part:
            yield f"| {row.what} | {row.texts:,} | {_figure(row.figure, percent=row.percent)} |"
    yield ""


def _figure(one: Estimate | None, *, percent: bool = False) -> str:
    if one is None:
        return "–"
    value, low, high = (_number(each, percent=percent) for each in (one.value, one.low, one.high))
    return f"{value} ({low} – {high})"


def _number(value: float, *, percent: bool, digits: int = 3) -> str:
    return f"{value:.2%}".replace("%", " %") if percent else f"{value:.{digits}f}"
