"""The webhook's function: what it reads, what it answers, and what it writes of itself."""

from typing import Any

import msgspec
import pytest

from consumers.aws.settings import SettingsError
from consumers.aws.webhook_handler import (
    WebhookSettings,
    read_messages,
    webhook_metric_line,
    webhook_metric_names,
)
from consumers.aws.webhook_ports import ParameterDirectory, SqsQueue
from consumers.batch import MalformedEventError
from consumers.ports import TransientError
from consumers.webhooks.delivering import Delivered
from consumers.webhooks.subscribers import Refusal, Subscriber
from tests.fakes.webhook_desk import OLD

WHOLE = {
    "RECEIPTS_DELIVERY_STREAM": "receipts",
    "WEBHOOK_QUEUE_URL": "https://queue",
    "WEBHOOK_DEAD_LETTER_QUEUE_URL": "https://letters",
    "WEBHOOK_SUBSCRIBERS": "/streamkeeper/webhooks/",
}
DOCUMENT = f'{{"url": "https://shop.example/hook", "keys": [{{"id": "a", "secret": "{OLD.secret}"}}]}}'


def test_settings_are_read_and_what_is_wrong_is_named() -> None:
    assert WebhookSettings.read(WHOLE).subscribers == "/streamkeeper/webhooks"
    for name in WHOLE:
        with pytest.raises(SettingsError, match=name):
            WebhookSettings.read({key: value for key, value in WHOLE.items() if key != name})
    for name, value in {"WEBHOOK_ADDRESSES": "all", "WEBHOOK_TIMEOUT_SECONDS": "60"}.items():
        with pytest.raises(SettingsError, match=f"{name}: received '{value}'"):
            WebhookSettings.read({**WHOLE, name: value})


def test_messages_are_read_as_lambda_hands_them_over() -> None:
    record = {
        "messageId": "m",
        "receiptHandle": "h",
        "body": "{}",
        "attributes": {"ApproximateReceiveCount": "3", "SentTimestamp": "1772323200500"},
    }
    [found] = read_messages({"Records": [record]})
    assert (found.message_id, found.sent_at, found.receives) == ("m", 1_772_323_200.5, 3)


@pytest.mark.parametrize("event", [None, {}, {"Records": [{}]}, {"Records": 1}, [], "x"])
def test_what_is_no_event_of_a_queue_fails(event: Any) -> None:
    with pytest.raises(MalformedEventError, match="SQS"):
        read_messages(event)


def test_every_metric_is_in_the_line() -> None:
    document = msgspec.json.decode(
        webhook_metric_line(Delivered(["m"], delivered=2, oldest=7.26), function="f", at=1.0)
    )
    assert [metric["Name"] for metric in document["_aws"]["CloudWatchMetrics"][0]["Metrics"]] == webhook_metric_names()
    assert set(webhook_metric_names()) <= set(document)
    assert (document["WebhookDelivered"], document["WebhookOldest"]) == (2, 7.3)


class Store:
    """The Parameter Store, two pages long."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []
        self.fails = False

    def get_parameters_by_path(self, **given: Any) -> dict[str, Any]:
        self.calls.append(given)
        if self.fails:
            raise TransientError("ThrottlingException")
        if "NextToken" in given:
            return {"Parameters": [{"Name": "/s/webhooks/broken", "Value": "{"}]}
        return {"Parameters": [{"Name": "/s/webhooks/shop", "Value": DOCUMENT}], "NextToken": "t"}


def test_subscribers_are_read_once_a_minute_and_remembered_through_an_outage() -> None:
    store = Store()
    directory = ParameterDirectory(store, "/s/webhooks")
    found = directory.read(0.0)
    assert isinstance(found["shop"], Subscriber)
    assert isinstance(found["broken"], Refusal)
    directory.read(59.0)
    assert len(store.calls) == 2
    store.fails = True
    assert directory.read(61.0) == found
    assert len(store.calls) == 3
    with pytest.raises(TransientError):
        ParameterDirectory(store, "/s/webhooks").read(0.0)


class Queues:
    """SQS, which takes the first message of each call and no other."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []

    def send_message_batch(self, **given: Any) -> dict[str, Any]:
        self.sent += given["Entries"]
        first, *others = given["Entries"]
        return {
            "Successful": [{"Id": first["Id"]}],
            "Failed": [{"Id": one["Id"], "Code": "InternalError", "SenderFault": False} for one in others],
        }

    def change_message_visibility(self, **given: Any) -> None:
        raise TransientError("ServiceUnavailable")


def test_a_message_counts_as_sent_only_by_its_own_entry_and_names_its_subscriber_as_group() -> None:
    client = Queues()
    queue = SqsQueue(client, url="https://queue", dead_letter_url="https://letters")
    assert queue.send([("shop", "a"), ("forum", "b")]) == [None, "InternalError"]
    assert [entry["MessageGroupId"] for entry in client.sent] == ["shop", "forum"]
    queue.hide("h", 10)
