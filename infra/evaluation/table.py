"""An evaluation for a terminal: plain lines, figures in columns, texts of others inert."""

from collections.abc import Iterable, Iterator, Sequence

from rich.cells import cell_len

from infra.commands.inert import inert
from infra.evaluation.intervals import Estimate
from infra.evaluation.measures import Measures
from infra.evaluation.report import ALL, Answered, Other, Report

_SHOWN = 100
"""Characters of a mistake's text on a terminal."""

HEADS = ("texts", "positive", "precision", "recall", "F1", "false-positive rate", "AUC", "avg. precision")


def lines(report: Report) -> Iterator[str]:
    """The report, line by line."""
    passed = report.passed
    yield f"{report.policy}: {report.texts:,} texts judged; found is what leads to {report.at} or stricter"
    left = [("no row", passed.unreadable), ("no text", passed.empty), ("no usable label", passed.unlabelled)]
    left += [("of another split", passed.elsewhere)]
    if any(count for _, count in left):
        yield f"left out of {passed.rows:,} rows: " + ", ".join(f"{count:,} {why}" for why, count in left if count)
    if passed.unknown:
        known = ", ".join(f"{inert(label[:40])} ({count:,})" for label, count in passed.unknown.items())
        yield f"labels without a meaning (--map says it): {known}"
    for answered in report.questions:
        yield ""
        yield from _question(answered)
    if report.mistakes:
        yield ""
        yield "the most confident mistakes:"
        for mistake in report.mistakes:
            rules = ", ".join(mistake.rules) or "no rule"
            place = f"{mistake.question}, {mistake.kind}, {mistake.score:.2f}, {mistake.action} ({rules})"
            yield f"  {inert(place)}  {inert(mistake.place)}"
            yield f"    {_cut(inert(mistake.text))}"
    for note in report.notes:
        yield ""
        yield inert(note)


def _question(answered: Answered) -> Iterator[str]:
    yield f"{inert(answered.name)}: 95 % intervals in brackets"
    rows = [
        ("all texts" if group.by == ALL else f"{inert(group.by)} {inert(group.value[:40])}", *_figures(group.figures))
        for group in answered.groups
    ]
    yield from _aligned([("", *HEADS), *rows])
    whole = answered.groups[0].figures
    if whole.precision_at:
        at = "; ".join(f"{float(rate):.1%} {_estimate(one)}" for rate, one in whole.precision_at.items())
        yield f"precision where so large a share is positive: {at}"
    if answered.operating:
        could = "; ".join(
            f"{one.false_positive_rate:.1%}: {one.recall:.1%} from score {one.score:.3f}" for one in answered.operating
        )
        yield f"could be found at a false-positive rate of at most {could}"
    if answered.reliability is not None and answered.reliability_at is not None:
        here, at_rate = answered.reliability, answered.reliability_at
        yield (
            f"calibration: Brier {here.brier:.4f}, error {here.error:.4f} in these texts; "
            f"at a base rate of {at_rate.base_rate:.1%}: Brier {at_rate.brier:.4f}, error {at_rate.error:.4f}"
        )
        rows = [
            (
                f"{one.low:.1f}–{one.high:.1f}",
                f"{one.texts:,}",
                f"{one.score:.3f}",
                _estimate(one.positive),
                _estimate(other.positive),
            )
            for one, other in zip(here.bins, at_rate.bins, strict=True)
        ]
        heads = ("  score", "texts", "mean score", "positive", f"at {at_rate.base_rate:.1%}")
        yield from _aligned([heads, *(("  " + first, *rest) for first, *rest in rows)])
    for other in answered.others:
        yield from _other(other)


def _other(other: Other) -> Iterator[str]:
    yield f"beside {inert(other.name)}, on the same {other.texts:,} texts:"
    rows = [("  this", *_figures(other.ours)), ("  that", *_figures(other.figures))]
    yield from _aligned([("", *HEADS), *rows])
    yield (
        f"  right alone: this {other.decisions.only_first:,}, that {other.decisions.only_second:,} texts "
        f"(McNemar p {_p(other.decisions.p)})"
        + (f"; areas differ with DeLong p {_p(other.areas.p)}" if other.areas is not None else "")
    )


def _figures(one: Measures) -> tuple[str, ...]:
    rate = one.false_positive_rate
    # Of texts of one kind alone, these two say nothing.
    both = 0 < one.positive < one.texts
    return (
        f"{one.texts:,}",
        f"{one.positive:,}",
        _estimate(one.precision if both else None),
        _estimate(one.recall),
        _estimate(one.f1 if both else None),
        "-" if rate is None else f"{rate.value:.2%} [{100 * rate.low:.2f}, {100 * rate.high:.2f}]",
        _estimate(one.auc),
        _estimate(one.average_precision),
    )


def _estimate(one: Estimate | None) -> str:
    return "-" if one is None else f"{one.value:.3f} [{one.low:.3f}, {one.high:.3f}]"


def _p(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _aligned(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    listed = [list(row) for row in rows]
    widths = [max(cell_len(cell) for cell in column) for column in zip(*listed, strict=True)]
    for first, *rest in listed:
        cells = [first + " " * (widths[0] - cell_len(first))]
        cells += [" " * (width - cell_len(cell)) + cell for cell, width in zip(rest, widths[1:], strict=True)]
        yield "  ".join(cells).rstrip()


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
