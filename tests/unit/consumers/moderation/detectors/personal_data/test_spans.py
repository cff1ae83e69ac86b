"""Where a piece of personal data begins and ends: alone, or a piece of something longer."""

import pytest

from consumers.moderation.detectors.personal_data.spans import Span, goes_on, stands_alone, without_overlap


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("at 12.34 now", "12.34"),
        ("1 12.34 x", "12.34"),  # a digit two places before, and no point between
        ("-12.34 and 9", "12.34"),  # a sign at the very beginning; the text ends in a digit
        (".5", "5"),
    ],
)
def test_what_nothing_goes_on_before_or_behind_stands_alone(text: str, part: str) -> None:
    start = text.index(part)
    assert stands_alone(text, start, start + len(part))


@pytest.mark.parametrize(
    ("text", "part"),
    [("7.12 now", "12"), ("7-12 now", "12"), ("7/12 now", "12"), ("v12", "12"), ("12v", "12"), ("12.3", "12")],
)
def test_a_piece_of_a_longer_number_or_word_does_not(text: str, part: str) -> None:
    start = text.index(part)
    assert not stands_alone(text, start, start + len(part))


@pytest.mark.parametrize(
    ("text", "is_whole"),
    [
        ("12", True),
        ("12.", True),
        ("12.5", False),
        ("12.5678 and more", False),
        ("12-5678", False),
        ("12/5", False),
        ("12,5678", True),
        ("12.a", True),
        ("12a", False),
        ("123", False),
        ("12 3", True),
        ("12.-3", True),
    ],
)
def test_a_number_goes_on_with_a_digit_at_once_or_after_one_point_hyphen_or_slash(text: str, *, is_whole: bool) -> None:
    assert goes_on(text, 2) is not is_whole
    assert stands_alone(text, 0, 2) is is_whole
    # The same before it.
    assert stands_alone("5." + text, 2, 4) is False
    assert stands_alone("5," + text, 2, 4) is is_whole


def test_of_spans_that_overlap_the_sure_one_stays_and_what_lies_behind_is_judged_by_its_own_place() -> None:
    spans = [Span(0, 2, "phone"), Span(4, 6, "card"), Span(5, 7, "iban"), Span(7, 9, "phone"), Span(8, 10, "email")]
    assert [(one.start, one.kind) for one in without_overlap(spans, 10)] == [(0, "phone"), (4, "card"), (7, "phone")]
    unsure = [Span(0, 5, "phone", sure=False), Span(4, 6, "card")]
    assert [one.kind for one in without_overlap(unsure, 6)] == ["card"]
