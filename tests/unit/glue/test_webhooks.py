"""Signatures of the webhook: what is believed, and what is not."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.webhooks.messages import Delivery
from consumers.webhooks.subscribers import Refusal, Subscriber, read_subscriber
from glue.webhooks import SignatureError, VerdictMessage, secret_bytes, signed_headers, verify
from tests.fakes.webhook_desk import NEW, OLD, notice

NOW = 1_772_323_200
DELIVERY = Delivery("delivery", "shop", notice(1))
BODY = DELIVERY.message()
OLD_KEY, NEW_KEY = {OLD.id: OLD.secret}, {NEW.id: NEW.secret}


def headers(**keys: str) -> dict[str, str]:
    return signed_headers(DELIVERY.id, NOW, BODY, keys or OLD_KEY)


def test_a_signed_message_is_believed_in_whatever_case_its_headers_come() -> None:
    shouted = {name.upper(): value for name, value in headers().items()}
    assert verify(shouted, BODY, OLD_KEY, NOW).data == notice(1)


@pytest.mark.parametrize("known", [OLD_KEY, NEW_KEY, {**OLD_KEY, **NEW_KEY}], ids=["old", "new", "both"])
def test_a_message_signed_with_two_keys_is_believed_by_who_knows_one(known: dict[str, str]) -> None:
    assert verify(headers(**OLD_KEY, **NEW_KEY), BODY, known, NOW).id == DELIVERY.id


def changed(name: str, value: str) -> Callable[[dict[str, str]], None]:
    def change(given: dict[str, str]) -> None:
        given[name] = value

    return change


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (changed("webhook-id", "another"), "does not match"),
        (changed("webhook-timestamp", str(NOW + 1)), "does not match"),
        (changed("webhook-timestamp", str(NOW - 301)), "301 seconds off"),
        (changed("webhook-timestamp", "²"), "whole number"),
        (changed("webhook-timestamp", "9" * 5000), "whole number"),
        (changed("webhook-timestamp", ""), "missing"),
        (changed("webhook-key-id", "2027-01"), "signed with 2027-01; known: 2026-01"),
        (changed("webhook-key-id", " "), "signed with no key"),
        (changed("webhook-signature", "v1,AAAA"), "does not match"),
        (changed("webhook-signature", "v1,é"), "does not match"),
    ],
)
def test_what_is_altered_is_not_believed(change: Callable[[dict[str, str]], None], word: str) -> None:
    given = headers()
    change(given)
    with pytest.raises(SignatureError, match=word):
        verify(given, BODY, OLD_KEY, NOW)


@given(st.integers(0, len(BODY) - 1), st.integers(1, 255))
def test_no_byte_of_the_body_can_be_changed(at: int, by: int) -> None:
    altered = bytearray(BODY)
    altered[at] ^= by
    with pytest.raises(SignatureError):
        verify(headers(), bytes(altered), OLD_KEY, NOW)


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=40)), st.binary(max_size=200))
def test_garbage_ends_in_a_signature_error(given_headers: dict[str, str], body: bytes) -> None:
    with pytest.raises(SignatureError):
        verify(given_headers, body, OLD_KEY, NOW)
    with pytest.raises(SignatureError):
        verify({**headers(), **given_headers}, body, OLD_KEY, NOW)


def test_a_signed_body_that_is_no_message_is_refused() -> None:
    with pytest.raises(SignatureError, match="no message of this contract"):
        verify(signed_headers("x", NOW, b"[]", OLD_KEY), b"[]", OLD_KEY, NOW)


def test_a_receiver_from_today_reads_a_message_of_a_later_version() -> None:
    later = {**msgspec.json.decode(BODY), "schema_version": 2, "more": {"a": 1}}
    later["data"]["appeal_until"] = "2026-04-01"
    body = msgspec.json.encode(later)
    assert verify(signed_headers(DELIVERY.id, NOW, body, OLD_KEY), body, OLD_KEY, NOW).data == notice(1)


def test_the_body_is_one_of_the_published_schema() -> None:
    schema = msgspec.json.decode(Path("glue/generated/webhook_message.schema.json").read_bytes())
    document = msgspec.json.decode(BODY)
    assert set(schema["required"]) <= set(document) <= set(schema["properties"])
    assert set(document["data"]) == set(schema["$defs"]["Notice"]["properties"])
    assert msgspec.convert(document, VerdictMessage).timestamp == "2026-03-01T00:00:01.000000Z"


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_AAAA", "A" * 32, "whsec_" + "A" * 200, "whsec_" + "é" * 32])
def test_a_secret_of_another_form_is_refused_and_not_repeated(secret: str) -> None:
    with pytest.raises(ValueError, match="24 to 64 bytes") as error:
        secret_bytes(secret)
    assert len(secret) < 7 or secret not in str(error.value)


def test_a_subscriber_is_read_and_its_secrets_are_shown_nowhere() -> None:
    key = f'{{"id": "a", "secret": "{OLD.secret}"}}'
    found = read_subscriber(f'{{"url": "https://shop.example/hook", "actions": ["block"], "keys": [{key}]}}')
    assert isinstance(found, Subscriber)
    assert found.keys[0].secret == OLD.secret
    assert OLD.secret not in repr(found) + str(found)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no JSON document"),
        ("{", "no JSON document"),
        ("[]", "Expected `object`"),
        ('{"url": "https://a.example", "keys": [{"id": "a", "secret": "hunter2hunter2"}]}', "24 to 64 bytes"),
        ('{"url": "ftp://a.example/x", "keys": [{"id": "a", "secret": "%s"}]}', "https://"),
        ('{"url": "https://a.example", "keys": [{"id": "a", "secret": "%s"}, {"id": "a", "secret": "%s"}]}', "one id"),
        ('{"url": "https://a.example", "keys": [{"id": "a", "secret": "%s"}], "action": 1}', "unknown field"),
        ('{"url": "https://a.example", "keys": [{"id": "a", "secret": "%s"}], "actions": ["ban"]}', "Invalid enum"),
    ],
)
def test_what_is_no_subscriber_is_refused_with_the_place_and_without_the_secret(text: str, reason: str) -> None:
    found = read_subscriber(text.replace("%s", OLD.secret))
    assert isinstance(found, Refusal)
    assert reason in found.reason
    assert OLD.secret not in found.reason
    assert "hunter2" not in found.reason
