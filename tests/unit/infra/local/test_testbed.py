"""A runtime for tests is brought back to what its template makes, whatever a test has done to it."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from infra.local.cloudformation.intrinsics import load_template
from infra.local.testbed import MovableClock, Testbed
from infra.local.twin import Twin

TEMPLATE = """
Resources:
  Clicks:
    Type: AWS::Kinesis::Stream
    Properties: {Name: clicks, ShardCount: 2}
  Lake:
    Type: AWS::S3::Bucket
    Properties: {BucketName: clicks-lake}
  Counts:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: counts
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
  Notices:
    Type: AWS::SQS::Queue
    Properties: {QueueName: notices}
"""


@pytest.fixture(scope="module")
def twin() -> Iterator[Twin]:
    with Twin(template=load_template(TEMPLATE), testbed=Testbed()) as running:
        yield running


@pytest.fixture
def clean(twin: Twin) -> Twin:
    assert ask(twin, "POST", "clear")[0] == 200
    return twin


def ask(twin: Twin, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{twin.endpoint_url}/_twin/{path}", data=data, method=method)
    try:
        with urllib.request.urlopen(request, timeout=600) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def records(twin: Twin, stream: str) -> list[bytes]:
    kinesis = twin.client("kinesis")
    found = []
    for shard in kinesis.list_shards(StreamName=stream)["Shards"]:
        iterator = kinesis.get_shard_iterator(
            StreamName=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        found += [record["Data"] for record in kinesis.get_records(ShardIterator=iterator)["Records"]]
    return found


def test_what_a_test_has_put_is_gone_and_the_stack_takes_more(clean: Twin) -> None:
    for _ in range(2):
        clean.client("kinesis").put_record(StreamName="clicks", Data=b"x", PartitionKey="k")
        clean.client("s3").put_object(Bucket="clicks-lake", Key="a/b", Body=b"x")
        clean.client("dynamodb").put_item(TableName="counts", Item={"id": {"S": "1"}})
        url = clean.client("sqs").get_queue_url(QueueName="notices")["QueueUrl"]
        clean.client("sqs").send_message(QueueUrl=url, MessageBody="m")
        assert records(clean, "clicks") == [b"x"]
        ask(clean, "POST", "clear")
        assert records(clean, "clicks") == []
        assert "Contents" not in clean.client("s3").list_objects_v2(Bucket="clicks-lake")
        assert clean.client("dynamodb").scan(TableName="counts")["Items"] == []
        assert "Messages" not in clean.client("sqs").receive_message(QueueUrl=url)


def test_a_stream_that_was_split_has_its_shards_again(clean: Twin) -> None:
    kinesis = clean.client("kinesis")
    kinesis.update_shard_count(StreamName="clicks", TargetShardCount=4, ScalingType="UNIFORM_SCALING")
    ask(clean, "POST", "clear")
    assert [one["ShardId"][-1] for one in kinesis.list_shards(StreamName="clicks")["Shards"]] == ["0", "1"]


def test_what_was_made_beside_the_stack_is_gone(clean: Twin) -> None:
    clean.client("kinesis").create_stream(StreamName="other", ShardCount=1)
    clean.client("s3").create_bucket(Bucket="other-bucket")
    clean.client("s3").put_object(Bucket="other-bucket", Key="k", Body=b"x")
    clean.client("sqs").create_queue(QueueName="other")
    clean.client("glue").create_database(DatabaseInput={"Name": "other"})
    ask(clean, "POST", "clear")
    assert clean.client("kinesis").list_streams()["StreamNames"] == ["clicks"]
    assert [one["Name"] for one in clean.client("s3").list_buckets()["Buckets"]] == ["clicks-lake"]
    assert len(clean.client("sqs").list_queues()["QueueUrls"]) == 1
    assert clean.client("glue").get_databases()["DatabaseList"] == []


def test_versions_and_delete_markers_are_gone_too(clean: Twin) -> None:
    s3 = clean.client("s3")
    s3.put_bucket_versioning(Bucket="clicks-lake", VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket="clicks-lake", Key="k", Body=b"1")
    s3.put_object(Bucket="clicks-lake", Key="k", Body=b"2")
    s3.delete_object(Bucket="clicks-lake", Key="k")
    ask(clean, "POST", "clear")
    found = s3.list_object_versions(Bucket="clicks-lake")
    assert not found.get("Versions")
    assert not found.get("DeleteMarkers")


def test_the_clock_moves_what_goes_by_it_and_is_right_again_afterwards(clean: Twin) -> None:
    clean.client("kinesis").put_record(StreamName="clicks", Data=b"x", PartitionKey="k")
    before = ask(clean, "GET", "clock")[1]["now"]
    assert ask(clean, "POST", "clock?advance=90000")[1]["now"] - before >= 90_000
    # A day and an hour later the record has passed the stream's retention.
    assert records(clean, "clicks") == []
    ask(clean, "POST", "clear")
    assert ask(clean, "GET", "clock")[1]["now"] - before < 90_000


def test_a_clock_goes_no_further_than_a_record_may_be_old() -> None:
    clock = MovableClock(lambda: 0.0)
    with pytest.raises(ValueError, match="at most"):
        clock.move(1e9)
    clock.move(400 * 86_400.0)
    with pytest.raises(ValueError, match="at most"):
        clock.move(1.0)


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "said"),
    [
        ("POST", "clock", None, 400, "a number of seconds"),
        ("POST", "clock?advance=soon", None, 400, "a number of seconds"),
        ("POST", "clock?advance=nan", None, 400, "no number"),
        ("POST", "clock?advance=1e30", None, 400, "at most"),
        ("POST", "faults", {"kind": "flood"}, 400, "flood"),
        ("POST", "faults", {"kind": "throttle", "call": "x y"}, 400, "SERVICE.Operation"),
        ("POST", "faults", [], 400, "Expected"),
        ("DELETE", "faults?id=x", None, 400, "x"),
        ("GET", "invocations?after=x", None, 400, "x"),
        ("PUT", "clear", None, 405, "PUT"),
    ],
)
def test_what_cannot_be_asked_is_answered_with_what_is_allowed(
    clean: Twin, method: str, path: str, body: Any, status: int, said: str
) -> None:
    found, answer = ask(clean, method, path, body)
    assert found == status
    assert said in answer["message"]


def test_faults_are_off_after_a_test(clean: Twin) -> None:
    ask(clean, "POST", "faults", {"kind": "throttle", "call": "kinesis"})
    assert [fault["kind"] for fault in ask(clean, "GET", "faults")[1]] == ["throttle"]
    ask(clean, "POST", "clear")
    assert ask(clean, "GET", "faults")[1] == []


def test_a_runtime_that_is_not_for_tests_has_none_of_these_paths() -> None:
    from infra.local.control import Control

    class Nothing:
        def health(self) -> dict[str, Any]:
            return {}

        state = health

        def drain(self, timeout: float) -> dict[str, Any]:
            return {}

    assert Control(Nothing()).handle("POST", "/_twin/clear", {})[0] == 404


def test_a_stack_that_lost_a_part_says_so_instead_of_going_on_without(clean: Twin) -> None:
    """The last of this module: the runtime is not to be had again."""
    clean.client("kinesis").delete_stream(StreamName="clicks")
    status, answer = ask(clean, "POST", "clear")
    assert status == 409
    assert "stream clicks was deleted" in answer["message"]
