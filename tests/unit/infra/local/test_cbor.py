"""Calls in CBOR: what Java's SDK writes and reads, with answers and errors that it understands."""

import json

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import Client

from infra.local.cbor import CBOR, CborDoor, CborError, decode, encode
from infra.local.clock import SystemClock
from infra.local.front import Front
from infra.local.kinesis.api import KinesisApi
from infra.local.kinesis.streams import Streams
from infra.local.moto_backend import MotoBackend

TIME = 1_700_000_000_123


@pytest.fixture(scope="module")
def client() -> Client:
    streams = Streams()
    api = KinesisApi(streams, SystemClock())
    api.call("CreateStream", {"StreamName": "content", "ShardCount": 1})
    moto = MotoBackend()
    moto.reset()  # a process has one, and other tests may have left something in it
    return Client(CborDoor(Front(moto, apis={"kinesis": api})))


def call(client: Client, target: str, body: bytes, status: int = 200) -> dict[str, object]:
    scope = f"Credential=test/20261130/us-east-1/{'glue' if 'Glue' in target else 'kinesis'}/aws4_request"
    headers = {"X-Amz-Target": target, "Authorization": f"AWS4-HMAC-SHA256 {scope}, Signature=0"}
    answer = client.post("/", data=body, content_type=CBOR, headers=headers)
    assert (answer.status_code, answer.content_type) == (status, CBOR)
    document = cbor2.loads(answer.data, semantic_decoders={1: lambda value, _: ("time", value)})
    assert isinstance(document, dict)
    return document


def test_records_go_in_and_come_out_as_bytes_with_their_arrival_in_milliseconds(client: Client) -> None:
    # As Java writes it: maps and lists of a length that only their end tells.
    entry = b"\xbf" + cbor2.dumps("Data") + cbor2.dumps(b"\x00\xff") + cbor2.dumps("PartitionKey") + cbor2.dumps("k")
    records = cbor2.dumps("Records") + b"\x9f" + entry + b"\xff\xff"
    put = call(
        client,
        "Kinesis_20131202.PutRecords",
        b"\xbf" + cbor2.dumps("StreamName") + cbor2.dumps("content") + records + b"\xff",
    )
    assert put["FailedRecordCount"] == 0
    since = {"ShardIteratorType": "AT_TIMESTAMP", "Timestamp": cbor2.CBORTag(1, TIME)}
    asked = {"StreamName": "content", "ShardId": "shardId-000000000000", **since}
    iterator = call(client, "Kinesis_20131202.GetShardIterator", cbor2.dumps(asked))["ShardIterator"]
    [record] = call(client, "Kinesis_20131202.GetRecords", cbor2.dumps({"ShardIterator": iterator}))["Records"]
    kind, milliseconds = record["ApproximateArrivalTimestamp"]
    assert (record["Data"], kind, type(milliseconds)) == (b"\x00\xff", "time", int)
    assert milliseconds > TIME


def test_an_error_is_a_map_with_its_type_and_its_message(client: Client) -> None:
    body = cbor2.dumps({"StreamName": "nowhere"})
    error = call(client, "Kinesis_20131202.DescribeStream", body, 400)
    assert error["__type"] == "ResourceNotFoundException"
    assert "nowhere" in str(error["message"])


def test_a_service_from_beneath_answers_in_cbor_too(client: Client) -> None:
    created = {"DatabaseInput": {"Name": "db"}}
    call(client, "AWSGlue.CreateDatabase", cbor2.dumps(created))
    [database] = call(client, "AWSGlue.GetDatabases", cbor2.dumps({}))["DatabaseList"]
    assert database["Name"] == "db"
    assert database["CreateTime"][0] == "time"
    assert abs(database["CreateTime"][1] / 1000 - SystemClock().now()) < 86_400
    assert call(client, "AWSGlue.GetTable", cbor2.dumps({"DatabaseName": "db", "Name": "t"}), 400)["__type"]


def test_json_goes_through_as_it_is(client: Client) -> None:
    headers = {"X-Amz-Target": "Kinesis_20131202.ListStreams"}
    answer = client.post("/", data=b"{}", content_type="application/x-amz-json-1.1", headers=headers)
    assert json.loads(answer.data)["StreamNames"] == ["content"]


@pytest.mark.parametrize(
    "body",
    [
        b"\xff",
        b"\xa1\x01\x02",
        b"\xc0\x00",
        b"\x81" * 1000,
        b"\xa1\x61a\xf7",
        b"\xc1\x61a",
        b"\x9b" + b"\x7f" * 8,
        cbor2.dumps({"a": 2**70}),
        b"{}",
    ],
)
def test_what_is_no_document_is_refused(client: Client, body: bytes) -> None:
    error = call(client, "Kinesis_20131202.ListStreams", body, 400)
    assert error["__type"] == "SerializationException"


@given(st.binary(max_size=64))
def test_bytes_of_any_kind_end_in_a_document_or_in_the_error(raw: bytes) -> None:
    try:
        decode(raw)
    except CborError:
        return


def test_an_action_that_nobody_knows_is_encoded_as_it_is() -> None:
    assert cbor2.loads(encode({"a": [1, "b", None]})) == {"a": [1, "b", None]}
