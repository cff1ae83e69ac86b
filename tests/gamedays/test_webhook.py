"""Game days of the webhook: what keeps a verdict from a subscriber has an alarm that names it."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from click.testing import CliRunner

from infra.commands.webhook import webhook
from tests.gamedays.conftest import seen
from tests.gamedays.day import ACTED_ON, CLEAN, Day

PARAMETERS = {"Webhook": "on", "WebhookAddresses": "any"}


class Receiver(ThreadingHTTPServer):
    """A subscriber that answers with a status."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.status = 200
        self.thread = Thread(target=self.serve_forever, daemon=True)
        self.thread.start()


class _Answer(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Receiver)
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nothing."""


@pytest.fixture
def receiver(day: Day) -> Iterator[Receiver]:
    with Receiver() as server:
        url = f"http://127.0.0.1:{server.server_port}/hook"
        said = CliRunner().invoke(webhook, ["add", "shop", "--url", url, "--json"], catch_exceptions=False)
        assert said.exit_code == 0, said.output
        yield server
        CliRunner().invoke(webhook, ["remove", "shop"])
        server.shutdown()
        server.thread.join()


def mapping(day: Day) -> str:
    """The id of the webhook's mapping."""
    name = f"{day.twin.stack.name}-webhook"
    [one] = day.twin.client("lambda").list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
    return str(one["UUID"])


def test_the_webhooks_rule_is_disabled(day: Day, receiver: Receiver, request: pytest.FixtureRequest) -> None:
    day.calm()
    with day.without_rule("webhook"):
        seen(request, day.trips("WebhookStoppedAlarm"))


def test_the_webhooks_mapping_is_disabled(day: Day, receiver: Receiver, request: pytest.FixtureRequest) -> None:
    day.calm()
    client, uuid = day.twin.client("lambda"), mapping(day)
    client.update_event_source_mapping(UUID=uuid, Enabled=False)
    try:
        minutes = day.trips("WebhookUnreadAlarm")
        day.jump(hours=1)
        day.twin.cloudwatch.watch.begin_anew()
        day.trips("WebhookAgeAlarm", "WebhookUnreadAlarm")
    finally:
        client.update_event_source_mapping(UUID=uuid, Enabled=True)
    seen(request, minutes)


def test_a_subscriber_is_gone(day: Day, receiver: Receiver, request: pytest.FixtureRequest) -> None:
    day.calm()
    receiver.status = 410
    seen(request, day.trips("WebhookDeadLetterAlarm"))


def test_a_subscriber_is_down_for_an_hour(day: Day, receiver: Receiver, request: pytest.FixtureRequest) -> None:
    day.calm()
    receiver.status = 503
    day.produces = lambda minute: day.put([day.event(CLEAN)] * 3)
    day.put([day.event(ACTED_ON)])
    day.calm(57)
    seen(request, day.trips("WebhookFailingAlarm"))


def test_what_is_written_of_a_subscriber_cannot_be_used(
    day: Day, receiver: Receiver, request: pytest.FixtureRequest
) -> None:
    day.calm()
    ssm = day.twin.client("ssm")
    [one] = [one for one in ssm.describe_parameters()["Parameters"] if one["Name"].endswith("/shop")]
    ssm.put_parameter(Name=one["Name"], Value=json.dumps({"url": "nowhere"}), Type="SecureString", Overwrite=True)
    seen(request, day.trips("WebhookSubscriberAlarm"))


def test_the_webhook_fails(day: Day, receiver: Receiver, request: pytest.FixtureRequest) -> None:
    day.calm()
    day.fault(kind="function_error", function=f"{day.twin.stack.name}-webhook")
    seen(request, day.trips("WebhookErrorAlarm"))


def test_the_webhook_has_no_concurrency_left(day: Day, receiver: Receiver, request: pytest.FixtureRequest) -> None:
    day.calm()
    day.fault(kind="function_throttle", function=f"{day.twin.stack.name}-webhook")
    seen(request, day.trips("WebhookThrottleAlarm"))


def test_receipts_do_not_land(day: Day, receiver: Receiver, request: pytest.FixtureRequest) -> None:
    day.calm()

    def another_writer(minute: int) -> None:
        day.usual(minute)
        row = b'{"created_at":"2026-03-02 08:00:00.000","receives":"many","event_id":"x"}'
        day.defer([row], stream="receipts")

    day.produces = another_writer
    day.trips("ReceiptsConversionAlarm")
    day.produces = day.usual
    day.fault(kind="denied", call="s3.PutObject", where="receipts/")
    seen(request, day.trips("ReceiptsDeliveryAlarm", also=("ReceiptsConversionAlarm",)))


def test_receipts_are_throttled(day: Day, receiver: Receiver, request: pytest.FixtureRequest) -> None:
    day.calm()
    day.puts.names.add(f"{day.twin.stack.name}-receipts")
    seen(request, day.trips("ReceiptsThrottleAlarm"))
