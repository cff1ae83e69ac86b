"""Where an excerpt ends: at its limit, and never in the midst of a letter or an emoji."""

import pytest

from consumers.moderation.detectors.personal_data import propose
from consumers.moderation.excerpt import MAX_EXCERPT, excerpt, masked

ACUTE, JOINER, WOMAN, ROCKET = "\u0301", "\u200d", "\U0001f469", "\U0001f680"


def shown(text: str) -> str:
    found, is_cut = excerpt(text)
    assert is_cut is (len(text) > MAX_EXCERPT)
    assert text.startswith(found)
    return found


def test_an_excerpt_shows_280_characters_at_most() -> None:
    assert (len(shown("a" * 280)), len(shown("a" * 281))) == (280, 280)


@pytest.mark.parametrize("length", [1, MAX_EXCERPT - 1, MAX_EXCERPT, MAX_EXCERPT + 1, 5 * MAX_EXCERPT])
def test_a_text_is_shown_up_to_the_limit_and_not_a_character_less(length: int) -> None:
    assert len(shown("a" * length)) == min(length, MAX_EXCERPT)


def test_a_mark_stays_with_its_letter() -> None:
    before = "a" * (MAX_EXCERPT - 1)
    assert shown(f"{before}e{ACUTE}{ACUTE} more") == before
    assert shown(f"{before[:-2]}e{ACUTE}{ACUTE} more") == f"{before[:-2]}e{ACUTE}{ACUTE}"


def test_an_emoji_of_several_is_shown_whole_or_not_at_all() -> None:
    for at in (MAX_EXCERPT - 1, MAX_EXCERPT - 2):
        before = "a" * at
        assert shown(f"{before}{WOMAN}{JOINER}{ROCKET} more") == before
    before = "a" * (MAX_EXCERPT - 3)
    assert shown(f"{before}{WOMAN}{JOINER}{ROCKET} more") == f"{before}{WOMAN}{JOINER}{ROCKET}"


def test_a_letter_with_marks_without_end_is_cut_all_the_same() -> None:
    assert MAX_EXCERPT - 33 < len(shown("a" + ACUTE * 1000)) < MAX_EXCERPT


def test_a_nul_is_shown_as_its_picture() -> None:
    assert excerpt("a\0b") == ("a\u2400b", False)


def test_what_goes_on_behind_the_part_that_was_looked_at_is_masked_to_its_end_and_no_further() -> None:
    # 2,328 characters are looked at: the address begins in them and ends behind.
    before = "word " * 463
    text = f"{before}jo@example.com and then calm words"
    assert len(before) < 2_328 < len(before) + 14
    assert masked(text, propose(text)) == f"{before}[email] and then calm words"


@pytest.mark.parametrize("mark", ["\u0301", "\u093e", "\u20dd"])
def test_marks_of_every_kind_stay_with_their_letter(mark: str) -> None:
    before = "a" * (MAX_EXCERPT - 1)
    assert shown(f"{before}\u0915{mark} more") == before


def test_what_only_the_cut_makes_a_number_is_masked_too() -> None:
    number = "4111111111111111"
    before = "word " * 60
    text = f"{before[: MAX_EXCERPT - len(number) - 1]} {number}abc and more"
    assert number in masked(text, propose(text))
    shown, is_cut = excerpt(text, ["number"])
    assert is_cut
    assert number not in shown
    assert "[card]" in shown
