"""S3 prefixes of delivery streams: Firehose's expressions and Java's date-time letters."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.firehose.prefix import (
    PrefixError,
    evaluate,
    format_time,
    object_name,
    parse_prefix,
    random_string,
    time_zone,
)

# 2026-03-07 09:05:03.012345 UTC, a Saturday, the 66th day.
MOMENT = datetime(2026, 3, 7, 9, 5, 3, 12345, tzinfo=UTC)

GOLDEN_PATTERNS = {
    "yyyy": "2026",
    "yy": "26",
    "uuuu": "2026",
    "MM": "03",
    "M": "3",
    "MMM": "Mar",
    "MMMM": "March",
    "LL": "03",
    "dd": "07",
    "d": "7",
    "D": "66",
    "DDD": "066",
    "E": "Sat",
    "EEEE": "Saturday",
    "HH": "09",
    "H": "9",
    "hh": "09",
    "KK": "09",
    "kk": "09",
    "mm": "05",
    "ss": "03",
    "SSS": "012",
    "SSSSSS": "012345",
    "SSSSSSSSS": "012345000",
    "a": "AM",
    "X": "Z",
    "yyyy-MM-dd": "2026-03-07",
    "yyyy/MM/dd/HH/": "2026/03/07/09/",
    "'year='yyyy'/month='MM": "year=2026/month=03",
    "''yy": "'26",
}


@pytest.mark.parametrize(("pattern", "expected"), GOLDEN_PATTERNS.items())
def test_a_pattern_is_written_as_java_writes_it(pattern: str, expected: str) -> None:
    assert format_time(pattern, MOMENT) == expected


@pytest.mark.parametrize("pattern", ["YYYY", "w", "yyyyy", "ddd", "Q", "z", "[yyyy]", "yyyy'", "n", "HHH", "MMMMM"])
def test_a_letter_that_is_not_modelled_is_refused_and_never_written_as_it_stands(pattern: str) -> None:
    with pytest.raises(PrefixError, match=r"pattern"):
        format_time(pattern, MOMENT)


@pytest.mark.parametrize(("hour", "expected"), [(0, "24 00 12 AM"), (12, "12 00 12 PM"), (23, "23 11 11 PM")])
def test_hours_of_the_other_clocks_follow_java(hour: int, expected: str) -> None:
    assert format_time("kk KK hh a", MOMENT.replace(hour=hour)) == expected


def test_a_zone_moves_the_folders_and_shows_its_offset() -> None:
    zone = time_zone("Asia/Kolkata")

    prefix = parse_prefix("!{timestamp:yyyy-MM-dd/HH}/!{timestamp:X}/!{timestamp:XXX}/")

    assert evaluate(prefix, arrival=MOMENT.timestamp(), zone=zone) == "2026-03-07/14/+0530/+05:30/"


def test_an_unknown_zone_is_refused() -> None:
    with pytest.raises(PrefixError, match="Mars/Olympus"):
        time_zone("Mars/Olympus")


GOLDEN_PREFIXES = {
    "": "2026/03/07/09/",
    "raw/": "raw/2026/03/07/09/",
    "raw": "raw2026/03/07/09/",
    "a/!{timestamp:yyyy-MM-dd}/": "a/2026-03-07/",
    "!{firehose:random-string}/": "ABCDEFGHIJK/2026/03/07/09/",
    "!{timestamp:yyyy}/!{firehose:random-string}/": "2026/ABCDEFGHIJK/",
    "v/dt=!{partitionKeyFromQuery:dt}/s=!{partitionKeyFromLambda:surface}/": "v/dt=2026-03-06/s=chat/",
}


@pytest.mark.parametrize(("text", "expected"), GOLDEN_PREFIXES.items())
def test_a_prefix_gives_the_folder_that_firehose_gives(text: str, expected: str) -> None:
    found = evaluate(
        parse_prefix(text),
        arrival=MOMENT.timestamp(),
        query_keys={"dt": "2026-03-06"},
        lambda_keys={"surface": "chat"},
        random=lambda: "ABCDEFGHIJK",
    )

    assert found == expected


GOLDEN_ERROR_PREFIXES = {
    "": "processing-failed/2026/03/07/09/",
    "errors-": "errors-processing-failed/2026/03/07/09/",
    "errors/!{firehose:error-output-type}/": "errors/processing-failed/",
    "errors/!{timestamp:yyyy}/!{firehose:error-output-type}/": "errors/2026/processing-failed/",
}


@pytest.mark.parametrize(("text", "expected"), GOLDEN_ERROR_PREFIXES.items())
def test_an_error_prefix_names_the_kind_of_error(text: str, expected: str) -> None:
    prefix = parse_prefix(text, error_output=True)

    assert evaluate(prefix, arrival=MOMENT.timestamp(), error_output_type="processing-failed") == expected


@pytest.mark.parametrize(
    "text",
    [
        "!{timestamp}/",
        "!{timestamp:}/",
        "!{timestamp:YYYY}/",
        "!{firehose:error-output-type}/",
        "!{firehose:stream-name}/",
        "!{aws:region}/",
        "!{partitionKeyFromQuery:}/",
        "dt=!{timestamp:yyyy",
    ],
)
def test_an_expression_that_firehose_does_not_know_is_refused(text: str) -> None:
    with pytest.raises(PrefixError):
        parse_prefix(text)


def test_partition_keys_are_refused_in_an_error_prefix() -> None:
    with pytest.raises(PrefixError, match="error-output-type"):
        parse_prefix("e/!{partitionKeyFromQuery:dt}/", error_output=True)


def test_a_prefix_of_more_than_1024_characters_is_refused() -> None:
    with pytest.raises(PrefixError, match="1,024"):
        parse_prefix("a" * 1025)


def test_an_object_is_named_by_stream_version_and_oldest_arrival() -> None:
    name = object_name("verdicts", "3", at=MOMENT.timestamp(), unique="0-1", extension=".gz")

    assert name == "verdicts-3-2026-03-07-09-05-03-0-1.gz"


def test_a_random_string_has_eleven_letters_and_digits() -> None:
    assert random_string(lambda below: below - 1) == "9" * 11


@given(st.text(alphabet=st.characters(exclude_characters="!"), max_size=50))
def test_a_text_without_expressions_stays_as_it_is(text: str) -> None:
    assert evaluate(parse_prefix(text), arrival=0.0) == text + "1970/01/01/00/"
