"""An evaluation as one HTML page that needs nothing else: no script, no request, what others wrote as inert text."""

import base64
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from html import escape

from consumers.evaluation.gates import Held
from consumers.evaluation.intervals import Estimate
from consumers.evaluation.measures import Measures
from consumers.evaluation.reliability import Reliability
from consumers.evaluation.report import ALL, Answered, Mistake, Other, Report
from glue.terminal.sanitize import inert

_STYLE = """
:root{color-scheme:light dark;--ink:#1d2430;--dim:#5c6675;--page:#fff;--line:#d8dde5;--soft:#f3f5f8;--mark:#1f5fbf;
--good:#1b7a3d;--bad:#b3261e}
@media (prefers-color-scheme:dark){:root{--ink:#e5e9f0;--dim:#9aa5b5;--page:#14181f;--line:#343c49;--soft:#1c222c;
--mark:#7fb0ff;--good:#6fd08f;--bad:#ff8a80}}
*{box-sizing:border-box}
body{margin:0 auto;padding:2rem 1.25rem 4rem;max-width:76rem;font:15px/1.5 system-ui,sans-serif;color:var(--ink);
background:var(--page)}
h1{font-size:1.5rem;margin:0 0 .25rem}h2{font-size:1.2rem;margin:2.5rem 0 .5rem;border-top:1px solid var(--line);
padding-top:1.25rem}h3{font-size:1rem;margin:1.5rem 0 .4rem}
p{margin:.3rem 0;max-width:60rem}.dim,caption,small{color:var(--dim)}
.wide{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums;margin:.3rem 0}
caption{text-align:left;padding:.2rem 0}
th,td{padding:.3rem .7rem;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap;vertical-align:top}
th{font-weight:600;color:var(--dim)}th:first-child,td:first-child,th.left,td.left{text-align:left}
tr.whole td{background:var(--soft);font-weight:600}td small{display:block;font-weight:400}
td.text{white-space:normal;overflow-wrap:anywhere;text-align:left;min-width:18rem}
.good{color:var(--good)}.bad{color:var(--bad);font-weight:600}
svg{display:block;margin:.5rem 0;max-width:100%}
svg text{fill:var(--dim);font:11px system-ui,sans-serif}
.axis{stroke:var(--line)}.even{stroke:var(--dim);stroke-dasharray:4 4}.bar{stroke:var(--mark);stroke-width:2}
.dot{fill:var(--mark)}
"""
_POLICY = "default-src 'none'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'"
_SIDE, _EDGE = 260, 34

HEADS = ("positive", "precision", "recall", "F1", "false-positive rate", "AUC", "average precision")


def page(report: Report, held: Sequence[Held] = ()) -> str:
    """The page.

    Args:
        report: the evaluation.
        held: limits and how they were kept.
    """
    return "".join(_parts(report, held))


def _parts(report: Report, held: Sequence[Held]) -> Iterator[str]:
    digest = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    yield '<!doctype html><html lang="en"><head><meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{_POLICY.format(digest)}">'
    yield '<meta name="referrer" content="no-referrer"><meta name="robots" content="noindex">'
    yield '<meta name="viewport" content="width=device-width,initial-scale=1">'
    yield f"<title>{_shown(report.policy)}: evaluation</title><style>{_STYLE}</style></head><body>"
    yield f"<h1>{_shown(report.policy)}</h1>"
    yield f"<p>{report.texts:,} texts judged; {_shown(report.counts_as_found)}. "
    yield "Intervals hold the true value in about 95 of 100 samples like this one.</p>"
    yield from _left_out(report)
    if held:
        yield from _limits(held)
    for answered in report.questions:
        yield from _question(answered, report.unit)
    if report.mistakes:
        yield from _mistakes(report.mistakes)
    for note in report.notes:
        yield f'<p class="dim">{_shown(note)}</p>'
    yield "</body></html>\n"


def _left_out(report: Report) -> Iterator[str]:
    passed = report.passed
    why = [(passed.unreadable, "no row"), (passed.empty, "no text"), (passed.unlabelled, "no usable label")]
    left = [f"{count:,} {reason}" for count, reason in [*why, (passed.elsewhere, "of another split")] if count]
    if left:
        yield f'<p class="dim">Left out of {passed.rows:,} rows: {", ".join(left)}.</p>'
    if passed.unknown:
        known = ", ".join(f"{_shown(label[:40])} ({count:,})" for label, count in passed.unknown.items())
        yield f'<p class="dim">Labels without a meaning: {known}.</p>'


def _limits(held: Sequence[Held]) -> Iterator[str]:
    yield "<h2>Limits</h2>"
    rows = []
    for one in held:
        word = "at most" if one.gate.at_most else "at least"
        reached = "–" if one.reached is None else f"{one.reached:.4f}"
        kept = '<span class="good">kept</span>' if one.is_kept else '<span class="bad">not kept</span>'
        rows.append([_shown(one.question), _shown(one.gate.figure), f"{word} {one.gate.limit:g}", reached, kept])
    yield from _table(["label", "figure", "limit", "reached", ""], rows)


def _question(answered: Answered, unit: str) -> Iterator[str]:
    yield f"<h2>{_shown(answered.name)}</h2>"
    rows = []
    for group in answered.groups:
        name = "all texts" if group.by == ALL else f"<small>{_shown(group.by)}</small>{_shown(group.value)}"
        rows.append([name, *_figures(group.figures)])
    yield from _table(["", unit, *HEADS], rows, first_is_whole=True)
    whole = answered.groups[0].figures
    if whole.precision_at:
        yield "<h3>Precision where so large a share is positive</h3>"
        rates = [f"{float(rate):.1%}" for rate in whole.precision_at]
        yield from _table(rates, [[_estimate(one) for one in whole.precision_at.values()]])
    if answered.operating:
        yield "<h3>What other thresholds could find</h3>"
        rows = [
            [f"{one.false_positive_rate:.1%}", f"{one.recall:.1%}", f"{one.score:.3f}"] for one in answered.operating
        ]
        yield from _table(["false-positive rate at most", "recall", "from score"], rows)
    if answered.reliability is not None and answered.reliability_at is not None:
        yield from _reliability(answered.reliability, answered.reliability_at)
    for other in answered.others:
        yield from _other(other)


def _reliability(here: Reliability, at_rate: Reliability) -> Iterator[str]:
    yield "<h3>Calibration</h3>"
    rows = [
        ["these texts", f"{here.base_rate:.1%}", f"{here.brier:.4f}", f"{here.error:.4f}"],
        ["as if", f"{at_rate.base_rate:.1%}", f"{at_rate.brier:.4f}", f"{at_rate.error:.4f}"],
    ]
    yield from _table(["", "positive", "Brier score", "calibration error"], rows)
    yield f'<p class="dim">Share of positives by score, weighed to a base rate of {at_rate.base_rate:.1%}; on the '
    yield "dashed line scores mean what they say.</p>"
    yield _diagram(at_rate)
    bins = [
        [f"{one.low:.1f}–{one.high:.1f}", f"{one.texts:,}", _estimate(one.positive), _estimate(other.positive)]
        for one, other in zip(here.bins, at_rate.bins, strict=True)
    ]
    yield from _table(["score", "texts", "positive in these texts", f"positive at {at_rate.base_rate:.1%}"], bins)


def _diagram(what: Reliability) -> str:
    def place(x: float, y: float) -> tuple[float, float]:
        return round(_EDGE + x * _SIDE, 1), round(8 + (1 - y) * _SIDE, 1)

    parts = [f'<svg width="{_SIDE + _EDGE + 10}" height="{_SIDE + 44}" role="img" aria-label="reliability diagram">']
    for tick in (0.0, 0.5, 1.0):
        (x, bottom), (left, y) = place(tick, 0), place(0, tick)
        parts.append(f'<line class="axis" x1="{x}" y1="8" x2="{x}" y2="{bottom}"/>')
        parts.append(f'<line class="axis" x1="{left}" y1="{y}" x2="{left + _SIDE}" y2="{y}"/>')
        parts.append(f'<text x="{x}" y="{bottom + 15}" text-anchor="middle">{tick:g}</text>')
        parts.append(f'<text x="{left - 6}" y="{y + 4}" text-anchor="end">{tick:g}</text>')
    parts.append(f'<text x="{_EDGE + _SIDE / 2}" y="{_SIDE + 40}" text-anchor="middle">score</text>')
    (x1, y1), (x2, y2) = place(0, 0), place(1, 1)
    parts.append(f'<line class="even" x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}"/>')
    for one in what.bins:
        (x, low), (_, high), (_, middle) = (
            place(one.score, end) for end in (one.positive.low, one.positive.high, one.positive.value)
        )
        parts.append(f'<line class="bar" x1="{x}" y1="{low}" x2="{x}" y2="{high}"/>')
        parts.append(f'<circle class="dot" cx="{x}" cy="{middle}" r="4"/>')
    return "".join([*parts, "</svg>"])


def _other(other: Other) -> Iterator[str]:
    yield f"<h3>Beside {_shown(other.name)}, on the same {other.texts:,} texts</h3>"
    yield from _table(["", "texts", *HEADS], [["this", *_figures(other.ours)], ["that", *_figures(other.figures)]])
    yield f"<p>Right alone: this one on {other.decisions.only_first:,} texts, that one on "
    yield f"{other.decisions.only_second:,} (McNemar p {_p(other.decisions.p)})"
    yield f"; areas differ with DeLong p {_p(other.areas.p)}.</p>" if other.areas is not None else ".</p>"


def _mistakes(mistakes: Iterable[Mistake]) -> Iterator[str]:
    yield "<h2>Mistakes</h2>"
    yield '<div class="wide"><table><thead><tr><th>label</th><th class="left">kind</th><th>score</th>'
    yield '<th class="left">action</th><th class="left">rules</th><th class="left">text</th><th class="left">row</th>'
    yield "</tr></thead><tbody>"
    for one in mistakes:
        yield f'<tr><td>{_shown(one.question)}</td><td class="left">{_shown(one.kind)}</td><td>{one.score:.2f}</td>'
        yield f'<td class="left">{_shown(one.action)}</td><td class="left">{_shown(", ".join(one.rules)) or "–"}</td>'
        yield f'<td class="text">{_shown(one.text)}</td><td class="left">{_shown(one.place)}</td></tr>'
    yield "</tbody></table></div>"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, first_is_whole: bool = False) -> Iterator[str]:
    """A table; cells are HTML that was made here, from escaped text."""
    yield '<div class="wide"><table><thead><tr>'
    yield "".join(f"<th>{escape(head)}</th>" for head in heads)
    yield "</tr></thead><tbody>"
    for number, row in enumerate(rows):
        yield '<tr class="whole">' if first_is_whole and number == 0 else "<tr>"
        yield "".join(f"<td>{cell}</td>" for cell in row)
        yield "</tr>"
    yield "</tbody></table></div>"


def _figures(one: Measures) -> list[str]:
    rate = one.false_positive_rate
    shown = "–" if rate is None else f"{rate.value:.2%}<small>{rate.low:.2%} – {rate.high:.2%}</small>"
    three = [_estimate(found) for found in (one.precision, one.recall, one.f1)]
    return [f"{one.texts:,}", f"{one.positive:,}", *three, shown, _estimate(one.auc), _estimate(one.average_precision)]


def _estimate(one: Estimate | None) -> str:
    return "–" if one is None else f"{one.value:.3f}<small>{one.low:.3f} – {one.high:.3f}</small>"


def _p(p: float) -> str:
    return "&lt; 0.001" if p < 0.001 else f"{p:.3f}"


def _shown(text: str) -> str:
    # In a box of its own, so that a text that runs from right to left moves nothing around it.
    return f"<bdi>{escape(inert(text))}</bdi>" if not text.isascii() else escape(inert(text))
