"""What detectors see of a text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.moderation.confusables import CONFUSABLES, VARIANTS
from consumers.moderation.markup import undo, undone
from consumers.moderation.normalise import fold, normalise
from tests.fakes.work import assert_linear


@given(st.text(max_size=60))
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
def test_the_forms_are_lower_case_with_single_blanks_and_folding_gives_ascii_letters_or_nothing_new(text: str) -> None:
    normal = normalise(text)
    assert normal.encoded.decode() == normal.plain
    assert "  " not in normal.plain
    assert normal.plain == normal.plain.casefold()
    for read, written in zip(normal.folded, normal.plain, strict=True):
        assert (
            read == written
            or (read.isascii() and read.isalpha() and read.islower())
            or (read == " " and written in "-_.")
            or VARIANTS.get(written) == read
        )


@pytest.mark.parametrize(("written", "other"), [("أحمق", "احمق"), ("قحبة", "قحبه"), ("غبى", "غبي"), ("ёлка", "елка")])
def test_letters_that_people_write_for_one_another_are_folded_to_one(written: str, other: str) -> None:
    assert fold(written) == fold(other)
    assert normalise(written).plain != normalise(other).plain


def test_marks_and_lengthening_of_arabic_are_left_out() -> None:
    assert normalise("حِمـــار").plain == "حمار"


@pytest.mark.parametrize(
    ("tag", "words"),
    [
        ("#killallrats", "#kill all rats"),
        ("#BANALLCOPS", "#BAN ALL COPS".lower()),
        ("#ubuntu-offtopic", "#ubuntu-offtopic"),
        ("#bananas", "#bananas"),
        ("#" + "ban" * 20, "#" + "ban" * 20),
    ],
)
def test_hashtags_made_of_known_words_are_read_as_these(tag: str, words: str) -> None:
    assert normalise(f"see {tag} now").plain == f"see {words} now"


TAGS = "<b> </b> <br> <!--x--> <a/href='//x.example'> &lt; &#60; &#8203; &#x62; #FuckYou # ** ~~ || ` ＜ ＞ b> < & ;"
FORMATTED = st.lists(
    st.one_of(
        st.sampled_from(TAGS.split()),
        st.sampled_from("\u200b\x00\u0489\u2800! "),
        st.text(alphabet="abAB ié", max_size=3),
    ),
    max_size=12,
).map("".join)


@given(FORMATTED)
def test_undoing_formatting_is_done_once(text: str) -> None:
    once = normalise(text)
    assert normalise(once.plain) == once
    assert len(once.plain) == len(once.folded)
    assert once.encoded.decode() == once.plain


@given(FORMATTED)
def test_each_character_without_its_formatting_has_a_place_in_the_original(text: str) -> None:
    found = undone(text)
    if found is None:
        assert undo(text) == text
        return
    assert len(found.text) == len(found.origins) == len(found.ends)
    for sign, start, end in zip(found.text, found.origins, found.ends, strict=True):
        assert sign == text[start:end] or sign == " " or text[start] in "&<#" or end - start > 1


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("fuck<br>you", "fuck you"),
        ("fuck<BR/>you<p class=x>now", "fuck you now"),
        ("idi<b></b>ot", "idiot"),
        ("idi<span style='color:red'>o</span>t", "idiot"),
        ("idi<!-- hidden -->ot", "idiot"),
        ("i**d**iot", "idiot"),
        ("**idi**ot idi~~ot~~ i`d`iot i||dio||t", "idiot idiot idiot idiot"),
        ("&#102;uck &#x66;uck &amp; &lt;3", "fuck fuck & <3"),
        ("idi&#8203;ot", "idiot"),
        ("＜b＞idi＜/b＞ot", "idiot"),
        ("<\u200bb>idi</b\x00>ot", "idiot"),
        ("#FuckYou #killallX #USAFirst", "#fuck you #killall x #usa first"),
        ("#fuck_you #ubuntu #k1ll #UN", "#fuck you #ubuntu #k1ll #un"),
        ('see <a href="https://x.example/y">this</a>', "see https://x.example/y this"),
        ("mail <a href='mailto:jo@example.org'>me</a>", "mail mailto:jo@example.org me"),
        ("<bob> a < b and <c>, if a<b and c>d", "<bob> a < b and <c>, if a<b and c>d"),
        ("f**k this, f*ck and **bold** words", "f**k this, f*ck and **bold** words"),
        ("i\u0489d\u20ddiot, idi\u2800ot", "idiot, idiot"),
        ("\U0001f178\U0001f173\U0001f178\U0001f17e\U0001f183", "idiot"),
        ("\U0001f158\U0001f153\U0001f158\U0001f15e\U0001f163 ɪᴅɪᴏᴛ", "idiot idiot"),
        ("don’t – really", "don't - really"),
        ("كـــلب كَلْب", "كلب كلب"),
    ],
)  # fmt: skip
def test_formatting_and_decoration_are_undone(written: str, plain: str) -> None:
    assert normalise(written).plain == plain


@pytest.mark.parametrize("written", ["kill-yourself", "kill_yourself", "kill.yourself", "k!ll-yourself"])
def test_what_joins_words_reads_as_a_space(written: str) -> None:
    assert fold(written) == "kill yourself"


def test_an_exclamation_mark_is_an_i_only_before_a_letter() -> None:
    assert fold("!diot! b!tch!! ok!") == "idiot! bitch!! ok!"


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


@given(st.lists(st.sampled_from(sorted(CONFUSABLES.keys() - LOST)), min_size=1, max_size=12))
def test_a_word_of_lookalikes_is_read_letter_by_letter(characters: list[str]) -> None:
    assert fold("".join(characters)) == "".join(CONFUSABLES[one] for one in characters)


def test_every_lookalike_is_read_as_its_letter_but_one_that_compatibility_takes_first() -> None:
    # The lunate sigma's compatibility form is the sigma, before anything looks at it.
    assert {one for one, letter in CONFUSABLES.items() if fold(one) != letter} == LOST


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


def test_a_text_of_rare_characters_is_folded_in_work_that_grows_as_the_text_does() -> None:
    assert_linear(normalise, "".join(chr(0x1100 + number) for number in range(900)) + "ﷺ" * 30)
