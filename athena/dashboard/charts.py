"""Pictures as SVG, drawn here: bars over time, and a bar beside a number.

There is no style in them but classes, so that a strict content security policy holds, and dark and light are the style
sheet's.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from html import escape

from msgspec import Struct

WIDTH, LEFT, GAP = 1000, 56, 0.18
TALL, SMALL, MIDDLE, BELOW = 118, 90, 26, 26


class Slot(Struct, frozen=True):
    """One hour or day of a chart.

    Args:
        at: when it begins.
        events: all of it.
        parts: how many of them are flag, review, block.
        href: where it leads; empty: nowhere.
    """

    at: datetime
    events: int = 0
    parts: tuple[int, int, int] = (0, 0, 0)
    href: str = ""


PARTS = ("flag", "review", "block")


def volume(slots: Sequence[Slot], *, step: timedelta) -> str:
    """Two rows of bars over one time axis: all events, and below, on a scale of their own, those acted on.

    Args:
        slots: in order, none missing.
        step: from one to the next.
    """
    height = TALL + MIDDLE + SMALL + BELOW
    top = nice(max((slot.events for slot in slots), default=0))
    acted = nice(max((sum(slot.parts) for slot in slots), default=0))
    wide = (WIDTH - LEFT) / max(1, len(slots))
    pieces = [
        f'<svg class="chart" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(_said(slots))}">',
        *_scale(top, base=TALL, height=TALL - 20, name="events"),
        *_scale(acted, base=TALL + MIDDLE + SMALL, height=SMALL - 12, name="acted on"),
    ]
    for number, slot in enumerate(slots):
        x = LEFT + number * wide + wide * GAP / 2
        bar = wide * (1 - GAP)
        shapes = [_rect(x, TALL, bar, (TALL - 20) * slot.events / top, "all")] if slot.events else []
        base = float(TALL + MIDDLE + SMALL)
        for part, count in zip(PARTS, slot.parts, strict=True):
            if count:
                tall = (SMALL - 12) * count / acted
                shapes.append(_rect(x, base, bar, tall, part))
                base -= tall
        title = f"<title>{escape(_slot_said(slot, step))}</title>"
        # The whole column is there to be pointed at; by keyboard the table below leads to the same places.
        column = f'<rect class="touch" x="{x:.1f}" y="0" width="{bar:.1f}" height="{height - BELOW}"/>'
        inside = f"{title}{column}{''.join(shapes)}"
        pieces.append(f'<a href="{escape(slot.href)}" tabindex="-1">{inside}</a>' if slot.href else f"<g>{inside}</g>")
    pieces += _time_axis(slots, wide, height - 8, step)
    return "".join([*pieces, "</svg>"])


def beside(share: float, kind: str = "all") -> str:
    """A bar that fills a share, 0 to 1, of its width."""
    filled = min(1.0, max(0.0, share)) * 100
    return (
        '<svg class="beside" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="rest" width="100" height="10"/><rect class="{kind}" width="{filled:.2f}" height="10"/></svg>'
    )


def nice(highest: float) -> float:
    """The end of a scale for these values: 1, 2 or 5 times a power of ten, at least 1.

    >>> nice(0), nice(7), nice(130), nice(2001)
    (1, 10, 200, 5000)
    """
    power = 1
    while True:
        for factor in (1, 2, 5):
            if factor * power >= highest:
                return factor * power
        power *= 10


def short(count: float) -> str:
    """A number for an axis.

    >>> short(950), short(20_000), short(5_000_000)
    ('950', '20 k', '5 M')
    """
    for size, unit in ((1_000_000, " M"), (1_000, " k")):
        if count >= size:
            return f"{count / size:g}{unit}"
    return f"{count:g}"


def _rect(x: float, base: float, width: float, height: float, kind: str) -> str:
    tall = max(height, 0.7)
    return f'<rect class="{kind}" x="{x:.1f}" y="{base - tall:.1f}" width="{width:.1f}" height="{tall:.1f}"/>'


def _scale(top: float, *, base: float, height: float, name: str) -> list[str]:
    pieces = [f'<text class="name" x="{LEFT}" y="{base - height - 4:.1f}">{name}</text>']
    for part in (0, 0.5, 1):
        y = base - height * part
        pieces.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>')
        if part in (0, 1) or top > 1:
            label = f'<text class="tick" x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{short(top * part)}</text>'
            pieces.append(label)
    return pieces


def _time_axis(slots: Sequence[Slot], wide: float, y: float, step: timedelta) -> list[str]:
    form = "%H:%M" if step < timedelta(days=1) else "%d %b"
    every = max(1, -(-len(slots) // 8))
    pieces = []
    for number, slot in enumerate(slots):
        if number % every == 0:
            text = slot.at.strftime("%d %b" if form == "%H:%M" and slot.at.hour == 0 else form)
            x = LEFT + (number + 0.5) * wide
            pieces.append(f'<text class="tick" x="{x:.1f}" y="{y}" text-anchor="middle">{text}</text>')
    return pieces


def _slot_said(slot: Slot, step: timedelta) -> str:
    at = slot.at.strftime("%Y-%m-%d %H:00" if step < timedelta(days=1) else "%Y-%m-%d")
    said = ", ".join(f"{count:,} {part}" for part, count in zip(PARTS, slot.parts, strict=True) if count)
    return f"{at} UTC: {slot.events:,} events{', ' + said if said else ', none acted on'}"


def _said(slots: Sequence[Slot]) -> str:
    events, acted = sum(slot.events for slot in slots), sum(sum(slot.parts) for slot in slots)
    if not slots:
        return "No events"
    most = max(slots, key=lambda slot: slot.events)
    busiest = f"most at {most.at:%Y-%m-%d %H:%M} UTC: {most.events:,}"
    return f"{events:,} events over time, {acted:,} of them acted on; {busiest}"
