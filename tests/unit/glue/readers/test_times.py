"""Times as programs, languages and people write them; what could mean two things is refused and says what to do."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glue.readers.rejection import Rejection
from glue.readers.time_forms import NAMES, Moment, TimeForm, read_dated
from glue.readers.times import read_moment

AT = datetime(2026, 11, 30, 9, 50, 1, tzinfo=UTC)


def moment(value: object, form: str | None = None, **options: object) -> Moment | Rejection:
    return read_moment(value, form=TimeForm(form) if form else None, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-30T09:50:01Z",
        "2026-11-30t09:50:01z",
        "2026-11-30 09:50:01z",
        "2026-11-30T09:50:01-00:00",
        "2026-11-30 10:50:01 +0100",
        "2026-11-30 10:50:01+01",
        "2026/11/30 09:50:01 UTC",
        "20261130T095001Z",
        "2026-11-30 09:50:01 +0000 UTC",  # Go
        "2026-11-30 10:50:01 +0100 CET m=+0.000012345",
        "2026-11-30T09:50:01.0000000Z",  # .NET
        "2026-11-30T09:50:01.0000000+00:00",
        "/Date(1796032201000)/",
        "/Date(1796032201000+0100)/",
        "2026-11-30 09:50:01+00:00",  # pandas
        "2026-11-30T10:50:01+01:00[Europe/Berlin]",  # Java
        "Mon Nov 30 09:50:01 UTC 2026",
        "Mon, 30 Nov 2026 09:50:01 GMT",  # RFC 2822 and HTTP
        "Mon, 30 Nov 2026 10:50:01 +0100 (CET)",
        "30 Nov 2026 04:50:01 EST",
        "Monday, 30-Nov-26 09:50:01 UTC",
        "Mon Nov 30 09:50:01 +0000 2026",  # Twitter
        "Mon Nov 30 2026 10:50:01 GMT+0100 (Central European Standard Time)",  # JavaScript
        "Nov 30, 2026, 9:50:01\u202fAM UTC",  # Google Takeout
        "November 30, 2026 at 9:50:01 AM UTC",
        "2026-11-30 09:50:01,000Z",  # Python's logging
    ],
)
def test_a_form_that_can_mean_one_thing_only_needs_no_option(text: str) -> None:
    assert moment(text) == Moment(AT)


@pytest.mark.parametrize("day", ["2026-11-30", date(2026, 11, 30)])
def test_a_day_is_its_first_moment_only_when_that_is_said_whether_it_is_text_or_a_column_of_days(day: object) -> None:
    refused = moment(day, assume_utc=True)
    assert isinstance(refused, Rejection)
    assert "--time-format %Y-%m-%d" in refused.detail
    assert moment(day, "%Y-%m-%d", assume_utc=True) == Moment(datetime(2026, 11, 30, tzinfo=UTC))


@pytest.mark.parametrize("text", ["2026-11-30 09:50:01", "Mon Nov 30 09:50:01 2026", "30 Nov 2026 09:50:01"])
def test_a_time_without_a_zone_is_utc_only_when_that_is_said(text: str) -> None:
    assert moment(text, assume_utc=True) == Moment(AT)
    refused = moment(text)
    assert isinstance(refused, Rejection)
    assert refused.reason == "tz"


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("11/30/2026 9:50:01", "month-first"),
        ("11/30/26 9:50:01 AM", "month-first"),
        ("30/11/2026 09:50:01", "day-first"),
        ("30.11.2026, 09:50:01", "day-first"),
        ("30-11-26 09:50:01", "day-first"),
        ("30/11/2026 09:50:01", "%d/%m/%Y %H:%M:%S"),
        ("2026.11.30 09h50m01", "%Y.%m.%d %Hh%Mm%S"),
        ("30 Nov 26 9:50:01 AM", "%d %b %y %I:%M:%S %p"),
        ("Mon 30 November 2026 09:50:01", "%a %d %B %Y %T"),
        ("Mon, 30 Nov 2026 09:50:01 +0000", "rfc2822"),
        ("2026-11-30T09:50:01Z", "rfc3339"),
    ],
)
def test_a_form_that_could_mean_several_things_is_named(text: str, form: str) -> None:
    assert moment(text, form, assume_utc=True) == Moment(AT)


@pytest.mark.parametrize(
    "text",
    ["11/30/2026 9:00", "30.11.2026", "1/2/3", "11-30-2026 09:00", "2026-11-30", "9:50", "yesterday", "", "x" * 500],
)
def test_what_could_mean_several_things_or_none_is_refused(text: str) -> None:
    refused = moment(text, assume_utc=True)
    assert isinstance(refused, Rejection)
    assert refused.reason == "time"
    if "/" in text or text.count("-") == 2:
        assert "--time-format" in refused.detail


@pytest.mark.parametrize(
    ("value", "options"),
    [
        ("2026-11-30T09:50:01.000000999Z", {}),
        ("2026-11-30 09:50:01.0000001 +0000 UTC", {}),
        ("1796032201.0000009", {"unit": "s"}),
        (1796032201000000999, {"unit": "ns"}),
        ("1796032201000000999", {"unit": "ns"}),
    ],
)
def test_what_is_finer_than_a_microsecond_is_cut_and_that_is_said(value: object, options: dict[str, Any]) -> None:
    assert moment(value, **options) == Moment(AT, is_cut=True)


@pytest.mark.parametrize("value", ["1796032201", "1.796032201e9", 1796032201, 1796032201.0])
def test_numbers_need_their_unit(value: object) -> None:
    assert moment(value, unit="s") == Moment(AT)
    refused = moment(value)
    assert isinstance(refused, Rejection)
    assert refused.reason == "time_unit"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("2026-02-29T00:00:00Z", "time"),
        ("2026-11-30T24:00:00Z", "time"),
        ("2026-11-30T23:59:60Z", "time"),
        ("2026-11-30T09:50:01+24:00", "time"),
        ("13:50 PM", "time"),
        ("Mon, 31 Nov 2026 09:50:01 GMT", "time"),
        ("2026-11-30 09:50:01 CET", "tz"),
        ("0001-01-01 00:00:00+14:00", "time_range"),
        ("9999-12-31 23:59:59-12:00", "time_range"),
        ("9" * 30, "time_range"),
    ],
)
def test_what_is_on_no_calendar_is_refused(text: str, reason: str) -> None:
    refused = moment(text, unit="s")
    assert isinstance(refused, Rejection)
    assert refused.reason == reason


@pytest.mark.parametrize("form", ["us", "%d/%m", "%Y-%m-%d %Q", "%Y-%m-%d %Y", "%", "no pattern"])
def test_a_form_that_is_none_is_refused_and_says_which_there_are(form: str) -> None:
    with pytest.raises(ValueError, match="allowed"):
        TimeForm(form)


def test_another_form_than_the_one_named_is_refused() -> None:
    refused = moment("30/11/2026", "%Y-%m-%d", assume_utc=True)
    assert isinstance(refused, Rejection)
    assert "--time-format %Y-%m-%d" in refused.detail


@given(st.text(st.sampled_from("0123456789/-:. TtZz+aApPmMUTCnovNmon,()[]%"), max_size=40), st.booleans())
def test_any_text_is_a_moment_or_a_reason(text: str, assume_utc: bool) -> None:
    for form in (None, *NAMES, "%d/%m/%Y %H:%M %p %z"):
        assert isinstance(moment(text, form, assume_utc=assume_utc, unit="s"), (Moment, Rejection))


@given(st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC)))
def test_times_come_back_as_they_were_written(at: datetime) -> None:
    for text in (
        at.isoformat(),
        at.isoformat(" "),
        at.isoformat().replace("+00:00", "000Z" if at.microsecond else "Z"),
    ):
        assert moment(text) == Moment(at)
    whole = at.replace(microsecond=0)
    if at.year >= 1000:
        assert read_dated(whole.strftime("%a, %d %b %Y %H:%M:%S +0000"), assume_utc=False) == Moment(whole)


@pytest.mark.parametrize(
    ("value", "options", "expected"),
    [
        ("2026-03-01T11:00:00+02:00", {}, "2026-03-01T09:00:00"),
        ("2026-03-01 11:00:00Z", {}, "2026-03-01T11:00:00"),
        ("2026-03-01 11:00:00 UTC", {}, "2026-03-01T11:00:00"),
        ("2026-03-01 11:00:00.25+0530", {}, "2026-03-01T05:30:00.250000"),
        ("2026-03-01 11:00", {"assume_utc": True}, "2026-03-01T11:00:00"),
        (1772362800, {"unit": "s"}, "2026-03-01T11:00:00"),
        (1772362800.123456, {"unit": "s"}, "2026-03-01T11:00:00.123456"),
        ("1772362800123", {"unit": "ms"}, "2026-03-01T11:00:00.123000"),
        (1772362800000001000, {"unit": "ns"}, "2026-03-01T11:00:00.000001"),
        (datetime(2026, 3, 1, 11), {"assume_utc": True}, "2026-03-01T11:00:00"),
    ],
)
def test_times_are_read_in_the_common_forms(value: object, options: dict[str, Any], expected: str) -> None:
    found = moment(value, **options)
    assert isinstance(found, Moment), found
    assert found.at == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "options", "reason"),
    [
        ("2026-03-01 11:00:00", {}, "tz"),
        (datetime(2026, 3, 1), {}, "tz"),
        ("2026-02-30 11:00:00Z", {}, "time"),
        ("2026-03-01 24:00:00Z", {}, "time"),
        ("1772362800", {}, "time_unit"),
        (10**30, {"unit": "s"}, "time_range"),
        (float("inf"), {"unit": "s"}, "time_range"),
        (float("nan"), {"unit": "s"}, "time_range"),
        ([1], {}, "time"),
    ],
)
def test_times_that_would_be_a_guess_are_refused(value: object, options: dict[str, Any], reason: str) -> None:
    refused = moment(value, **options)
    assert isinstance(refused, Rejection), refused
    assert refused.reason == reason
