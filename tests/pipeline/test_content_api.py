"""The content API on the laptop runtime: what is taken, what is refused and what is named, and a comment's life."""

import gzip
import http.client
import json
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import pyarrow.parquet as pq
import pytest

from infra.local.kinesis.records import Record
from infra.local.twin import Twin
from tests.fakes.until import until
from tests.pipeline.hostile_requests import EVENT, HOSTILE, MANY, ONE, Hostile

SHOP = "https://shop.example"


class Api:
    """The runtime with its API, and a key."""

    def __init__(self, twin: Twin) -> None:
        self.twin = twin
        self.url = twin.outputs["ContentApiUrl"]
        self._at = urlsplit(self.url)
        gateway = twin.client("apigateway")
        key = gateway.create_api_key(name="tests", enabled=True)
        self.key = key["value"]
        gateway.create_usage_plan_key(usagePlanId=twin.outputs["ContentApiPlanId"], keyId=key["id"], keyType="API_KEY")
        self._line = http.client.HTTPConnection(str(self._at.hostname), self._at.port, timeout=600)

    def close(self) -> None:
        self._line.close()

    def ask(self, method: str, path: str, body: Any = b"", headers: dict[str, str] | None = None) -> "Answer":
        given = body if isinstance(body, bytes) else json.dumps(body).encode()
        fields = {"Content-Type": "application/json", "x-api-key": self.key, **(headers or {})}
        self._line.request(method, f"{self._at.path}{path}", given, {k: v for k, v in fields.items() if v})
        answer = self._line.getresponse()
        return Answer(answer.status, dict(answer.getheaders()), answer.read())

    def send(self, request: Hostile) -> "Answer":
        headers = {} if request.with_key else {"x-api-key": ""}
        return self.ask(request.method, request.path, request.body, headers | dict(request.headers))

    def raw(self, text: bytes) -> bytes:
        """The first line of what comes back for these bytes; nothing when the line is cut."""
        with socket.create_connection((str(self._at.hostname), int(self._at.port or 0)), timeout=5) as line:
            line.sendall(text.replace(b"PATH", self._at.path.encode()).replace(b"KEY", self.key.encode()))
            try:
                return line.recv(4096).split(b"\r\n")[0]
            except OSError:
                return b""

    def records(self) -> list[Record]:
        """Everything that lies on the stream."""
        stream = self.twin.streams.get(self.twin.outputs["ContentStreamName"])
        [shard] = stream.shards
        return list(self.twin.streams.read(stream, shard, 0, now=time.time()).records)


class Answer:
    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status = status
        self.headers = {name.lower(): value for name, value in headers.items()}
        self.document: Any = json.loads(body) if body else None

    def pointers(self) -> list[str]:
        return [one["pointer"] for one in self.document["errors"]]


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    given = {
        "ContentApiCallers": "api-key",
        "ContentRequestsPerSecond": 10_000,
        "ShardCount": 1,
        "StatusOf": "acted",
        "ContentWaiters": 2,
        "ContentChanges": "on",
        "ContentCorsOrigins": f"{SHOP},http://localhost:3000",
    }
    with Twin(parameters=given, rights="enforced") as twin:
        api = Api(twin)
        yield api
        api.close()


def event(number: int, **fields: Any) -> dict[str, Any]:
    now = datetime.now(UTC).isoformat()
    return {**EVENT, "event_id": f"0192f3a4-7c1e-7000-8000-{number:012x}", "created_at": now, **fields}


@pytest.mark.parametrize("request_", HOSTILE, ids=[one.name for one in HOSTILE])
def test_a_hostile_request_is_refused_and_what_is_wrong_is_named(request_: Hostile, api: Api) -> None:
    before = len(api.records())
    answer = api.send(request_)
    assert answer.status == request_.status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.document["status"] == request_.status
    assert answer.pointers() == [request_.names]
    assert len(api.records()) == before


def test_ninety_five_hostile_requests_are_not_too_few() -> None:
    assert len({one.name for one in HOSTILE}) == len(HOSTILE) >= 95


@pytest.mark.parametrize(
    "text",
    [
        b"POST PATH/v1/content HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n{}xx",
        b"POST PATH/v1/content HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -1\r\n\r\n{}",
        b"POST PATH/v1/content HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
        b"POST PATH/v1/content HTTP/1.1\r\nHost: 127.0.0.1\r\nX: a\x00b\r\nContent-Length: 2\r\n\r\n{}",
        b"POST PATH/v1/content HTTP/1.1\r\nHost: 127.0.0.1\r\n X-Api-Key: KEY\r\nContent-Length: 2\r\n\r\n{}",
        b"POST PATH/v1/content HTTP/1.1\r\nHost: evil.example\r\nx-api-key: KEY\r\nContent-Length: 2\r\n\r\n{}",
        b"POST PATH/v1/content HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: https://evil.example\r\nx-api-key: KEY\r\n\r\n",
        b"POST PATH/v1/content HTTP/1.1\r\nHost: 127.0.0.1\r\nx_api_key: KEY\r\nContent-Length: 2\r\n\r\n{}",
        b"POST PATH/v1/content HTTP/9.9\r\nHost: 127.0.0.1\r\n\r\n",
    ],
    ids=["two lengths", "length", "chunk", "zero", "folded", "host", "origin", "underscores", "version"],
)
def test_a_request_that_is_framed_to_deceive_is_refused_or_cut_off(text: bytes, api: Api) -> None:
    before = len(api.records())
    said = api.raw(text)
    assert not said or said.split()[1].startswith(b"4")
    assert len(api.records()) == before


def test_no_page_of_another_origin_may_ask(api: Api) -> None:
    answer = api.ask("OPTIONS", ONE, headers={"Origin": "http://127.0.0.1:1", "Access-Control-Request-Method": "POST"})
    assert answer.status == 403
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_pages_of_origins_that_are_named_may_ask_and_read(api: Api) -> None:
    preflight = api.ask(
        "OPTIONS", ONE, headers={"Origin": SHOP, "Access-Control-Request-Method": "POST", "x-api-key": ""}
    )
    assert preflight.status == 204
    assert preflight.headers["access-control-allow-origin"] == SHOP
    assert "x-api-key" in preflight.headers["access-control-allow-headers"]
    for path in ("/v1/content/x", "/v1/content/x/decision?wait=0", "/v1/changes", "/v1/content/a%20b"):
        answer = api.ask("GET", path, headers={"Origin": SHOP})
        assert (answer.headers["access-control-allow-origin"], answer.headers["vary"]) == (SHOP, "Origin")
        for other in (
            "https://evil.example",
            "https://shop.example,http://localhost:3000",
            "null",
            "http://shop.example",
        ):
            refused = api.ask("GET", path, headers={"Origin": other})
            assert not [name for name in refused.headers if name.startswith("access-control")]


def test_what_is_sent_is_what_was_checked_whatever_it_holds(api: Api) -> None:
    text = (
        """he said "hi", 'there' \\ $util.escapeJavaScript("x") #set($a = 1) #stop {"a": 1} ~ | ü 😀 \u2028 \u0000 \n"""
    )
    given = event(
        1,
        content_id="c:1",
        text=text,
        context={"get": "$input.body", 'a"b': text[:9], "keySet": ""},
        media=[{"uri": 's3://x/"y"', "mime_type": "image/png"}],
        language="pt-BR",
        hold=True,
        parent_id="p@1",
    )
    answer = api.ask("POST", ONE, given)
    place = f"{urlsplit(api.url).path}/v1/content/c:1"
    assert (answer.status, answer.headers["location"]) == (202, place)
    assert answer.document == {
        "status": "accepted",
        "event_id": given["event_id"],
        "content_id": "c:1",
        "status_url": place,
    }
    last = api.records()[-1]
    assert json.loads(last.data) == given
    assert last.partition_key == "c:1"


def test_of_a_field_that_comes_twice_the_one_that_was_checked_is_sent(api: Api) -> None:
    text = json.dumps(event(2)).replace('"text": "hello"', '"text": 5, "text": "the last"')
    assert api.ask("POST", ONE, text.encode()).status == 202
    sent = api.records()[-1].data
    assert sent.count(b'"text"') == 1
    assert json.loads(sent)["text"] == "the last"


def test_each_of_many_events_is_answered_for_and_a_wrong_one_stops_no_other(api: Api) -> None:
    before = len(api.records())
    events = [event(3), {**event(4), "text": None}, event(5), "x", event(6)]
    answer = api.ask("POST", MANY, {"events": events})
    assert answer.status == 207
    assert [one["status"] for one in answer.document["results"]] == [202, 400, 202, 400, 202]
    assert answer.document["results"][1]["problem"]["errors"][0]["pointer"] == "#/events/1/text"
    sent = [json.loads(one.data)["event_id"][-1] for one in api.records()[before:]]
    assert sent == ["3", "5", "6"]
    assert api.ask("POST", MANY, {"events": [event(7), event(8)]}).status == 202


def test_a_held_comment_is_pending_until_it_is_decided(api: Api) -> None:
    unknown = api.ask("GET", "/v1/content/nobody-sent-this")
    assert (unknown.status, unknown.headers["retry-after"]) == (202, "2")
    assert (unknown.document["status"], unknown.document["kept_for"]) == ("pending", "acted")
    api.ask("POST", MANY, {"events": [event(9, content_id="held:1", hold=True), event(10, content_id="quiet:1")]})
    api.ask("POST", ONE, event(11, content_id="told:1", text="You are a complete idiot.", hold=True))
    api.twin.drain(60)
    held, told = api.ask("GET", "/v1/content/held:1"), api.ask("GET", "/v1/content/told%3A1")
    assert (held.status, held.document["status"], held.document["action"]) == (200, "decided", "allow")
    assert (told.document["action"], told.document["labels"]) == ("flag", ["insult"])
    assert set(told.document) == {
        *("content_id", "status", "action", "labels", "event_id", "verdict_id", "policy", "decided_at")
    }
    datetime.fromisoformat(told.document["decided_at"])
    for name in ("held:1", "told%3A1"):
        waited = api.ask("GET", f"/v1/content/{name}/decision?wait=20")
        assert (waited.status, waited.document) == (200, api.ask("GET", f"/v1/content/{name}").document)
    waited = api.ask("GET", "/v1/content/quiet:1/decision?wait=0")
    assert (waited.status, waited.document) == (202, unknown.document | {"content_id": "quiet:1"})
    # Nobody waits for it and nothing came of it: none is kept, unless StatusOf=all.
    assert api.ask("GET", "/v1/content/quiet:1").status == 202


def test_what_changed_is_told_in_its_order_page_by_page_and_nothing_before_its_time(api: Api) -> None:
    table, dynamodb = api.twin.outputs["StatusTableName"], api.twin.client("dynamodb")
    api.ask("POST", ONE, event(30, content_id="changed:0", hold=True))
    api.twin.drain(60)
    row = dynamodb.get_item(TableName=table, Key={"content_id": {"S": "changed:0"}})["Item"]
    assert row["feed"] == {"S": "*"}
    ahead = int(row["changed"]["S"][:13]) - time.time() * 1000
    assert 0 < ahead <= 20_000
    # As if they had been decided in 2001, in another order than that of their names.
    for number, name in enumerate(["c", "a", "d", "b", "e"]):
        changed = {"S": f"{1_000_000_000_000 + number:013d}-{number:032x}"}
        dynamodb.put_item(TableName=table, Item={**row, "content_id": {"S": f"changed:{name}"}, "changed": changed})
    others = {
        **row,
        "content_id": {"S": "acme:c"},
        "feed": {"S": "acme"},
        "changed": {"S": "1000000000000-" + "f" * 32},
    }
    dynamodb.put_item(TableName=table, Item=others)
    told, after, pages = [], "0999999999999", 0
    while True:
        page = api.ask("GET", f"/v1/changes?limit=2&after={after}")
        assert page.status == 200
        told += [one["content_id"] for one in page.document["changes"]]
        pages, after = pages + 1, page.document["next"]
        if not page.document["more"]:
            break
    assert [one[-1] for one in told if one.startswith("changed:")][:5] == ["c", "a", "d", "b", "e"]
    assert pages >= 3
    assert "changed:0" not in told
    assert "acme:c" not in told
    assert page.headers["retry-after"] == "5"
    again = api.ask("GET", f"/v1/changes?after={after}").document
    assert (again["changes"], again["next"]) == ([], after)
    one = api.ask("GET", "/v1/changes?after=1000000000000&limit=1").document["changes"][0]
    assert one == api.ask("GET", "/v1/content/changed:c").document
    for asked, named in (
        ("after=x", "/after"),
        ("after=", "/after"),
        ("limit=", "/limit"),
        ("limit=0", "/limit"),
        ("limit=101", "/limit"),
        ("after=1", "/after"),
    ):
        refused = api.ask("GET", f"/v1/changes?{asked}")
        assert (refused.status, refused.pointers()) == (400, [named])


def test_sent_twice_it_counts_once(api: Api) -> None:
    given = event(12, content_id="twice:1", text="You are a complete idiot.")
    answers = [api.ask("POST", ONE, given) for _ in range(2)]
    assert [one.status for one in answers] == [202, 202]
    assert answers[0].document == answers[1].document
    sent = [one for one in api.records() if one.partition_key == "twice:1"]
    assert len({one.data for one in sent}) == 1


def test_a_key_has_its_requests_a_second_and_a_day(api: Api) -> None:
    gateway = api.twin.client("apigateway")
    [rest] = gateway.get_rest_apis()["items"]
    plan = gateway.create_usage_plan(
        name="few", apiStages=[{"apiId": rest["id"], "stage": "live"}], quota={"limit": 2, "period": "DAY"}
    )
    key = gateway.create_api_key(name="few", enabled=True)
    gateway.create_usage_plan_key(usagePlanId=plan["id"], keyId=key["id"], keyType="API_KEY")
    answers = [api.ask("GET", "/v1/content/x", headers={"x-api-key": key["value"]}) for _ in range(3)]
    assert [one.status for one in answers] == [202, 202, 429]
    assert answers[2].headers["retry-after"] == "3600"


def test_keys_are_kept_as_hashes(api: Api) -> None:
    gateway = api.twin.client("apigateway")
    assert api.key not in str(gateway.get_api_keys())
    with pytest.raises(gateway.exceptions.BadRequestException, match="hashes"):
        gateway.get_api_keys(includeValues=True)


def test_each_request_is_a_row_without_content_path_or_key(api: Api) -> None:
    api.ask("POST", ONE, event(13, content_id="logged:1", text="a text that nobody logs"))
    api.ask("POST", ONE, b"{")
    api.ask("GET", "/v1/content/logged:1")
    api.twin.drain(60)
    sql = "SELECT route, status, refused, key_id FROM api_requests"
    rows = query(api.twin, sql)
    assert {"/v1/content", "/v1/content/{id}"} <= {row[0] for row in rows}
    assert ["/v1/content", "400", "BAD_REQUEST_BODY"] in [row[:3] for row in rows]
    assert "logged" not in str(rows)
    every = str(query(api.twin, "SELECT * FROM api_requests"))
    assert not [one for one in (api.key, "nobody logs", "logged:1", EVENT["author_id"]) if one in every]


def test_a_text_lies_in_the_archive_and_its_verdict_and_what_was_refused_lies_nowhere(api: Api) -> None:
    taken, refused = "canary-that-was-taken", "canary-that-was-refused"
    assert api.ask("POST", ONE, event(40, content_id="canary:1", text=taken, hold=True)).status == 202
    for request in (
        Hostile("", "", json.dumps({**event(41), "text": {"a": refused}}).encode()),
        Hostile("", "", f'{{"text": "{refused}"'.encode()),
        Hostile("", "", json.dumps({**event(42), refused: 1}).encode()),
        Hostile("", "", path=f"{ONE}/{refused}%20", method="GET"),
        Hostile("", "", path=f"{ONE}?{refused}={refused}", headers=(("X-Canary", refused),)),
        Hostile("", "", path=f"/{refused}", with_key=False),
    ):
        assert 400 <= api.send(request).status < 500
    assert api.twin.drain(120)["drained"]
    found = dict(places(api.twin))
    holders = {name.partition("/")[0] for name, held in found.items() if taken in held}
    assert holders == {"archive", "verdicts"}
    assert [name for name, held in found.items() if refused in held or refused in name] == []
    assert [name for name, held in found.items() if api.key in held] == []
    assert {name.partition(" ")[0] for name in found} >= {"log", "metric", "table"}


def places(twin: Twin) -> Iterator[tuple[str, str]]:
    """By a name, what lies in each log, metric, table and object."""
    logs, tables, objects = twin.client("logs"), twin.client("dynamodb"), twin.client("s3")
    for group in logs.describe_log_groups()["logGroups"]:
        for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"]):
            yield f"log {group['logGroupName']}", " ".join(one["message"] for one in page["events"])
    for metric in twin.client("cloudwatch").list_metrics()["Metrics"]:
        yield f"metric {metric['MetricName']}", str(metric)
    for name in tables.list_tables()["TableNames"]:
        yield f"table {name}", str(tables.scan(TableName=name)["Items"])
    for bucket in objects.list_buckets()["Buckets"]:
        for page in objects.get_paginator("list_objects_v2").paginate(Bucket=bucket["Name"]):
            for one in page.get("Contents", ()):
                body = objects.get_object(Bucket=bucket["Name"], Key=one["Key"])["Body"].read()
                yield one["Key"], readable(body)


def readable(body: bytes) -> str:
    """An object's text: unpacked, and of Parquet every row."""
    if body[:4] == b"PAR1":
        return str(pq.read_table(BytesIO(body)).to_pylist())
    return (gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body).decode("utf-8", "replace")


def query(twin: Twin, sql: str) -> list[list[str]]:
    athena = twin.client("athena")
    asked = athena.start_query_execution(
        QueryString=sql,
        WorkGroup=twin.outputs["WorkGroupName"],
        QueryExecutionContext={"Database": twin.outputs["DatabaseName"]},
    )["QueryExecutionId"]
    state = lambda: athena.get_query_execution(QueryExecutionId=asked)["QueryExecution"]["Status"]["State"]  # noqa: E731
    until(lambda: state() == "SUCCEEDED", "the query")
    rows = athena.get_query_results(QueryExecutionId=asked)["ResultSet"]["Rows"][1:]
    return [[cell.get("VarCharValue", "") for cell in row["Data"]] for row in rows]
