"""Traces as the X-Ray daemon gets them: an id of the policy, a place in the stream, and nothing of the content."""

import json
import re
import socket
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.aws.application import Application, Parts
from consumers.aws.tracing import send_subsegment
from consumers.batch import check_answer
from consumers.moderation.moderator import Moderator
from consumers.moderation.policy import Policy
from consumers.pipeline import Consumer
from consumers.policies import read_policy
from consumers.resend import Retry
from consumers.rows import RowMaker
from glue.codec import Lateness
from tests.fakes.kinesis_events import NOW, kinesis_event, payload
from tests.fakes.policies import FixedPolicy
from tests.fakes.stream import VirtualClock
from tests.fakes.world import FakeWorld, effects_on

TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1;Lineage=a87bd80c:1"
MODERATOR = Moderator(Policy.load(read_policy("default")))


class Daemon:
    """Takes datagrams as Lambda's X-Ray daemon does."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.setblocking(False)

    def environment(self, trace: str = TRACE) -> dict[str, str]:
        return {"AWS_XRAY_DAEMON_ADDRESS": f"127.0.0.1:{self._socket.getsockname()[1]}", "_X_AMZN_TRACE_ID": trace}

    def taken(self) -> list[bytes]:
        found = []
        while True:
            try:
                found.append(self._socket.recv(65_536))
            except BlockingIOError:
                return found

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    made = Daemon()
    yield made
    made.close()


def application(environment: Mapping[str, str]) -> Application:
    world, clock = FakeWorld(), VirtualClock(NOW.timestamp() + 5)
    effects = effects_on(world, clock, retry=Retry(attempts=2), seconds=60)
    rows = RowMaker(MODERATOR, Lateness(), code_version="1")
    parts = Parts(
        rows=rows,
        effects=effects,
        clock=clock,
        environment=environment,
        function="moderate",
        policies=FixedPolicy(MODERATOR),
        to_log=False,
    )
    return Application(parts, Consumer(rows, effects, clock=clock).process, check=check_answer)


def documents(daemon: Daemon) -> list[dict[str, Any]]:
    found = []
    for datagram in daemon.taken():
        header, _, document = datagram.partition(b"\n")
        assert json.loads(header) == {"format": "json", "version": 1}
        found.append(json.loads(document))
    return found


def test_a_batch_is_one_subsegment_of_the_invocations_trace(daemon: Daemon) -> None:
    application(daemon.environment()).handle(kinesis_event([payload(0, "hello"), payload(1, "you")]), None)
    [document] = documents(daemon)
    assert re.fullmatch(r"[0-9a-f]{16}", document.pop("id"))
    assert document == {
        "type": "subsegment",
        "name": "moderate",
        "trace_id": "1-5759e988-bd862e3fe1be46a994272793",
        "parent_id": "53995c3f42cd8ad8",
        "start_time": NOW.timestamp() + 5,
        "end_time": NOW.timestamp() + 5,
        "annotations": {
            "policy": f"{MODERATOR.policy_id}@{MODERATOR.policy_version}",
            "records": 2,
            "first": "1000",
            "last": "1001",
        },
    }


@given(texts=st.lists(st.text(min_size=4, max_size=200), min_size=1, max_size=5))
def test_nothing_of_the_content_is_in_a_trace(texts: list[str]) -> None:
    daemon = Daemon()
    try:
        records = [payload(number, f"xyzzy-canary {text}") for number, text in enumerate(texts)] + [b"xyzzy-canary {"]
        application(daemon.environment()).handle(kinesis_event(records), None)
        [document] = documents(daemon)
    finally:
        daemon.close()
    assert set(document) == {
        *("type", "name", "id", "trace_id", "parent_id", "start_time", "end_time", "annotations"),
    }
    assert set(document["annotations"]) == {"policy", "records", "first", "last"}
    assert document["annotations"]["records"] == len(records)
    for place in ("first", "last"):
        assert re.fullmatch(r"\d+", document["annotations"][place])
    assert "xyzzy" not in json.dumps(document)


@pytest.mark.parametrize(
    "trace",
    [
        "",
        TRACE.replace("Sampled=1", "Sampled=0"),
        "Root=1-5759e988-bd862e3fe1be46a994272793",
        "Root=x;Parent=y;Sampled=1",
    ],
)
def test_what_is_not_sampled_is_not_sent(daemon: Daemon, trace: str) -> None:
    answer = application(daemon.environment(trace)).handle(kinesis_event([payload(0, "hello")]), None)
    assert (answer, documents(daemon)) == ({"batchItemFailures": []}, [])


@pytest.mark.parametrize("address", ["", "127.0.0.1", "127.0.0.1:x", ":2000", "127.0.0.1:99999999"])
def test_a_daemon_that_is_not_there_is_no_failure(address: str) -> None:
    given = {"AWS_XRAY_DAEMON_ADDRESS": address, "_X_AMZN_TRACE_ID": TRACE}
    assert not send_subsegment(given, name="n", started=1.0, ended=2.0, annotations={})


def test_two_batches_have_two_ids(daemon: Daemon) -> None:
    for number in range(2):
        send_subsegment(daemon.environment(), name="n", started=1.0, ended=2.0, annotations={"records": number})
    first, second = documents(daemon)
    assert first["id"] != second["id"]
