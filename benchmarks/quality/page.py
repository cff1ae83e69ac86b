"""The table of quality, as the Markdown that ``docs/quality.md`` holds. Nobody edits that by hand."""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from benchmarks.quality.labelled import Outcome
from benchmarks.quality.rows import Missed, Row
from benchmarks.quality.streams import Flagged
from consumers.evaluation.intervals import Estimate

_MOST_RULES = 8

HEAD = """\
# Quality, measured

Written by `make quality DATA=../shared/data`, not by hand; `tests/data` holds the targets. For figures on your own
texts: `streamkeeper evaluate --data FILE --label COLUMN`.

Policy `{policy}`, weights `{weights}`. **{met} of {asked} targets are met.**
In brackets 95 % intervals: Wilson's for shares and F1, DeLong's for AUC. Rows of the `test` splits were never learned
from; thresholds were chosen with an eye on the IRC stream and on these splits ([model card](model-card.md)), so your
texts will be a little harder.
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
