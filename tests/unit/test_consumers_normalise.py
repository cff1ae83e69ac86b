"""What detectors see of a text."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.moderation.lookalikes import LOOKALIKES
from consumers.moderation.normalise import fold, normalise


@given(st.text(max_size=60))
@settings(max_examples=400)
def test_normalising_the_plain_form_again_changes_nothing(text: str) -> None:
    once = normalise(text)
    assert normalise(once.plain) == once


@given(st.text(max_size=60))
def test_both_forms_have_the_same_length_so_that_places_agree(text: str) -> None:
    normal = normalise(text)
    assert len(normal.plain) == len(normal.folded)


@given(st.text(alphabet=st.characters(max_codepoint=127), max_size=60))
def test_the_fast_way_for_ascii_gives_what_the_slow_way_gives(text: str) -> None:
    fast, slow = normalise(text), normalise(text + " é")
    assert slow.plain.removesuffix("é").strip() == fast.plain.strip()


@given(st.text(alphabet=st.characters(max_codepoint=127), max_size=60))
def test_the_fast_way_for_ascii_folds_as_the_slow_way_does(text: str) -> None:
    fast, slow = normalise(text), normalise(text + " é")
    assert slow.folded.removesuffix("e").strip() == fast.folded.strip()
    assert fast.encoded == fast.plain.encode()


@given(st.text(max_size=60))
@settings(max_examples=300)
def test_the_forms_are_lower_case_with_single_blanks_and_folding_gives_ascii_letters_or_nothing_new(text: str) -> None:
    normal = normalise(text)
    assert normal.encoded.decode() == normal.plain
    assert "  " not in normal.plain
    assert normal.plain == normal.plain.casefold()
    for read, written in zip(normal.folded, normal.plain, strict=True):
        assert read == written or (read.isascii() and read.isalpha() and read.islower())


INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff\u00ad\u034f\u061c\u180e\u202e\u2066\ufe0f\U000e0041\x00\x08\x7f"


@given(
    st.text(alphabet="abcxyzäéłжя中文한", max_size=20),
    st.lists(st.tuples(st.integers(0, 20), st.sampled_from(INVISIBLE))),
)
def test_invisible_characters_anywhere_change_nothing(text: str, hidden: list[tuple[int, str]]) -> None:
    written = text
    for place, character in hidden:
        written = written[:place] + character + written[place:]
    assert normalise(written) == normalise(text)


LOST = {"\u03f2"}


@given(st.lists(st.sampled_from(sorted(LOOKALIKES.keys() - LOST)), min_size=1, max_size=12))
def test_a_word_of_lookalikes_is_read_letter_by_letter(characters: list[str]) -> None:
    assert fold("".join(characters)) == "".join(LOOKALIKES[one] for one in characters)


def test_every_lookalike_is_read_as_its_letter_but_one_that_compatibility_takes_first() -> None:
    # The lunate sigma's compatibility form is the sigma, before anything looks at it.
    assert {one for one, letter in LOOKALIKES.items() if fold(one) != letter} == LOST


@pytest.mark.parametrize(
    "written",
    [
        "idiot",
        "IDIOT",
        "ｉｄｉｏｔ",
        "id\u200biot",
        "id\u00adiot",
        "\U000e0069idi\u2060ot",
        "1d10t",
        "іdіоt",
        "ídïöt",
        "i\u0336d\u0336i\u0336o\u0336t\u0336",
        "ⓘⓓⓘⓞⓣ",
        "🅸🅳🅸🅾🆃",
        "𝓲𝓭𝓲𝓸𝓽",
        "id\x08iot",
        "idi\ufe0fot",
        "ιδιοτ".replace("δ", "d"),
    ],
)
def test_disguises_fold_to_the_word(written: str) -> None:
    assert fold(written) == "idiot"


@pytest.mark.parametrize(
    "honest",
    [
        "zażółć gęślą jaźń",
        "el niño come año tras año",
        "привет, как дела?",
        "你好，世界".replace("，", ","),
        "안녕하세요",
        "こんにちは",
        "हिन्दी में नमस्ते",
        "ไทยแลนด์",
        "مرحبا بالعالم",
        "https://example.org/a?b=1&c=2#d",
        "if (x == 10) { return y[0]; }",
        "diyarbakır'da ışık",
    ],
)
def test_honest_text_reads_the_same_in_the_plain_form(honest: str) -> None:
    assert normalise(honest).plain == honest


def test_white_space_of_every_kind_becomes_one_space() -> None:
    assert normalise("free\u00a0\u2003\n\t money\u2028now").plain == "free money now"
    assert normalise("free \r\n money").plain == "free money"


def test_letters_that_grow_when_folded_are_no_trouble() -> None:
    assert normalise("İSTANBUL ﬁne STRAẞE").plain == "istanbul fine strasse"


def test_the_largest_text_of_rare_characters_is_folded_within_its_budget() -> None:
    worst = "".join(chr(0x1100 + number % 8000) for number in range(21_000)) + "ﷺ" * 300
    began = time.process_time()
    normalise(worst)
    assert time.process_time() - began < 0.5
