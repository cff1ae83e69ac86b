"""What a number is called decides what it is, and personal data is found however it is written apart."""

import pytest

from consumers.moderation.detectors.personal_data import find_personal_data, propose
from consumers.moderation.detectors.personal_data.names import named
from consumers.moderation.excerpt import MAX_EXCERPT, excerpt
from consumers.moderation.normalise import normalise

CALLED_OTHERWISE = [
    "invoice 202-555-0143",
    "Invoice no. 202-555-0143",
    "Kundennummer 0171 2345678",
    "Kunden-Nr.: 0171 2345678",
    "numer prawa jazdy: 048736373",
    "NIP 0251585676",
    "NIP: 725-180-14-19",
    "REGON 123456785",
    "nr dowodu rejestracyjnego 0123456789",
    "order number 0151 23456789",
    "order #202-555-0143",
    "tracking number 0201 2345 6789",
    "numéro de commande 06 12 34 56 78",
    "numéro de facture : 0612345678",
    "n° client 06 12 34 56 78",
    "número de pedido 612 345 678",
    "número de factura: 612345678",
    "numero ordine 333 1234567",
    "numero fattura 3331234567",
    "pedido 11 98765-4321",
    "nota fiscal 11987654321",
    "ordernummer 06-12345678",
    "factuurnummer 0612345678",
    "klantnummer 06 12345678",
    "Rechnungsnummer 0151 23456789",
    "Bestellnummer: 0301234567",
    "Sendungsnummer 0151 23456789",
    "Steuernummer 0301234567",
    "Kontonummer 0151234567",
    "zamówienie nr 601 234 567",
    "numer faktury 601234567",
    "nr konta 601 234 567",
    "faktura nr 601234567",
    "sipariş no 0532 123 45 67",
    "fatura no: 0532 123 45 67",
    "номер заказа 8 912 345 67 89",
    "счёт № 89123456789",
    "инн 7707083893",
    "ISBN 0-306-40615-2",
    "ISBN 978-3-16-148410-0",
    "order id: 4155552671",
    "ticket 415-555-2671",
    "case no 415-555-2671",
    "passport number 415-555-2671",
    "driver's license 415-555-2671",
    "rekeningnummer 0612345678",
    "订单号 13800138000",
    "注文番号 090-1234-5678",
    "주문번호 010-1234-5678",
    "رقم الطلب 0501234567",
    "ordrenummer 41234567",
    "beställningsnummer 070-123 45 67",
    "tilausnumero 040 1234567",
    "objednávka č. 601 123 456",
    "rendelésszám 06 30 123 4567",
    "αριθμός παραγγελίας 6941234567",
    "nomor pesanan 0812-3456-7890",
    "mã đơn hàng 0912 345 678",
    "serial no. 0171 2345678",
    "part number 202-555-0143",
    "Article 0171 2345678",
    "Artikelnummer 0171-2345678",
    "policy number 202-555-0143",
    "Aktenzeichen 0301 234567",
    "reference: 202 555 0143",
    "transaction 0151-2345678",
    "nr konta bankowego 601 234 567",
    "numer księgi wieczystej 601234567",
    "seria i numer dowodu: 601234567",
    "numer legitymacji studenckiej: 601234567",
    "Nr polisy: 0123456789",
    "nr sprawy: 0601234567",
    "Konto-Nr. 0151234567",
    "numer seryjny 601-234-567",
    "nr licznika: 601 234 567",
    "lidnummer 0612345678",
    "medlemsnummer 070 123 45 67",
    "jäsennumero 040 1234567",
    "kötvényszám 06 20 123 4567",
    "numărul comenzii: 0721 234 567",
    "üye no 0532 123 45 67",
    "ТТН 067 123 45 67",
    "사건번호 010-1234-5678",
    "nomor perkara 0812 3456 7890",
    "số hồ sơ 0912 345 678",
]
TELEPHONES = [
    "phone 202-555-0143",
    "Piszcie albo dzwońcie: 601 234 567",
    "打给我 138 1234 5678",
    "call me at 0171 2345678",
    "tel: 048736373 hmm",
    "Tel. 22 736 37 37",
    "telefon: 601 234 567",
    "tel. kom. 601234567",
    "nr telefonu: 601 234 567",
    "numer telefonu +48 601 234 567",
    "0151 / 234 567 89",
    "0151/23456789",
    "(0151) 234 567 89",
    "my order: call 415-555-2671",
    "Telefonnummer 0151 23456789",
    "Handynummer: 01512 3456789",
    "téléphone : 06 12 34 56 78",
    "mon numéro de téléphone est le 06.12.34.56.78",
    "número de teléfono 612 345 678",
    "telefone (11) 98765-4321",
    "cellulare 333 1234567",
    "telefoonnummer 06-12345678",
    "cep telefonu 0532 123 45 67",
    "телефон 8 912 345-67-89",
    "电话 13800138000",
    "電話番号 090-1234-5678",
    "전화번호 010-1234-5678",
    "رقم الهاتف 0501234567",
    "puhelin 040 1234567",
    "telefonnummer 070-123 45 67",
    "τηλέφωνο 6941234567",
    "nomor HP 0812-3456-7890",
    "số điện thoại 0912 345 678",
    "customer service phone 415-555-2671",
    "invoice 4711, phone 202-555-0143",
    "order 99 tel 0171 2345678",
    "+49 151 2345 6789",
    "phone 4.1.5.5.5.5.2.6.7.1",
    "phone 415\n555 2671",
    "kontakt 601 234 567",
    "customer service 415-555-2671",
    "mój numer to 601 234 567",
    "Tel/Fax 22 6282828",
    "Tel. dom.: 22 6282828",
    "numer kontaktowy: 601 234 567",
    "Telefon służbowy: 601-234-567",
    "proszę dzwonić pod nr 601 234 567",
    "pod numerem 601 234 567",
]
APART = [
    ("iban", "DE89.3704.0044.0532.0130.00"),
    ("iban", "DE89 37 04 00 440532013000"),
    ("iban", "DE 89 3704 0044 0532 0130 00"),
    ("iban", "IBAN: PL61 1090 1014 0000 0712 1981 2874"),
    ("iban", "PL61-1090-1014-0000-0712-1981-2874"),
    ("iban", "PL 61109010140000071219812874"),
    ("iban", "DE89_3704_0044_0532_0130_00"),
    ("iban", "DE89  3704  0044 0532 0130 00"),
    ("iban", "DE89\n3704 0044 0532 0130 00"),
    ("iban", "GB82WEST 1234 5698765432"),
    ("card", "4111_1111_1111_1111"),
    ("card", "4111/1111/1111/1111"),
    ("card", "4111  1111  1111  1111"),
    ("card", "4111 - 1111 - 1111 - 1111"),
    ("card", "4111.1111.1111.1111"),
    ("card", "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1"),
    ("card", "4.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1"),
    ("card", "4111 1111\n1111 1111"),
    ("card", "4111,1111,1111,1111"),
    ("card", "card:4111111111111111"),
    ("card", "nr karty 5555555555554444."),
    ("email", "jo%40example.org"),
    ("email", "jo&#64;example.org"),
    ("email", "jo&#x40;example.org"),
    ("email", "jo&commat;example.org"),
    ("email", "jo[at]example[dot]org"),
    ("email", "jo [at] example [dot] org"),
    ("email", "jo(at)example.org"),
    ("email", "jo {at} example {dot} org"),
    ("email", "jo AT example DOT org"),
    ("email", "jo @ example . org"),
    ("email", "jo_at_example_dot_org"),
    ("email", "mailto:jo%40example.org"),
    ("email", "j.kowalski@poczta.example.pl"),
    ("email", "jo＠example．org"),
    ("email", "jo@example[.]org"),
    ("email", "jo <at> example <dot> org"),
    ("email", "jo -at- example -dot- org"),
    ("other_token", "Authorization: Bearer aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5"),
    ("other_token", "Bearer 7f9c2ba4e88f827d616045507605853e"),
    ("other_token", "curl -H 'authorization: bearer abc123def456ghi789jkl012'"),
    ("other_token", "MTk4NjIyNDgzNDcxOTI1MjQ4.Cl2FMQ.ZnCjm1XVW7vRze4b7Cq4se7kKWs"),
    ("other_token", "mfa.VkO_2G4Qv3T--NO--lWetW_tjND--TOKEN--QFTm6YGtzq9PH--4U--tG0_aaaaaa"),
    ("pl_pesel", "PESEL: 440514 01359"),
    ("pl_pesel", "PESEL 44 05 14 01359"),
    ("pl_pesel", "nr pesel 44051401359"),
    ("pl_pesel", "PESEL: 4 4 0 5 1 4 0 1 3 5 9"),
    ("pl_pesel", "pesel (44051401359)"),
    ("pl_pesel", "PESEL-44051401359"),
    ("pl_pesel", "numer ewidencyjny 44051401359"),
    ("pl_pesel", "urodzony 14.05.1944, 44051401359"),
]


def sure(text: str) -> list[str]:
    plain = normalise(text).plain
    return [span.kind for span in find_personal_data(plain, propose(plain)) if span.sure]


@pytest.mark.parametrize("text", CALLED_OTHERWISE)
def test_a_number_that_the_text_calls_something_else_is_no_telephone(text: str) -> None:
    assert "phone" not in sure(text)


@pytest.mark.parametrize("text", TELEPHONES)
def test_a_number_that_the_text_calls_a_telephone_is_one_and_is_masked(text: str) -> None:
    assert "phone" in sure(text)
    shown, _ = excerpt(text, propose(normalise(text).plain))
    assert "[phone]" in shown
    assert sum(character.isdigit() for character in shown) < 7


@pytest.mark.parametrize(("kind", "text"), APART)
def test_personal_data_is_found_and_masked_however_it_is_written_apart(kind: str, text: str) -> None:
    assert kind in sure(text)
    shown, _ = excerpt(f"so: {text} end", propose(normalise(f"so: {text} end").plain))
    assert f"[{kind}]" in shown


@pytest.mark.parametrize(
    "text",
    [
        "de 89 people came to 3704 events in 2004 and 0532 left",
        "no 12 is at 34 and 56 or 78, 90 of 12 of them",
        "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12",
        "4111_1111_1111_1112",
        "DE89.3704.0044.0532.0130.01",
        "the bearer of good news",
        "Bearer token is required",
        "meet at noon -at- the pier",
        "module.submodule.function_name_that_is_long_enough",
        "61 1090 1014 0000 0712 1981 2875",
    ],
)
def test_what_only_looks_like_it_is_left_alone(text: str) -> None:
    assert sure(text) == []


def test_the_last_name_before_a_number_decides() -> None:
    text = "invoice 4711, phone 202-555-0143, order 202-555-0144"
    assert named(text, text.index("202-555-0143")) == "phone"
    assert named(text, text.index("202-555-0144")) == "other"


@pytest.mark.parametrize("lines", [3, 60, 400])
def test_the_tail_of_a_long_private_key_is_masked(lines: int) -> None:
    body = "\n".join(f"MIIEowIBAAKCAQEA7bqZ0l5x{number:05d}" for number in range(lines))
    text = f"here: -----BEGIN RSA PRIVATE KEY-----\n{body}"
    shown, _ = excerpt(text, propose(normalise(text).plain))
    assert shown == "here: [private_key]"
    assert len(shown) < MAX_EXCERPT
