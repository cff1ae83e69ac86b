"""An evaluation for a terminal: plain lines, figures in columns, texts of others inert."""

from collections.abc import Iterable, Iterator, Sequence

from rich.cells import cell_len

from consumers.evaluation.intervals import Estimate
from consumers.evaluation.measures import Measures
from consumers.evaluation.report import ALL, Answered, Group, Other, Report
from glue.terminal.sanitize import inert

_SHOWN = 100
"""Characters of a mistake's text on a terminal."""

HEADS = ("positive", "precision", "recall", "F1", "FPR", "AUC", "AP")
LEGEND = (
    "FPR: share of negatives found; AUC: area under the ROC curve; AP: average precision; below each its 95 % interval"
)


def lines(report: Report, *, whole_texts: bool = False) -> Iterator[str]:
    """The report, line by line.

    Args:
        report: what to show.
        whole_texts: whether the texts of mistakes are shown to their end.
    """
    passed = report.passed
    yield f"{report.policy}: {report.texts:,} texts judged; {report.counts_as_found}"
    left = [("no row", passed.unreadable), ("no text", passed.empty), ("no usable label", passed.unlabelled)]
    left += [("of another split", passed.elsewhere)]
    if any(count for _, count in left):
        yield f"left out of {passed.rows:,} rows: " + ", ".join(f"{count:,} {why}" for why, count in left if count)
    if passed.unknown:
        known = ", ".join(f"{inert(label[:40])} ({count:,})" for label, count in passed.unknown.items())
        yield f"labels without a meaning (--map says it): {known}"
    yield LEGEND
    for answered in report.questions:
        yield ""
        yield from _question(answered, report.unit)
    if report.mistakes:
        yield ""
        yield "the most confident mistakes:" if report.unit == "texts" else "mistakes:"
        for mistake in report.mistakes:
            rules = ", ".join(mistake.rules) or "no rule"
            place = f"{mistake.question}, {mistake.kind}"
            if report.unit == "texts":
                place += f", {mistake.score:.2f}, {mistake.action} ({rules})"
            yield f"  {inert(place)}  {inert(mistake.place)}"
            yield f"    {inert(mistake.text) if whole_texts else _cut(inert(mistake.text))}"
    for note in report.notes:
        yield ""
        yield inert(note)


def _question(answered: Answered, unit: str) -> Iterator[str]:
    yield inert(answered.name)
    yield from _table([(group.by, _name(group), group.figures) for group in answered.groups], unit)
    whole = answered.groups[0].figures
    if whole.precision_at:
        yield "precision, where so large a share is positive"
        yield "  " + "; ".join(f"{float(rate):.1%}: {_estimate(one)}" for rate, one in whole.precision_at.items())
    if answered.operating:
        yield "what other thresholds would find"
        for one in answered.operating:
            yield f"  at an FPR of at most {one.false_positive_rate:.1%}: {one.recall:.1%}, from score {one.score:.3f}"
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
    yield from _table([("", "  this", other.ours), ("", "  that", other.figures)], "texts")
    yield (
        f"  right alone: this {other.decisions.only_first:,}, that {other.decisions.only_second:,} texts "
        f"(McNemar p {_p(other.decisions.p)})"
        + (f"; areas differ with DeLong p {_p(other.areas.p)}" if other.areas is not None else "")
    )


def _name(group: Group) -> str:
    return "all texts" if group.by == ALL else f"  {inert(group.value[:40])}"


def _table(groups: Sequence[tuple[str, str, Measures]], unit: str) -> Iterator[str]:
    rows: list[tuple[str, ...]] = [("", unit, *HEADS)]
    last = groups[0][0]
    for by, name, one in groups:
        if by != last:
            rows.append((f"by {inert(by)}", *([""] * (len(HEADS) + 1))))
            last = by
        cells = [_cells(each) for each in (one.precision, one.recall, one.f1)]
        cells += [_cells(one.false_positive_rate, percent=True), _cells(one.auc), _cells(one.average_precision)]
        rows.append((name, f"{one.texts:,}", f"{one.positive:,}", *(value for value, _ in cells)))
        rows.append(("", "", "", *(interval for _, interval in cells)))
    # Columns in which nothing stands tell nothing.
    kept = [at for at in range(len(rows[0])) if at < 3 or any(row[at] not in ("", "-") for row in rows[1:])]
    yield from _aligned([[row[at] for at in kept] for row in rows])


def _cells(one: Estimate | None, *, percent: bool = False) -> tuple[str, str]:
    if one is None:
        return "-", ""
    if percent:
        return f"{one.value:.2%}", f"{100 * one.low:.2f}–{100 * one.high:.2f}"
    return f"{one.value:.3f}", f"{_short(one.low)}–{_short(one.high)}"


def _short(value: float) -> str:
    return f"{value:.3f}".removeprefix("0")


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
