"""Detectors one by one: what they find, what they leave alone, what is masked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.moderation.detectors.patterns import PatternDetector
from consumers.moderation.detectors.personal_data import CANDIDATES, find_personal_data, iban_is_valid, luhn, mask
from consumers.moderation.detectors.protocol import Subject
from consumers.moderation.detectors.terms import TermDetector
from consumers.moderation.excerpt import MAX_EXCERPT, excerpt
from consumers.moderation.moderator import Moderator
from consumers.moderation.normalise import normalise
from consumers.moderation.policy import Policy
from consumers.moderation.rules import Label, PatternRule, TermRule
from consumers.moderation.scan import Scan
from tests.fakes.work import assert_linear


def rules_found(rule: TermRule | list[TermRule], text: str, language: str | None = None) -> list[str]:
    detector = TermDetector(rule if isinstance(rule, list) else [rule])
    return [signal.rule for signal in detector.detect(Subject(normalise(text), language, frozenset()))]


def terms(*words: str, **options: object) -> TermRule:
    return TermRule("rule", "label", 0.5, words, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text", ["idiot", "You IDIOT!", "(idiot)", "an_idiot_there", "1d1ot", "我是idiot吗", "idi\u200bot."]
)
def test_a_term_is_found_as_a_word(text: str) -> None:
    assert rules_found(terms("idiot"), text) == ["rule"]


@pytest.mark.parametrize("text", ["idiotic", "nonidiot", "idiot2", "idiöts", "", "1-1"])
def test_a_term_is_not_found_inside_a_word(text: str) -> None:
    assert rules_found(terms("idiot"), text) == []


def test_a_number_is_not_read_as_a_word() -> None:
    assert rules_found(terms("ass"), "room 455, row 4") == []
    assert rules_found(terms("ass"), "you 4ss") == ["rule"]


def test_a_word_of_another_script_is_not_read_as_a_latin_one() -> None:
    assert rules_found(terms("cop"), "вынеси сор") == []
    assert rules_found(terms("cop"), "вынеси сop") == ["rule"]
    assert rules_found(terms("сор"), "вынеси сор") == ["rule"]


def test_a_word_wholly_in_another_script_counts_where_the_text_is_known_to_be_of_a_latin_one() -> None:
    assert rules_found(terms("pocha", language="es"), "eres una росһа", "es") == ["rule"]
    assert rules_found(terms("pocha"), "росһа", "ru") == []
    assert rules_found(terms("pocha"), "росһа") == []
    assert rules_found(terms("cop"), "the сор", "en") == []


@pytest.mark.parametrize(
    ("term", "language", "text"),
    [
        ("puttana", "it", "рuttаnа"),
        ("kurwa", "pl", "tо mі wсzоrаj роwіеdzіеlі: kurwа і nіс wіęсеj"),
        ("cabron", "es", "саbrоn"),
        ("сука", "ru", "cyкa"),
    ],
)
def test_a_word_in_two_alphabets_is_found_though_its_language_is_only_guessed(
    term: str, language: str, text: str
) -> None:
    assert rules_found(terms(term, language=language), text) == ["rule"]


def test_a_longer_term_is_found_behind_a_shorter_one_inside_it() -> None:
    rules = [TermRule("short", "label", 0.5, ("free",)), TermRule("long", "label", 0.5, ("freedom fries",))]
    assert rules_found(rules, "freedom fries") == ["long"]
    assert rules_found(rules, "free freedom fries") == ["long", "short"]


def test_terms_of_scripts_without_spaces_need_no_bounds() -> None:
    assert rules_found(terms("点击这里"), "请点击这里领取") == ["rule"]
    assert rules_found(terms("馬鹿"), "お前は馬鹿だ") == ["rule"]


def test_a_term_with_a_language_is_for_that_language_or_none() -> None:
    rule = terms("die", language="en")
    assert rules_found(rule, "die Katze", "de") == []
    assert rules_found(rule, "go die", "en") == ["rule"]
    assert rules_found(rule, "go die", None) == ["rule"]


def test_an_exact_term_is_found_only_as_written() -> None:
    assert rules_found(terms("ano", exact=True), "un año") == []
    assert rules_found(terms("ano", exact=True), "un ANO") == ["rule"]
    assert rules_found(terms("ano"), "un año") == ["rule"]


def test_signs_at_the_edge_of_a_term_are_its_bounds() -> None:
    assert rules_found(terms("100% free"), "it is 100% free!") == ["rule"]
    assert rules_found(terms("$$$ now"), "get $$$ now") == ["rule"]


def test_without_terms_nothing_is_found() -> None:
    assert TermDetector([]).detect(Subject(normalise("text"), None, frozenset())) == ()


def test_patterns_come_from_the_one_scan() -> None:
    rules = [PatternRule("a", "label", 0.5, "FREE +money"), PatternRule("b", "label", 0.5, "never", "de")]
    scan = Scan([rule.pattern for rule in rules])
    detector = PatternDetector(rules, first=0)

    def found(text: str, language: str | None) -> list[str]:
        normal = normalise(text)
        hits = frozenset(scan.hits(normal.plain.encode()))
        return [signal.rule for signal in detector.detect(Subject(normal, language, hits))]

    assert found("Free  Money, never", "de-AT".partition("-")[0]) == ["a", "b"]
    assert found("free money never", "en") == ["a"]
    assert found("nothing", None) == []


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("write to Jo.Doe+x@mail.example.co.uk.", "write to [email]."),
        ("card 4111 1111 1111 1111 or 4111-1111-1111-1111", "card [card] or [card]"),
        ("amex 378282246310005, 3782 822463 10005", "amex [card], [card]"),
        ("order 1234 4111 1111 1111 1111 today", "order 1234 [card] today"),
        ("order 4111 1111 1111 1112", "order 4111 1111 1111 1112"),
        ("IBAN DE89 3704 0044 0532 0130 00 please", "IBAN [iban] please"),
        ("GB29NWBK60161331926819", "[iban]"),
        ("DE88 3704 0044 0532 0130 00", "DE88 3704 0044 0532 0130 00"),
        ("+49 151 2345 6789 or (555) 123-4567", "[phone] or [phone]"),
        ("call 0151 23456789 today", "call [phone] today"),
        ("on 01.02.2026 10:11 at 12:30:45", "on 01.02.2026 10:11 at 12:30:45"),
        ("from 81.84.234.155, not 1.2.3.4.5 nor 300.1.1.1", "from [ip], not 1.2.3.4.5 nor 300.1.1.1"),
        ("kernel 2.6.8.1-3-686", "kernel 2.6.8.1-3-686"),
        ("+ 16.01.2018: snow", "+ 16.01.2018: snow"),
        ("host 2a00:1450:4001:81b::200e up", "host [ip] up"),
        ("at 10 000 000 000 000 km", "at 10 000 000 000 000 km"),
        ("C++ a::b and 12:30", "C++ a::b and 12:30"),
    ],
)
def test_personal_data_is_masked_and_other_numbers_are_not(text: str, masked: str) -> None:
    assert mask(text, find_personal_data(text)) == masked


@given(st.text(alphabet="0123456789 -.+@abDE:()", max_size=80))
def test_spans_are_in_order_without_overlap_and_inside_the_text(text: str) -> None:
    spans = find_personal_data(text)
    edges = [edge for span in spans for edge in (span.start, span.end)]
    assert edges == sorted(edges)
    assert all(0 <= span.start < span.end <= len(text) for span in spans)


@given(st.text(alphabet="0123456789 -.+@abDE:()", max_size=80))
def test_what_is_found_is_also_proposed_by_the_scan(text: str) -> None:
    plain = normalise(text).plain
    proposed = {list(CANDIDATES)[hit] for hit in Scan(list(CANDIDATES.values())).hits(plain.encode())}
    assert find_personal_data(plain) == find_personal_data(plain, proposed)


@given(st.integers(0, 10**14 - 1), st.integers(1, 9))
def test_luhn_notices_every_wrong_digit(number: int, change: int) -> None:
    digits = f"{number:014d}"
    check = next(str(digit) for digit in range(10) if luhn(digits + str(digit)))
    assert not luhn(digits + str((int(check) + change) % 10))


@given(st.integers(0, 10**18 - 1), st.integers(0, 17), st.integers(1, 9))
def test_an_iban_notices_every_wrong_digit(number: int, place: int, change: int) -> None:
    account = f"{number:018d}"
    check = next(check for check in range(2, 99) if iban_is_valid(f"de{check:02d}{account}"))
    wrong = account[:place] + str((int(account[place]) + change) % 10) + account[place + 1 :]
    assert not iban_is_valid(f"de{check:02d}{wrong}")


def test_an_iban_of_another_length_or_alphabet_is_none() -> None:
    assert not iban_is_valid("DE8937040044053201300")
    assert not iban_is_valid("XX89370400440532013000")
    assert not iban_is_valid("DE8937040044053201300Ⅷ")


def judge(text: str) -> tuple[str, bool]:
    moderator = Moderator(Policy("example", {"spam": Label(flag=0.5)}))
    finding = moderator.judge(text, surface="comment")
    assert finding.decision.action == "allow"
    return finding.excerpt, finding.truncated


def test_excerpts_are_masked_in_allowed_texts_too() -> None:
    assert judge("jo@example.org says hi") == ("[email] says hi", False)


def test_personal_data_across_the_cut_is_masked_before_the_cut() -> None:
    shown, truncated = judge("x" * 270 + " jo@example.org and more text")
    assert shown.endswith(" [email] a")
    assert truncated


def test_disguised_personal_data_is_masked_too() -> None:
    assert judge("ｊｏ＠ｅｘａｍｐｌｅ．ｏｒｇ") == ("[email]", False)
    assert "0532" not in judge("DE89\u200b3704 0044\u200b 0532 0130 00")[0]


def test_a_short_text_is_shown_as_it_is_with_nul_made_visible() -> None:
    assert judge("Ünïcode\0 <b>") == ("Ünïcode\u2400 <b>", False)


@given(st.text(max_size=400))
def test_an_excerpt_never_exceeds_its_limit_and_says_when_it_is_not_all(text: str) -> None:
    shown, truncated = excerpt(text)
    assert len(shown) <= MAX_EXCERPT
    assert truncated == (len(shown) < len(text))
    assert text.replace("\0", "\u2400").startswith(shown)


def test_a_cut_does_not_part_what_belongs_together() -> None:
    family = "👨\u200d👩\u200d👧\u200d👦"
    shown, _ = excerpt("a" * 277 + family + "b")
    assert shown == "a" * 277
    shown, _ = excerpt("a" * 279 + "e\u0301" + "b")
    assert shown == "a" * 279


@pytest.mark.parametrize("unit", ["a", "1 ", "1111 ", "4", "a@", "a.b@", "de89 ", "+1 ", "1.2.3.4.", "::", "免费"])
def test_the_work_for_a_text_of_any_shape_grows_as_the_text_does(unit: str) -> None:
    assert_linear(judge, unit)
