"""Pictures: scales that hold what they show, every slot there, nothing of a text but the text."""

import re
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from athena.dashboard import charts
from athena.dashboard.charts import Slot

HOUR = timedelta(hours=1)
START = datetime(2026, 11, 20, 0, tzinfo=UTC)
SVG = "{http://www.w3.org/2000/svg}"


def drawn(slots: list[Slot], step: timedelta = HOUR) -> ElementTree.Element:
    # In a page it needs no namespace; as a document of its own it does.
    return ElementTree.fromstring(charts.volume(slots, step=step).replace("<svg", f'<svg xmlns="{SVG[1:-1]}"', 1))


@given(st.floats(0, 1e12))
def test_a_scale_ends_at_or_above_the_highest_and_not_far_above(highest: float) -> None:
    top = charts.nice(highest)
    assert top >= max(1, highest)
    assert top <= max(1, highest * 2.5)
    assert re.fullmatch(r"[125]0*", str(top))


@given(st.lists(st.tuples(st.integers(0, 10**7), st.integers(0, 10**6), st.integers(0, 10**6)), max_size=60))
def test_every_slot_is_in_the_picture_and_every_bar_inside_it(counts: list[tuple[int, int, int]]) -> None:
    slots = [
        Slot(START + HOUR * number, events + flag + block, (flag, 0, block))
        for number, (events, flag, block) in enumerate(counts)
    ]
    picture = drawn(slots)
    assert len(picture.findall(f".//{SVG}g")) == len(slots)
    assert len(picture.findall(f".//{SVG}title")) == len(slots)
    width, height = map(float, picture.attrib["viewBox"].split()[2:])
    for bar in picture.iter(f"{SVG}rect"):
        x, y, wide, tall = (float(bar.attrib[name]) for name in ("x", "y", "width", "height"))
        assert x >= 0
        assert y >= 0
        assert x + wide <= width + 0.2
        assert y + tall <= height


def test_heights_are_in_proportion() -> None:
    picture = drawn([Slot(START, 10), Slot(START + HOUR, 5), Slot(START + 2 * HOUR)])
    first, second = [float(bar.attrib["height"]) for bar in picture.iter(f"{SVG}rect") if bar.attrib["class"] == "all"]
    assert first == pytest.approx(2 * second)


def test_one_event_among_a_million_is_still_seen() -> None:
    picture = drawn([Slot(START, 1_000_000), Slot(START + HOUR, 1)])
    assert min(float(bar.attrib["height"]) for bar in picture.iter(f"{SVG}rect") if bar.attrib["class"] == "all") >= 0.7


def test_a_picture_says_in_words_what_it_shows() -> None:
    slots = [Slot(START, 1200, (3, 0, 4), "/verdicts?a=1&b=2"), Slot(START + HOUR)]
    picture = drawn(slots)
    assert picture.attrib["role"] == "img"
    assert picture.attrib["aria-label"] == (
        "1,200 events over time, 7 of them acted on; most at 2026-11-20 00:00 UTC: 1,200"
    )
    titles = [title.text for title in picture.iter(f"{SVG}title")]
    assert titles == [
        "2026-11-20 00:00 UTC: 1,200 events, 3 flag, 4 block",
        "2026-11-20 01:00 UTC: 0 events, none acted on",
    ]
    assert [link.attrib["href"] for link in picture.iter(f"{SVG}a")] == ["/verdicts?a=1&b=2"]


def test_an_address_cannot_leave_its_attribute() -> None:
    hostile = '"><script>window.ran=1</script>'
    picture = charts.volume([Slot(START, 1, href=hostile)], step=HOUR)
    assert "<script" not in picture
    assert drawn([Slot(START, 1, href=hostile)]).find(f"{SVG}a").attrib["href"] == hostile  # type: ignore[union-attr]


def test_days_are_named_by_their_date_and_hours_by_their_time() -> None:
    hours = [text.text for text in drawn([Slot(START + HOUR * n) for n in range(3)]).iter(f"{SVG}text")]
    assert hours[-3:] == ["20 Nov", "01:00", "02:00"]
    days = [Slot(START + timedelta(days=n)) for n in range(365)]
    texts = [text.text for text in drawn(days, timedelta(days=1)).iter(f"{SVG}text") if text.attrib.get("y") != "0"]
    assert texts[-8:][0] == "20 Nov"
    assert len([text for text in texts if re.fullmatch(r"\d\d [A-Z][a-z]{2}", text or "")]) <= 8


def test_no_slots_are_a_picture_too() -> None:
    assert drawn([]).attrib["aria-label"] == "No events"


@pytest.mark.parametrize(("share", "width"), [(-1, "0.00"), (0, "0.00"), (0.5, "50.00"), (1, "100.00"), (7, "100.00")])
def test_a_bar_beside_a_number_never_leaves_its_width(share: float, width: str) -> None:
    assert f'width="{width}"' in charts.beside(share)
    assert 'aria-hidden="true"' in charts.beside(share)
