"""The AWS adapters: what they send, what they make of answers and errors."""

import itertools
from collections.abc import Iterator

import boto3
import msgspec
import pytest
from botocore.exceptions import ConnectTimeoutError, EndpointConnectionError, NoCredentialsError, ReadTimeoutError
from botocore.stub import Stubber
from moto import mock_aws

from consumers.aws.sinks import DynamoDBStatusTable, EventBridgeBus, FirehoseStreams, call
from consumers.ports import DefectError, Notice, Status, TransientError
from tests.fakes.world import FakeWorld

NOTICE = Notice(
    verdict_id="v",
    event_id="e",
    content_id="c",
    author_id="a",
    surface="chat",
    hold=False,
    action="block",
    labels=("spam",),
    top_label="spam",
    top_score=0.9,
    policy_id="p",
    policy_version="1",
    mode="live",
    created_at="2026-11-20 12:00:00.000000",
    decided_at="2026-11-20 12:00:01.000000",
)
STATUS = Status(
    content_id="c",
    order_key="2#e#1",
    event_id="e",
    verdict_id="v",
    author_id="a",
    surface="chat",
    action="block",
    labels=("spam", "scam"),
    policy_id="p",
    policy_version="1",
    decided_at="2026-11-20 12:00:01.000000",
    expires_at=1_900_000_000,
)


def client(service: str) -> object:
    return boto3.client(service, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="y")


def test_firehose_counts_a_record_only_with_its_own_id() -> None:
    firehose = client("firehose")
    with Stubber(firehose) as stub:
        stub.add_response(
            "put_record_batch",
            {
                "FailedPutCount": 0,
                "RequestResponses": [
                    {"RecordId": "1"},
                    {"ErrorCode": "ServiceUnavailableException", "ErrorMessage": "Slow down."},
                    {},
                ],
            },
            {"DeliveryStreamName": "verdicts", "Records": [{"Data": b"a"}, {"Data": b"b"}, {"Data": b"c"}]},
        )
        answers = FirehoseStreams(firehose).put("verdicts", [b"a", b"b", b"c"])
    assert answers == [None, "ServiceUnavailableException", "NoRecordId"]


def test_eventbridge_gets_ids_and_labels_and_answers_one_by_one() -> None:
    events = client("events")
    with Stubber(events) as stub:
        entry = {
            "EventBusName": "bus",
            "Source": "streamkeeper",
            "DetailType": "Content Verdict",
            "Detail": msgspec.json.encode(NOTICE).decode(),
        }
        stub.add_response(
            "put_events",
            {"FailedEntryCount": 1, "Entries": [{"EventId": "1"}, {"ErrorCode": "ThrottlingException"}]},
            {"Entries": [entry, entry]},
        )
        assert EventBridgeBus(events, "bus").put([NOTICE, NOTICE]) == [None, "ThrottlingException"]


def test_an_entry_counts_as_told_only_with_its_own_id_whatever_else_the_answer_says() -> None:
    events = client("events")
    with Stubber(events) as stub:
        stub.add_response("put_events", {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}, {}, {"EventId": ""}]})
        assert EventBridgeBus(events, "bus").put([NOTICE] * 3) == [None, "NoEventId", "NoEventId"]


def test_an_entry_that_eventbridge_will_never_take_is_a_defect() -> None:
    events = client("events")
    with Stubber(events) as stub:
        stub.add_response("put_events", {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "MalformedDetail"}]})
        with pytest.raises(DefectError, match="events:PutEvents was refused: MalformedDetail"):
            EventBridgeBus(events, "bus").put([NOTICE])


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        ("ServiceUnavailableException", 503, TransientError),
        ("ThrottlingException", 400, TransientError),
        ("ProvisionedThroughputExceededException", 400, TransientError),
        ("SomethingNew", 500, TransientError),
        ("SomethingNew", 429, TransientError),
        ("AccessDeniedException", 400, DefectError),
        ("ResourceNotFoundException", 400, DefectError),
        ("ValidationException", 400, DefectError),
    ],
)
def test_an_error_passes_or_it_does_not_and_its_text_is_not_kept(
    code: str, status: int, expected: type[Exception]
) -> None:
    firehose = client("firehose")
    with Stubber(firehose) as stub:
        stub.add_client_error("put_record_batch", code, "the secret payload", status)
        with pytest.raises(expected) as caught:
            FirehoseStreams(firehose).put("verdicts", [b"a"])
    assert code in str(caught.value)
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ReadTimeoutError(endpoint_url="x"), TransientError),
        (ConnectTimeoutError(endpoint_url="x"), TransientError),
        (EndpointConnectionError(endpoint_url="x"), TransientError),
        (NoCredentialsError(), DefectError),
    ],
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
def test_what_the_network_does_passes_and_missing_credentials_do_not(
    error: Exception, expected: type[Exception]
) -> None:
    def fails() -> None:
        raise error

    with pytest.raises(expected, match=type(error).__name__):
        call("firehose:PutRecordBatch", fails)


@pytest.fixture
def table() -> Iterator[object]:
    with mock_aws():
        dynamodb = client("dynamodb")
        dynamodb.create_table(  # type: ignore[attr-defined]
            TableName="status",
            KeySchema=[{"AttributeName": "content_id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "content_id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        yield dynamodb


def read(dynamodb: object) -> dict[str, object]:
    return dynamodb.get_item(TableName="status", Key={"content_id": {"S": "c"}})["Item"]  # type: ignore[attr-defined, no-any-return]


def test_a_status_is_kept_with_all_its_fields_and_a_time_to_live(table: object) -> None:
    DynamoDBStatusTable(table, "status").write(STATUS)
    item = read(table)
    assert item["expires_at"] == {"N": "1900000000"}
    assert item["labels"] == {"L": [{"S": "spam"}, {"S": "scam"}]}
    assert set(item) == set(Status.__struct_fields__)


def test_the_greatest_order_key_stays_in_whatever_order_and_however_often_it_is_written(table: object) -> None:
    versions = [msgspec.structs.replace(STATUS, order_key=f"{number}#e#1", event_id=str(number)) for number in range(3)]
    for order in itertools.permutations([*versions, versions[1]]):
        world = FakeWorld()
        for one in order:
            DynamoDBStatusTable(table, "status").write(one)
            world.table.write(one)
        assert read(table)["event_id"] == {"S": "2"} == {"S": world.statuses["c"].event_id}
        table.delete_item(TableName="status", Key={"content_id": {"S": "c"}})  # type: ignore[attr-defined]


def test_of_two_statuses_with_the_same_order_key_the_first_stays(table: object) -> None:
    again = msgspec.structs.replace(STATUS, verdict_id="another")
    world = FakeWorld()
    for one in (STATUS, again):
        DynamoDBStatusTable(table, "status").write(one)
        world.table.write(one)
    assert read(table)["verdict_id"] == {"S": "v"} == {"S": world.statuses["c"].verdict_id}


def test_a_missing_status_table_is_a_defect(table: object) -> None:
    with pytest.raises(DefectError, match="dynamodb:UpdateItem was refused: ResourceNotFoundException"):
        DynamoDBStatusTable(table, "elsewhere").write(STATUS)
