"""Verdicts on their way to a receiver, on the laptop runtime: what docs/webhooks.md shows is what runs here."""

import json
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest
from click.testing import CliRunner

from athena.aws.engine import AthenaEngine
from glue.system_clock import SystemClock
from infra.commands.webhook import webhook
from infra.demo import Lake
from infra.local.twin import Twin
from producers.aws.kinesis import KinesisStream
from producers.delivery.sending import deliver
from producers.ports import OutRecord
from producers.synthetic.content import synthetic
from tests.fakes.until import until

PAGE = Path(__file__).parents[2] / "docs" / "webhooks.md"


class Quiet(WSGIRequestHandler):
    def log_message(self, *given: Any) -> None:  # type: ignore[override]
        """Nothing."""


class Receiver:
    """The receiver of the page, which answers with another status while it is told to."""

    def __init__(self) -> None:
        [source] = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
        self.names: dict[str, Any] = {"__name__": "page"}
        exec(compile(source, str(PAGE), "exec"), self.names)
        self.status = ""
        self.refused = 0
        self.server: WSGIServer = make_server("127.0.0.1", 0, self._answer, handler_class=Quiet)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def _answer(self, environ: dict[str, Any], start_response: Any) -> Any:
        if self.status:
            self.refused += 1
            environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
            start_response(self.status, [])
            return [b""]
        return self.names["receiver"](environ, start_response)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/hook"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def twin(monkeypatch: pytest.MonkeyPatch) -> Iterator[Twin]:
    parameters = {"Webhook": "on", "WebhookAddresses": "any", "FlagNotices": "on"}
    with Twin(parameters=parameters, rights="enforced") as running:
        monkeypatch.setenv("AWS_ENDPOINT_URL", running.endpoint_url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        monkeypatch.setenv("AWS_DEFAULT_REGION", running.region)
        yield running


def ask(*arguments: str) -> dict[str, Any]:
    result = CliRunner().invoke(webhook, [*arguments, "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_each_verdict_reaches_its_receiver_also_after_a_redrive_and_what_was_done_lands(twin: Twin) -> None:
    receiver = Receiver()
    try:
        made = ask("add", "shop", "--url", receiver.url)
        receiver.names["KEYS"] = {made["key_id"]: made["secret"]}
        assert made["secret"] not in json.dumps(ask("list"))
        # Gone at first: every delivery is a dead letter.
        receiver.status = "410 Gone"
        records = [
            OutRecord(str(one.event_id), one.partition_key, one.payload)
            for one in synthetic(120, seed=3, now=time.time())
            if one.event_id is not None
        ]
        report = deliver(records, KinesisStream(twin.outputs["ContentStreamName"]), clock=SystemClock())
        assert report.failed == []
        assert twin.drain(600)["drained"]
        lake = Lake(AthenaEngine(twin.client("athena")), twin.outputs["DatabaseName"], twin.outputs["WorkGroupName"])
        acted_on = "SELECT event_id FROM current_verdicts WHERE dt >= ? AND action <> 'allow'"
        wanted = {row[0] for row in lake.run(acted_on, ["'2020-01-01'"]).rows}
        assert wanted

        def letters() -> int:
            return sum(one["letters"] for one in ask("letters")["letters"])

        until(lambda: letters() == len(wanted), "every delivery is a dead letter")
        # It is back, with a new key beside the old one.
        rotated = ask("rotate", "shop", "--key-id", "newer")
        receiver.names["KEYS"] = {rotated["key_id"]: rotated["secret"], made["key_id"]: made["secret"]}
        receiver.status = ""
        assert ask("redrive") == {"redriven": len(wanted)}
        until(lambda: len(receiver.names["seen"]) == len(wanted), "every verdict has reached the receiver")
        assert letters() == 0
        assert twin.drain(600)["drained"]
        outcome = (
            "SELECT state, done, count(*), count(DISTINCT event_id) FROM current_receipts WHERE dt >= ? GROUP BY 1, 2"
        )
        assert lake.run(outcome, ["'2020-01-01'"]).rows == [("delivered", "removed", len(wanted), len(wanted))]
        ask("remove", "shop")
        assert ask("list") == {"subscribers": []}
    finally:
        receiver.close()
