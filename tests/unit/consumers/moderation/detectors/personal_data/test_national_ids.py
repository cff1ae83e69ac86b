"""National identifiers: what is one, what only looks like one, and that a wrong digit is noticed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.moderation.detectors.personal_data import find_personal_data
from consumers.moderation.detectors.personal_data.national_ids import br, de, es, fr, it, pl, uk, us

digits = st.text("0123456789", min_size=1)


def of_length(length: int) -> st.SearchStrategy[str]:
    return st.text("0123456789", min_size=length, max_size=length)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("us_ssn", "my ssn: 460-89-9847."),
        ("us_ssn", "460-89-9847"),
        ("us_ssn", "social security number 460 89 9847"),
        ("us_ssn", "SSN 460899847"),
        ("uk_nino", "NI AB123456C"),
        ("uk_nino", "ab 12 34 56 c"),
        ("uk_nhs", "my NHS number is 943 476 5919"),
        ("de_tax_id", "Steuer-ID 86095742719"),
        ("de_tax_id", "86 095 742 719"),
        ("de_id_card", "Personalausweis L01X00T471"),
        ("fr_nir", "2 55 08 14 168 025 38"),
        ("fr_nir", "180032A99901218"),
        ("fr_nir", "numéro de sécu 255081416802538"),
        ("es_dni", "DNI 12345678Z"),
        ("es_dni", "12.345.678-Z"),
        ("es_dni", "NIE X1234567L"),
        ("it_codice_fiscale", "cf RSSMRA85T10A562S"),
        ("it_codice_fiscale", "RSS MRA 85T10 A562S"),
        ("pl_pesel", "PESEL: 44051401359"),
        ("br_cpf", "529.982.247-25"),
        ("br_cpf", "meu CPF 52998224725"),
        ("br_cnpj", "11.222.333/0001-81"),
        ("br_cnpj", "12.ABC.345/01DE-35"),
    ],
)
def test_an_identifier_is_found(kind: str, text: str) -> None:
    assert [(span.kind, span.sure) for span in find_personal_data(text.lower())] == [(kind, True)]


@pytest.mark.parametrize(
    "text",
    [
        "666-89-9847 900-12-1234 000-12-1234 460-00-9847 460-89-0000",  # ranges that are not given out
        "078-05-1120",  # printed on a specimen card
        "460-89-98471 and 1460-89-9847 and 2020-460-89-9847",
        "460899847 units",
        "gb123456c, do123456c, ab123456e, ab1234567c",
        "401 023 2137 people",  # valid, and nobody says that it is an NHS number
        "nhs 401 023 2138",
        "steuer-id 86095742718",
        "l01x00t471",
        "ausweis l01x00t472",
        "2 55 08 14 168 025 39",
        "user 255081416802538",
        "2 55 15 14 168 025 38",
        "12.345.678-a",
        "rssmra85t10a562t",
        "rssmra85z10a562s",
        "pesel 44051401358, pesel 44131401359",
        "529.982.247-24, 111.111.111-11",
        "11.222.333/0001-82",
    ],
)
def test_what_only_looks_like_one_is_left_alone(text: str) -> None:
    assert [span for span in find_personal_data(text) if span.sure] == []


def test_digits_that_can_be_many_things_are_masked_and_do_not_count_until_they_are_named() -> None:
    (unnamed,) = find_personal_data("see 44851401353 there")
    (named,) = find_personal_data("my pesel is 44851401353")
    assert (unnamed.kind, unnamed.sure) == ("pl_pesel", False)
    assert (named.kind, named.sure) == ("pl_pesel", True)


def test_a_pesel_of_somebody_who_may_be_alive_counts_unless_it_is_called_something_else() -> None:
    (unnamed,) = find_personal_data("jan kowalski, 44051401359")
    (order,) = find_personal_data("numer zamówienia 44051401359")
    assert (unnamed.kind, unnamed.sure) == ("pl_pesel", True)
    assert (order.kind, order.sure) == ("pl_pesel", False)


@pytest.mark.parametrize("written", ["440514 01359", "44 05 14 01359", "4 4 0 5 1 4 0 1 3 5 9", "440514-01359"])
def test_a_pesel_written_apart_counts_beside_its_name_only(written: str) -> None:
    assert [span.kind for span in find_personal_data(f"pesel: {written}") if span.sure] == ["pl_pesel"]
    assert not any(span.kind == "pl_pesel" for span in find_personal_data(f"punkte {written}"))


def test_a_part_of_a_hosts_name_does_not_count() -> None:
    assert not any(span.sure for span in find_personal_data("user@245.211.119-80.rev.example.net"))


@given(of_length(10).filter(lambda text: text[0] != "0"), st.integers(1, 9))
def test_a_german_tax_id_notices_every_wrong_check_digit(first: str, change: int) -> None:
    check = de.tax_id_check_digit(first)
    assert not de.tax_id_is_valid(first + str((int(check) + change) % 10))


@given(st.permutations("0123456789"), st.integers(0, 8), st.data())
def test_a_german_tax_id_has_one_digit_twice(order: list[str], place: int, data: st.DataObject) -> None:
    nine = order[:9]
    number = "".join([*nine[:place], nine[(place + 4) % 9], *nine[place:]])
    if number[0] != "0":
        assert de.tax_id_is_valid(number + de.tax_id_check_digit(number))
    all_different = "".join(order)
    assert not de.tax_id_is_valid(all_different + de.tax_id_check_digit(all_different))


@given(of_length(10), st.integers(1, 9))
def test_a_pesel_notices_every_wrong_check_digit(first: str, change: int) -> None:
    check = pl.pesel_check_digit(first)
    assert not pl.pesel_is_valid(first + str((int(check) + change) % 10))


@given(of_length(9), st.integers(0, 8), st.integers(1, 9))
def test_a_cpf_is_valid_with_its_check_digits_and_notices_a_wrong_digit(first: str, place: int, change: int) -> None:
    whole = first + br.check_digits(first, highest=11)
    assert br.cpf_is_valid(whole) == (len(set(whole)) > 1)
    wrong = whole[:place] + str((int(whole[place]) + change) % 10) + whole[place + 1 :]
    # The two digits together miss a change only where both remainders give 0.
    if whole[9] not in "0" and wrong[:9] != first:
        assert br.check_digits(wrong[:9], highest=11) != whole[9:] or not br.cpf_is_valid(wrong)


@given(st.text("0123456789abcdefghijklmnopqrstuvwxyz", min_size=12, max_size=12))
def test_a_cnpj_of_letters_and_digits_is_valid_with_its_check_digits(first: str) -> None:
    whole = first + br.check_digits(first, highest=9)
    assert br.cnpj_is_valid(whole) == (len(set(whole)) > 1)


@given(of_length(8), st.integers(0, 7), st.integers(1, 9))
def test_a_dni_notices_every_wrong_digit(first: str, place: int, change: int) -> None:
    letter = next(letter for letter in "trwagmyfpdxbnjzsqvhlcke" if es.dni_is_valid(first + letter))
    wrong = first[:place] + str((int(first[place]) + change) % 10) + first[place + 1 :]
    assert not es.dni_is_valid(wrong + letter)


@given(of_length(9), st.integers(0, 8), st.integers(1, 9))
def test_an_nhs_number_notices_every_wrong_digit(first: str, place: int, change: int) -> None:
    for check in "0123456789":
        if uk.nhs_number_is_valid(first + check):
            wrong = first[:place] + str((int(first[place]) + change) % 10) + first[place + 1 :]
            assert not uk.nhs_number_is_valid(wrong + check)


@given(
    st.from_regex(r"[12][0-9]{2}(0[1-9]|1[0-2])([0-8][1-9]|2a|2b)[0-9]{6}", fullmatch=True),
    st.integers(1, 96),
)
def test_an_nir_notices_every_wrong_key(first: str, change: int) -> None:
    key = next(key for key in range(1, 98) if fr.nir_is_valid(f"{first}{key:02d}"))
    assert not fr.nir_is_valid(f"{first}{(key + change - 1) % 97 + 1:02d}")


@given(
    st.from_regex(r"[a-z]{6}[0-9]{2}[abcdehlmprst](0[1-9]|[12][0-9]|3[01])[a-z][0-9]{3}", fullmatch=True),
    st.integers(1, 25),
)
def test_a_codice_fiscale_notices_every_wrong_check_letter(first: str, change: int) -> None:
    letter = it.codice_fiscale_check_letter(first)
    assert it.codice_fiscale_is_valid(first + letter)
    assert not it.codice_fiscale_is_valid(first + chr(97 + (ord(letter) - 97 + change) % 26))


@given(st.text(max_size=20))
def test_any_text_can_be_asked_about(text: str) -> None:
    for valid in (
        us.ssn_is_valid,
        uk.nino_is_valid,
        uk.nhs_number_is_valid,
        de.tax_id_is_valid,
        de.id_card_is_valid,
        fr.nir_is_valid,
        es.dni_is_valid,
        it.codice_fiscale_is_valid,
        pl.pesel_is_valid,
        br.cpf_is_valid,
        br.cnpj_is_valid,
    ):
        assert valid(text) in (True, False)
