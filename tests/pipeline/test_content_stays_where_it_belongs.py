"""A text that is nowhere else is sent in by every door; then everything that the runtime keeps is searched for it.

What may hold it is listed with the reason. Whatever else holds it fails, and so does a place that holds none of it.
"""

import gzip
import json
import logging
import sqlite3
import time
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import closing
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from consumers.scoring.keys import hashed
from infra.cli import streamkeeper
from infra.local.durable.folder import DataFolder
from infra.local.twin import Twin
from producers.synthetic.content import Shares, synthetic
from streamkeeper import Client
from tests.fakes.handlers import handler_of
from tests.fakes.until import until

pytestmark = pytest.mark.heavy

BEGIN = "begin7of7canary"
"""In what a row's excerpt shows of a text."""
END = "ending7of7canary"
"""Behind it, where only whole texts reach."""
BROKEN = "broken7of7canary"
"""In records that are no events."""
DEAD = "failing7of7canary"
"""In a record of which the consumer failed."""
SCORED = "scored7of7canary"
"""In texts that are only scored, and in what is refused."""
ADDRESS = "address7of7canary"
"""In paths, queries and headers."""
SCORE_KEY = "asking7key-of-who-asks-for-scores"
CANARIES = (BEGIN, END, BROKEN, DEAD, SCORED, ADDRESS, SCORE_KEY)

TEXT = f"You are a complete idiot, {BEGIN}. {'It goes on and on, as such texts do. ' * 12}{END}"

Place = tuple[str, frozenset[str]]
"""A place, and which of them were found there."""

WHOLE = frozenset({BEGIN, END})
ALLOWED: Mapping[str, tuple[frozenset[str], str]] = {
    "records in runtime.sqlite": (WHOLE | {BROKEN, DEAD}, "the stream's own log: what was put on it"),
    "s3/*/archive/*/streamkeeper-deferred-*": (WHOLE | {BROKEN}, "the archive: what came in, whole"),
    "s3/*/archive/*/records-*": (WHOLE | {BROKEN, DEAD}, "the archive: what came in, whole, to be played again"),
    "s3/*/verdicts/*": (frozenset({BEGIN}), "a row's excerpt: 280 characters with personal data masked"),
    "s3/*/quarantine/*": (frozenset({BROKEN}), "the payload of what is no event, so that it can be redriven"),
    "s3/*deadletter*": (frozenset({DEAD}), "the batch that Lambda gave up on, so that it can be redriven"),
}
"""What may hold content: of each place, what it must hold and no more, and why."""


def forms(canary: str) -> tuple[bytes, ...]:
    """A text as it stands, and in base64 at each of the three places in which it may begin."""
    raw = canary.encode()
    return raw, *(b64encode(b"x" * shift + raw)[4 if shift else 0 : -4] for shift in range(3))


def found_in(data: bytes) -> frozenset[str]:
    return frozenset(canary for canary in CANARIES if any(form in data for form in forms(canary)))


def opened(path: Path) -> Iterator[bytes]:
    """A file as it lies there, and what is packed in it."""
    data = path.read_bytes()
    yield data
    if data[:2] == b"\x1f\x8b":
        yield gzip.decompress(data)
    if data[:4] == b"PAR1":
        yield str(pq.read_table(path).to_pylist()).encode()


def in_files(folder: Path) -> Iterator[Place]:
    """What was found in a folder of the runtime's, by file, and in its database by table."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "sqlite" not in path.name:
            found = [found_in(data) for data in opened(path)]
            yield str(path.relative_to(folder)), frozenset().union(*found)
    with closing(sqlite3.connect(folder / "runtime.sqlite")) as database:
        for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            rows = database.execute(f"SELECT * FROM {table}").fetchall()
            yield f"{table} in runtime.sqlite", found_in(repr(rows).encode())


def in_services(twin: Twin) -> Iterator[Place]:
    """What was found in what services answer, and in what waits in queues."""
    logs, sqs, dynamodb = (twin.client(name) for name in ("logs", "sqs", "dynamodb"))
    for group in logs.describe_log_groups()["logGroups"]:
        lines = twin.logs.read(group["logGroupName"])
        yield f"log {group['logGroupName']}", found_in("\n".join(line.message for line in lines).encode())
    for url in sqs.list_queues()["QueueUrls"]:
        # Also what somebody has received and not deleted yet, which the service shows to nobody.
        queue = twin.moto.backend("sqs").queues[url.rpartition("/")[2]]
        assert queue._messages or "Dead" in queue.name, f"{queue.name} is empty: there is nothing to search"
        yield f"queue {queue.name}", found_in(repr([vars(one) for one in queue._messages]).encode())
    for name in dynamodb.list_tables()["TableNames"]:
        items = dynamodb.scan(TableName=name)["Items"]
        assert items
        yield f"table {name}", found_in(repr(items).encode())
    yield "metrics", found_in(repr(twin.client("cloudwatch").list_metrics()["Metrics"]).encode())
    yield "what the runtime says of itself", found_in(json.dumps(twin.state()).encode())


def ask(url: str, body: bytes, headers: Mapping[str, str] | None = None) -> int:
    request = urllib.request.Request(url, data=body, headers={"Content-Type": "application/json", **(headers or {})})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def by_every_door(twin: Twin) -> None:
    environment = {
        "AWS_ENDPOINT_URL": twin.endpoint_url,
        "AWS_DEFAULT_REGION": twin.region,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
    nobody = ("webhook", "add", "shop", "--url", "http://127.0.0.1:9/nobody")
    assert CliRunner().invoke(streamkeeper, nobody, env=environment).exit_code == 0
    gateway = twin.client("apigateway")
    key = gateway.create_api_key(name="canary", enabled=True)
    gateway.create_usage_plan_key(usagePlanId=twin.outputs["ContentApiPlanId"], keyId=key["id"], keyType="API_KEY")
    # By HTTP, as content.
    content = twin.outputs["ContentApiUrl"]
    client = Client(content, key=key["value"])
    event: dict[str, Any] = {"author_id": "a", "surface": "chat", "text": TEXT, "hold": True}
    client.submit({**event, "content_id": "c0"})
    assert client.wait("c0", seconds=60).action == "flag"
    with_key = {"x-api-key": key["value"]}
    assert ask(f"{content}/v1/content", json.dumps({**event, "text": [SCORED]}).encode(), with_key) == 400
    assert ask(f"{content}/v1/content", f'{{"{SCORED}": '.encode(), with_key) == 400
    assert ask(f"{content}/v1/{ADDRESS}?q={ADDRESS}", b"{}", {**with_key, "X-Canary": ADDRESS}) == 403
    # By HTTP, for scores.
    scores = twin.outputs["ScoreApiUrl"]
    assert Client(scores, key=SCORE_KEY).score(f"You idiot {SCORED}").action == "flag"
    asked = {"comment": {"text": f"You idiot {SCORED}"}, "requestedAttributes": {"INSULT": {}}}
    analyze = f"{scores}/v1alpha1/comments:analyze"
    assert ask(f"{analyze}?key={SCORE_KEY}&x={ADDRESS}", json.dumps(asked).encode(), {"User-Agent": ADDRESS}) == 200
    assert ask(f"{analyze}?key={SCORE_KEY}", f'{{"comment": "{SCORED}"'.encode()) == 400
    assert ask(f"{analyze}?key={SCORE_KEY}x", json.dumps(asked).encode()) == 400
    assert ask(f"{scores}/{ADDRESS}?key={SCORE_KEY}", SCORED.encode()) == 404
    # On the stream and beside it, whole and broken.
    [whole] = [one for one in synthetic(1, seed=1, now=time.time(), shares=Shares()) if one.event_id]
    payload = json.dumps({**json.loads(whole.payload), "text": TEXT}).encode()
    broken = f'{{"text": "{BROKEN}"'.encode()
    for data in (payload, broken):
        name = twin.outputs["ContentStreamName"]
        twin.client("kinesis").put_record(StreamName=name, Data=data, PartitionKey=whole.partition_key)
        name = twin.outputs["DeferredDeliveryStreamName"]
        twin.client("firehose").put_record(DeliveryStreamName=name, Record={"Data": data})


def fails(twin: Twin) -> None:
    """The consumer fails on a record until Lambda gives up."""
    with handler_of(twin, "ModerateFunctionName", "failing_handler.handle"):
        record = {"Data": f'{{"text": "{DEAD}"}}'.encode(), "PartitionKey": "dead"}
        twin.client("kinesis").put_record(StreamName=twin.outputs["ContentStreamName"], **record)
        bucket = twin.outputs["DeadLetterBucketName"]
        until(lambda: "Contents" in twin.client("s3").list_objects_v2(Bucket=bucket), "there is a dead letter")


def test_content_is_where_it_belongs_and_nowhere_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    given = {"ShardCount": "1", "StatusOf": "all", "FlagNotices": "on", "ContentChanges": "on", "ContentWaiters": "1"}
    given |= {"ContentApiCallers": "api-key", "ScoreKeys": f"web:{hashed(SCORE_KEY)}:0", "MaximumRetryAttempts": "1"}
    given |= {"Webhook": "on", "WebhookAddresses": "any"}
    folder = DataFolder(tmp_path)
    caplog.set_level(logging.INFO)
    with Twin(parameters=given, data=folder.path) as twin:
        by_every_door(twin)
        assert twin.drain(120.0)["drained"]
        fails(twin)
        assert twin.drain(120.0)["drained"]
        places = list(in_services(twin))
    folder.release()
    places += [("messages of the runtime", found_in(caplog.text.encode())), *in_files(folder.path)]

    astray = [(place, found) for place, found in places if found - may_hold(place)]
    assert astray == []
    for pattern, (canaries, why) in ALLOWED.items():
        held = frozenset().union(*(found for place, found in places if fnmatch(place, pattern)))
        assert held == canaries, f"{pattern}: {why}"


def may_hold(place: str) -> frozenset[str]:
    return frozenset().union(*(canaries for pattern, (canaries, _) in ALLOWED.items() if fnmatch(place, pattern)))


def test_a_canary_is_found_however_it_is_packed(tmp_path: Path) -> None:
    for shift in range(3):
        assert found_in(b64encode(b"x" * shift + BEGIN.encode() + b"yz")) == {BEGIN}
    (tmp_path / "packed").write_bytes(gzip.compress(b64encode(f"...{END}...".encode())))
    assert [found_in(data) for data in opened(tmp_path / "packed")] == [frozenset(), {END}]
