"""Personal data of every kind: what is found, what only looks like it, and that nothing of it is left in an excerpt."""

import sys
from subprocess import run

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.moderation.aligned import align
from consumers.moderation.detectors.personal_data import CANDIDATES, card_is_valid, find_personal_data, luhn, propose
from consumers.moderation.detectors.personal_data.addresses import is_public
from consumers.moderation.detectors.personal_data.phone import MOST_JUDGED
from consumers.moderation.detectors.personal_data.spans import Span
from consumers.moderation.excerpt import MAX_EXCERPT, excerpt, masked
from consumers.moderation.kinds import FAMILIES, PERSONAL_DATA_KINDS
from consumers.moderation.moderator import Moderator
from consumers.moderation.normalise import normalise
from consumers.moderation.policy import Policy
from consumers.moderation.rules import Label, PersonalDataRule
from tests.fakes.work import assert_linear

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
PRIVATE_KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA7bq\nZ0l5\n-----END RSA PRIVATE KEY-----"
# One of each kind, as people write it. None is anybody's.
SAMPLES = {
    "email": "jo.doe+x@mail.example.co.uk",
    "card": "4111 1111 1111 1111",
    "iban": "DE89 3704 0044 0532 0130 00",
    "phone": "+49 151 23456789",
    "ip": "81.84.234.155",
    "us_ssn": "460-89-9847",
    "uk_nino": "AB123456C",
    "uk_nhs": "NHS 943 476 5919",
    "de_tax_id": "86 095 742 719",
    "de_id_card": "Ausweis L01X00T471",
    "fr_nir": "2 55 08 14 168 025 38",
    "es_dni": "12345678-Z",
    "it_codice_fiscale": "RSSMRA85T10A562S",
    "pl_pesel": "PESEL 44051401359",
    "br_cpf": "529.982.247-25",
    "br_cnpj": "11.222.333/0001-81",
    "private_key": PRIVATE_KEY,
    "aws_key": "AKIAIOSFODNN7EXAMPLE",
    "aws_secret": "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "github_token": "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
    "gitlab_token": "glpat-Zs83hDk29_sKd82jDka1",
    "slack_token": "xoxb-17653672481-19874698323-pdFZKVeTuE8sk7oOHBrzqqgy",
    "stripe_key": "sk_live_4eC39HqLyjWDarjtT1zdp7dc",
    "google_api_key": "AIzaSyD-9tSrke72PouQMnMX-a7eZSW0jkFMBWY",
    "ai_api_key": "sk-proj-aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5",
    "jwt": JWT,
    "other_token": "npm_aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5",
    "password": "password: hunter2!x9",
}  # fmt: skip


def kinds(text: str) -> list[str]:
    return [span.kind for span in find_personal_data(normalise(text).plain) if span.sure]


def test_there_is_a_sample_of_every_kind() -> None:
    assert set(SAMPLES) == set(PERSONAL_DATA_KINDS)


@pytest.mark.parametrize("kind", SAMPLES)
def test_each_kind_is_found_and_masked(kind: str) -> None:
    text = f"so here it is: {SAMPLES[kind]} and that is all"
    assert kinds(text) == [kind]
    shown, _ = excerpt(text, propose(normalise(text).plain))
    assert f"[{kind}]" in shown
    assert shown.startswith("so here it is: ")
    assert shown.endswith(" and that is all")


@pytest.mark.parametrize(
    "text",
    [
        "topyli [~juha@dsl-hkigw3k9b.dial.inet.fi] has left #chat",
        "tvon [tvon@dsl093-119-225.blt1.dsl.example.net] has joined #chat",
        "anna [n=anna@mail.example.org] has joined #chat",
        "nick!user@mail.example.org set the topic",
        "git clone git@github.com:owner/repo",
        "scp me@host.example.org:/tmp/x .",
        "root@mail.example.org",
        "write to user@example.org or youremail@example.org",
        "info@example.org, noreply@example.org",  # a function, not a person
        "jo@localhost.localdomain, jo@server.local",
        "jo@example.notatld and jo@1.2.3",
        "@jo hello@ there @ 5pm",
    ],
)
def test_what_is_no_mailbox_of_a_person_is_no_email_address(text: str) -> None:
    assert "email" not in kinds(text)


@pytest.mark.parametrize(
    "text",
    [
        "jo@example.org",
        "mail me:jo@example.org!",
        "<jo@example.org>",
        "mailto:jo@example.org?subject=x",
        "email=jo@example.org",
        "jo(at)example(dot)org",
        "jo [at] example [dot] org",
        "jo at example dot org",
        "jo (at) example.org",
        "jürgen@müller.example.de",
        "jo@xn--mller-kva.de",
    ],
)
def test_an_email_address_is_found_in_many_spellings(text: str) -> None:
    assert kinds(text) == ["email"]


@pytest.mark.parametrize(
    ("text", "masked_text"),
    [
        ("我的手机13800138000，谢谢", "我的手机[phone]，谢谢"),
        ("電話090-1234-5678まで", "電話[phone]まで"),
        ("전화 010-2345-6789로 주세요", "전화 [phone]로 주세요"),
        ("请联系jo@example.com谢谢", "请联系[email]谢谢"),
        ("老夫子...分享下资料767514612@example.com", "老夫子...分享下资料[email]"),
        ("卡号4111111111111111号", "卡号[card]号"),
        ("從81.84.234.155來", "從[ip]來"),
        ("โทร+66812345678ครับ", "โทร[phone]ครับ"),
    ],
)
def test_scripts_without_spaces_bound_what_is_found(text: str, masked_text: str) -> None:
    assert excerpt(text, propose(normalise(text).plain))[0] == masked_text
    assert len(kinds(text)) == 1


def test_a_place_is_no_email_address() -> None:
    assert kinds("meet at example.org, look at the dot on the map") == []


@pytest.mark.parametrize(
    "text",
    [
        "4111111111111112",  # Luhn
        "1111111111111117",  # nobody gives out numbers that begin with 1
        "41111111111111",  # nor any Visa of 14 digits
        "0000000000000000",
        "a4111111111111111",
        "order id 9111111111111110",
        "photo.php?fbid=4111111111111111&set=a",  # in a link a number is more often something else
    ],
)
def test_what_is_no_card_is_left_alone(text: str) -> None:
    assert "card" not in kinds(text)


@pytest.mark.parametrize(
    "number",
    [
        "4222222222222",
        "5555555555554444",
        "2223003122003222",
        "378282246310005",
        "30569309025904",
        "6011111111111117",
        "3530111333300000",
        "6304000000000000",
        "6759649826438453",
        "2200000000000004",
        "6200000000000005",
    ],
)
def test_the_test_numbers_of_the_issuers_are_cards(number: str) -> None:
    assert card_is_valid(number)
    assert kinds(f"pay {number} now") == ["card"]


def test_a_card_written_digit_by_digit_is_found() -> None:
    assert kinds("4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1") == ["card"]
    assert kinds("4.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1") == ["card"]
    assert kinds("4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 2") == []


@pytest.mark.parametrize("gap", [" ", ".", "-", "_"])
def test_a_card_is_found_whole_where_its_first_groups_could_be_one(gap: str) -> None:
    number = gap.join(("4387", "6454", "9848", "6858"))
    assert luhn("438764549848")
    assert find_personal_data(f"card {number} of mine") == (Span(5, 5 + len(number), "card"),)


@pytest.mark.parametrize(
    "text",
    [
        "tel. 555-0100",
        "โทร 555-0143 ค่ะ",
        "tel. 02-222-2222",
        "phone 415-222-2222",
        "เวลา 09.00 - 12.00 น.",
        "open, call 08.30-16.45",
    ],
)
def test_numbers_that_are_nobodys_and_times_are_not_counted_as_telephones(text: str) -> None:
    assert [span for span in find_personal_data(text) if span.sure] == []


@pytest.mark.parametrize(
    "written", ["440 514 013 59", "44 05 14 01359", "4405 1401 359", "44.05.14.013.59", "440514-01359"]
)
def test_a_pesel_is_found_in_groups_of_any_size(written: str) -> None:
    assert find_personal_data(f"pesel {written}, warszawa") == (Span(6, 6 + len(written), "pl_pesel"),)


def test_a_number_that_is_called_a_card_needs_no_known_issuer() -> None:
    assert kinds("number 3598899323053410") == []
    assert kinds("my credit card number is 3598899323053410") == ["card"]


@given(st.integers(0, 10**14 - 1))
def test_what_is_a_card_passes_luhns_check(number: int) -> None:
    for check in range(10):
        written = f"4{number:014d}{check}"
        assert card_is_valid(written) == luhn(written)


@pytest.mark.parametrize(
    "text",
    [
        "+49 151 23456789",
        "+1-984-182-0190 mobile",
        "+46 (0)8 928 571 38",
        "0049 30 901820",
        "780-999-2181",
        "(780) 999-2181 ext. 12",
        "780.999.2181x4587",
        "0151 23456789",
        "tel. 0490 75 40 81",
        "call me at 699 956 915",
        "Phone: 467 3395",
        "llámame al 612 34 56 78",
        "call me 0 1 5 1 2 3 4 5 6 7 8 9",
        "мой телефон 8 912 345 67 89",
        "my number is 07700 900123",
        "28-64-66-98 office",
        "اتصل بي +٩٦٦ ٥٠ ١٢٣ ٤٥٦٧",
    ],
)
def test_a_telephone_number_is_found(text: str) -> None:
    assert kinds(text) == ["phone"]


@pytest.mark.parametrize(
    "text",
    [
        "699 956 915 people live there",
        "on 2026-11-20 at 12:30:45",
        "copa paulista 03 08 2019",
        "call on 20.11.2026 or 11/20/2026",
        "order 780-999",
        "ticket no. 0151 2345678",
        "+1 to that, +100",
        "1234567890",
        "555 5555555",
        "dsl-082-082-155-216.example-ip.net",
        "3.14159265358979",
        "0 1 2 3 4 5 6 7 8 9",
        "10,000,000 and 10 000 000",
        "ISBN 978-3-16-148410-0",
    ],
)
def test_what_is_no_telephone_number_is_left_alone(text: str) -> None:
    assert kinds(text) == []


def test_numbers_of_films_look_so_much_like_numbers_that_they_are_masked() -> None:
    assert kinds("(555) 123-4567") == []
    assert masked("(555) 123-4567", ["number"]) == "[phone]"


def test_beyond_a_limit_numbers_are_masked_unjudged() -> None:
    text = "call 0151 2345678, " * (MOST_JUDGED + 5)
    spans = find_personal_data(text)
    assert len(spans) == MOST_JUDGED + 5
    assert {span.sure for span in spans[-5:]} == {False}


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1 10.1.2.3 172.16.0.1 192.168.1.1 169.254.0.1",
        "203.0.113.7 198.51.100.1 192.0.2.1",  # documentation
        "0.0.0.0 255.255.255.255 224.0.0.251",
        "::1 fe80::1 2001:db8::1 fd00::1",
        "kernel 2.6.8.1 and version 81.84.234.155",
        "chrome/87.0.4280.88",
        "1.2.3.4",
        "00:1a:2b:3c:4d:5e",
        "12:30:45",
    ],
)
def test_an_address_that_is_nobodys_is_left_alone(text: str) -> None:
    assert find_personal_data(text) == ()


@pytest.mark.parametrize(
    "text",
    [
        "ban 81.84.234.155",
        "http://8.8.4.4/x",
        "81.84.234.155:8080",
        "81.84.234.0/24",
        "::ffff:81.84.234.155",
        "2a00:1450:4001:81b::200e",
    ],
)
def test_a_public_address_is_found(text: str) -> None:
    assert kinds(text) == ["ip"]


def test_public_is_what_the_world_can_reach() -> None:
    assert is_public("81.84.234.155")
    assert not is_public("100.64.0.1")
    assert not is_public("81.84.234.256")


@pytest.mark.parametrize(
    "text",
    [
        "password: ",
        "password: ${DB_PASSWORD}",
        "password = <your password>",
        "password = ********",
        "api_key = os.environ['KEY']",
        "the secret: nobody knows",
        "token: get_token()",
        "AKIA1234",
        "the password is wrong, the password is required",
        "key to success is 2 things",
        "sha1 da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "skip-this-very-long-slug-that-has-no-key-in-it-at-all",
        "secret key of success is da39a3ee5e6b4b0d3255bfef95601890afd80709",
    ],
)
def test_what_stands_for_a_secret_is_none(text: str) -> None:
    assert kinds(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "postgres://app:s3cr3tpw@db.example.org/x",
        'api_key="9f8a7b6c5d4e3f2a"',
        "API-KEY: 9f8a7b6c5d4e3f2a",
        "DB_PASSWORD=Tr0ub4dor&3",
        "Kennwort: Sommer2026!",
        "my password is hunter22.",
        "mot de passe est s0leil99",
    ],
)
def test_a_password_is_found_by_what_stands_before_it(text: str) -> None:
    assert kinds(text) == ["password"]


def test_an_account_with_its_password_is_found_as_it_is_listed() -> None:
    assert kinds("jo@example.org:hunter22") == ["email", "password"]
    assert masked("jo@example.org:letmein", ["email"]) == "[email]:[password]"
    assert kinds("scp jo@example.org:/tmp/x1234567 .") == []


def test_the_secret_near_an_aws_key_id_is_found() -> None:
    assert kinds("AKIAIOSFODNN7EXAMPLE,wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY") == ["aws_key", "aws_secret"]
    assert kinds("AKIAIOSFODNN7EXAMPLE at da39a3ee5e6b4b0d3255bfef95601890afd80709") == ["aws_key"]


def test_a_word_after_password_is_masked_and_does_not_count() -> None:
    assert kinds("password: correcthorse") == []
    assert masked("password: correcthorse", ["secret"]) == "password: [password]"


def test_a_private_key_that_is_cut_is_masked_to_the_end() -> None:
    cut = PRIVATE_KEY[:60] * 1 + "A1b2" * 2000
    assert excerpt(f"key {cut}", ["secret"])[0] == "key [private_key]"


def wide(text: str) -> str:
    """The text in full-width characters."""
    return "".join(chr(ord(character) + 0xFEE0) if "!" <= character <= "~" else character for character in text)


def dotted(text: str) -> str:
    """The text with invisible characters inside."""
    return "\u200b".join(text)


disguises = st.sampled_from([str, wide, dotted, lambda text: text.replace(" ", "  "), lambda text: dotted(wide(text))])
fillers = st.text(st.sampled_from("aé字 .,:\n-/5+(🙂\u0301"), max_size=40)


@given(st.lists(st.tuples(fillers, st.sampled_from(sorted(SAMPLES)), disguises), min_size=1, max_size=12), fillers)
def test_no_personal_data_is_left_in_an_excerpt(parts: list[tuple[str, str, object]], last: str) -> None:
    text = " ".join(f"{filler} {disguise(SAMPLES[kind])}" for filler, kind, disguise in parts) + f" {last}"  # type: ignore[operator]
    shown, _ = excerpt(text, propose(normalise(text).plain))
    assert len(shown) <= MAX_EXCERPT
    assert find_personal_data(normalise(shown).plain) == ()


@given(st.sampled_from(sorted(SAMPLES)), st.integers(200, MAX_EXCERPT + 5), disguises)
def test_what_the_cut_goes_through_is_masked(kind: str, before: int, disguise: object) -> None:
    value = SAMPLES[kind]
    text = "x" * before + " " + disguise(value) + " y" * 200  # type: ignore[operator]
    shown, truncated = excerpt(text, propose(normalise(text).plain))
    assert truncated
    # The mask may be cut as well.
    rest = normalise(shown[before:]).plain.lstrip("x ").replace(f"[{kind}", "")
    rest = rest if not f"[{kind}".startswith(rest) else ""
    plain = normalise(value).plain
    # No four signs of the value in a row: what names it, such as "pesel", may stay.
    secret = (
        plain.rpartition(" ")[2] if kind in {"uk_nhs", "de_id_card", "pl_pesel", "aws_secret", "password"} else plain
    )
    assert not any(secret[at : at + 5] in rest for at in range(len(secret) - 4))


@given(st.text(alphabet="0123456789 -.+@abDE:()/x\u200b字", max_size=80))
def test_masking_again_changes_nothing(text: str) -> None:
    once, _ = excerpt(text, tuple(CANDIDATES))
    assert excerpt(once, propose(normalise(once).plain))[0] == once


def test_a_policy_scores_a_kind_or_a_family_and_the_kind_goes_first() -> None:
    rule = PersonalDataRule("private", {"national_id": 0.6, "us_ssn": 0.9, "secret": 0.7})
    moderator = Moderator(Policy("example", {"private": Label(flag=0.5)}, personal_data=rule))
    found = {
        signal.rule: signal.score
        for kind in SAMPLES
        for signal in moderator.judge(SAMPLES[kind], surface="comment").signals
    }
    assert found == {
        kind: 0.9 if kind == "us_ssn" else {"national_id": 0.6, "secret": 0.7}[family]
        for kind, family in FAMILIES.items()
    }


def test_the_library_of_numbering_plans_is_not_imported_before_it_is_needed() -> None:
    code = (
        "import sys; from consumers.moderation.moderator import Moderator\n"
        "from consumers.moderation.policy import Policy\n"
        "from consumers.policies import read_policy\n"
        "moderator = Moderator(Policy.load(read_policy('default')))\n"
        "moderator.judge('hello, at 12:30 on 2026-11-20: 4111 1111 1111 1111', surface='comment')\n"
        "assert 'phonenumbers' not in sys.modules\n"
        "moderator.judge('call +49 151 23456789', surface='comment')\n"
        "assert 'phonenumbers' in sys.modules\n"
    )
    assert run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    "piece",
    [
        "call 0151 2345678 ", "+49 151 2345678 ", "460-89-9847 ", "pesel 44051401359 ", "password: x1y2z3w4 ",
        "-----begin private key-----", "eyj" + "a" * 9 + ".", "jo at example dot ", "a@b.com ", "secret key ",
        "12.345.678-", "ssn nhs steuer ausweis pesel cpf cnpj 86095742719 ", "sk-" + "a" * 30, "ab 12 34 56 ", "ab12",
        "://a:b@", "0" * 7 + " ", "visa 4111 ", "２", "字12.", "٥٠ ",
    ],
    ids=lambda piece: piece[:8],
)  # fmt: skip
def test_the_work_for_a_hostile_text_grows_as_the_text_does(piece: str) -> None:
    moderator = Moderator(Policy("example", {"spam": Label(flag=0.5)}))
    assert_linear(lambda text: moderator.judge(text, surface="comment"), piece)


@given(st.text(st.sampled_from("aB  \t\x00\u200bＡ字\u0301ﬁ9"), max_size=40), st.integers(1, 30))
def test_what_is_seen_is_aligned_with_the_original(text: str, length: int) -> None:
    seen = align(text, length)
    assert len(seen.origins) == len(seen.plain) + 1
    assert list(seen.origins) == sorted(seen.origins)
    assert seen.origins[-1] <= len(text)
    for at, sign in enumerate(seen.plain):
        # What the origin looks like alone holds the sign that was seen there.
        assert sign in normalise(text[seen.origins[at]]).plain
    assert "  " not in seen.plain
    if len(text) < length // 3:
        assert "".join(seen.plain.split()) == "".join("".join(normalise(sign).plain for sign in text).split())
