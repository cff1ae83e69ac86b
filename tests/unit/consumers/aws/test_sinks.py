"""The AWS adapters: what they send, what they make of answers and errors."""

import itertools
import json
from collections.abc import Iterator
from typing import Any

import boto3
import msgspec
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from botocore.exceptions import ConnectTimeoutError, EndpointConnectionError, NoCredentialsError, ReadTimeoutError
from botocore.stub import Stubber
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto import mock_aws
from msgspec import Struct

from consumers.aws.sinks import Changes, DynamoDBStatusTable, EventBridgeBus, FirehoseStreams, call
from consumers.ports import DefectError, Status, TransientError
from glue.contract import Notice
from infra.local.dynamodb import ItemWrites
from infra.local.front import Front
from infra.local.moto_backend import MotoBackend
from infra.local.server import LoopbackServer
from tests.fakes.stream import VirtualClock
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


def client(service: str, *, endpoint_url: str | None = None) -> Any:
    config = Config(parameter_validation=False)
    keys = {"aws_access_key_id": "x", "aws_secret_access_key": "y"}
    return boto3.client(service, region_name="us-east-1", endpoint_url=endpoint_url, config=config, **keys)


def sent_by(client: Any, *, answer: bytes | None = None) -> list[dict[str, Any]]:
    """The bodies of the requests that a client sends; none is sent where there is an answer."""
    bodies: list[dict[str, Any]] = []

    def keep(request: AWSPreparedRequest, **_: object) -> AWSResponse | None:
        bodies.append(json.loads(request.body))
        return None if answer is None else AWSResponse(request.url, 200, {}, Raw(answer))

    client.meta.events.register("before-send.*.*", keep)
    return bodies


class Raw(Struct):
    """The body of an answer, as botocore reads it."""

    content: bytes

    def stream(self) -> Iterator[bytes]:
        yield self.content


def test_firehose_counts_a_record_only_with_its_own_id() -> None:
    firehose = client("firehose")
    streams = FirehoseStreams(firehose)
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
        )
        assert streams.put("verdicts", [b"a", b"b", b"c"]) == [None, "ServiceUnavailableException", "NoRecordId"]


@given(st.lists(st.binary(max_size=50), min_size=1, max_size=5))
def test_firehose_gets_the_very_body_that_botocore_would_write(records: list[bytes]) -> None:
    theirs, ours = client("firehose"), client("firehose")
    answer = msgspec.json.encode({"RequestResponses": [{"RecordId": "1"}] * len(records)})
    wanted, bodies = sent_by(theirs, answer=answer), sent_by(ours, answer=answer)
    theirs.put_record_batch(DeliveryStreamName="verdicts", Records=[{"Data": record} for record in records])
    assert FirehoseStreams(ours).put("verdicts", records) == [None] * len(records)
    assert bodies == wanted


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


@pytest.fixture
def batches() -> Iterator[Any]:
    """A client whose batches of statements the laptop's DynamoDB answers; moto takes no parameters in them."""
    moto = MotoBackend()
    moto.reset()  # a process has one, and other tests may have left something in it
    items = ItemWrites(moto)
    shortcuts = {
        "DynamoDB_20120810.UpdateItem": items.update_item,
        "DynamoDB_20120810.BatchExecuteStatement": items.batch_execute_statement,
    }
    with LoopbackServer(Front(moto, shortcuts=shortcuts)) as server:
        dynamodb = client("dynamodb", endpoint_url=server.url)
        dynamodb.create_table(
            TableName="status",
            KeySchema=[{"AttributeName": "content_id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "content_id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        yield dynamodb
    moto.reset()


def read(dynamodb: object) -> dict[str, object]:
    return dynamodb.get_item(TableName="status", Key={"content_id": {"S": "c"}})["Item"]  # type: ignore[attr-defined, no-any-return]


def test_a_status_is_kept_with_all_its_fields_and_a_time_to_live(table: object) -> None:
    DynamoDBStatusTable(table, "status").put([STATUS])
    item = read(table)
    assert item["expires_at"] == {"N": "1900000000"}
    assert item["labels"] == {"L": [{"S": "spam"}, {"S": "scam"}]}
    assert set(item) == set(Status.__struct_fields__)


@pytest.mark.parametrize(
    ("content_id", "tenants", "feed"), [("c", True, "*"), ("acme:c", True, "acme"), ("acme:c", False, "*")]
)
def test_a_status_comes_into_the_feed_of_its_tenant_at_a_time_that_is_still_to_come(
    content_id: str, tenants: bool, feed: str, table: object
) -> None:
    statuses = DynamoDBStatusTable(table, "status", changes=Changes(VirtualClock(1_772_323_200.0), tenants=tenants))
    statuses.put([msgspec.structs.replace(STATUS, content_id=content_id)])
    item = table.get_item(TableName="status", Key={"content_id": {"S": content_id}})["Item"]  # type: ignore[attr-defined]
    assert (item["feed"], item["changed"]) == ({"S": feed}, {"S": f"1772323220000-{STATUS.verdict_id}"})
    assert set(item) == {*Status.__struct_fields__, "feed", "changed"}


def test_the_greatest_order_key_stays_in_whatever_order_and_however_often_it_is_written(table: object) -> None:
    versions = [msgspec.structs.replace(STATUS, order_key=f"{number}#e#1", event_id=str(number)) for number in range(3)]
    for order in itertools.permutations([*versions, versions[1]]):
        world = FakeWorld()
        for one in order:
            DynamoDBStatusTable(table, "status").put([one])
            world.table.put([one])
        assert read(table)["event_id"] == {"S": "2"} == {"S": world.statuses["c"].event_id}
        table.delete_item(TableName="status", Key={"content_id": {"S": "c"}})  # type: ignore[attr-defined]


def test_of_two_statuses_with_the_same_order_key_the_first_stays(table: object) -> None:
    again = msgspec.structs.replace(STATUS, verdict_id="another")
    world = FakeWorld()
    for one in (STATUS, again):
        DynamoDBStatusTable(table, "status").put([one])
        world.table.put([one])
    assert read(table)["verdict_id"] == {"S": "v"} == {"S": world.statuses["c"].verdict_id}


def test_a_missing_status_table_is_a_defect(table: object) -> None:
    with pytest.raises(DefectError, match="dynamodb:UpdateItem was refused: ResourceNotFoundException"):
        DynamoDBStatusTable(table, "elsewhere").put([STATUS])


def status(content: int, order: str = "1", **fields: Any) -> Status:
    return msgspec.structs.replace(STATUS, content_id=f"c{content}", order_key=order, **fields)


def kept(dynamodb: Any) -> dict[str, dict[str, Any]]:
    return {item["content_id"]["S"]: item for item in dynamodb.scan(TableName="status")["Items"]}


def test_statuses_of_many_contents_are_kept_by_one_call_and_look_as_if_each_had_its_own(batches: Any) -> None:
    table = DynamoDBStatusTable(batches, "status")
    bodies = sent_by(batches)
    assert table.put([status(number) for number in range(25)]) == [None] * 25
    assert len(bodies) == 1
    together = kept(batches)
    for number in range(25):
        batches.delete_item(TableName="status", Key={"content_id": {"S": f"c{number}"}})
        table.put([status(number)])
    assert kept(batches) == together


@given(data=st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_batches_keep_what_single_writes_keep_in_whatever_order(batches: Any, data: st.DataObject) -> None:
    one = st.builds(status, st.integers(0, 4), st.sampled_from(["1", "2", "3", "é"]), verdict_id=st.uuids().map(str))
    calls = data.draw(st.lists(st.lists(one, min_size=1, max_size=5, unique_by=lambda s: s.content_id), max_size=4))
    for item in kept(batches):
        batches.delete_item(TableName="status", Key={"content_id": {"S": item}})
    world = FakeWorld()
    for statuses in calls:
        assert DynamoDBStatusTable(batches, "status").put(statuses) == [None] * len(statuses)
        for single in statuses:
            world.table.put([single])
    assert {key: item["verdict_id"]["S"] for key, item in kept(batches).items()} == {
        key: value.verdict_id for key, value in world.statuses.items()
    }


def answered(statuses: list[Status], responses: list[dict[str, Any]], *, then: list[Any] = []) -> Any:  # noqa: B006
    """What a batch comes to when DynamoDB answers so, and then so to each UpdateItem."""
    dynamodb = client("dynamodb")
    with Stubber(dynamodb) as stub:
        table = DynamoDBStatusTable(dynamodb, "status")
        stub.add_response("batch_execute_statement", {"Responses": responses})
        for one in then:
            stub.add_response("update_item", {}) if one is None else stub.add_client_error("update_item", one)
        answers = table.put(statuses)
        stub.assert_no_pending_responses()
    return answers


def test_each_statement_is_answered_for_itself_and_only_what_is_there_already_is_written_again() -> None:
    failed = [{"Error": {"Code": code}} for code in ("ThrottlingError", "InternalServerError", "DuplicateItem")]
    duplicates = [{"Error": {"Code": "DuplicateItem"}}] * 2
    answers = answered(
        [status(number) for number in range(6)],
        [{"TableName": "status"}, *failed, *duplicates],
        then=[None, "ConditionalCheckFailedException", "ThrottlingException"],
    )
    assert answers == [None, "ThrottlingError", "InternalServerError", None, None, "ThrottlingException"]


def test_a_status_of_which_nothing_is_said_is_written_by_itself() -> None:
    assert answered([status(1), status(2)], [{"TableName": "status"}], then=[None]) == [None, None]
    assert answered([status(1), status(2)], [], then=[None, None]) == [None, None]


@pytest.mark.parametrize(
    "code",
    [
        "RequestLimitExceeded",
        "ProvisionedThroughputExceeded",
        "TransactionConflict",
        "ThrottlingError",
        "InternalServerError",
    ],
)
def test_a_statement_that_failed_for_now_is_answered_with_its_code(code: str) -> None:
    responses: list[dict[str, Any]] = [{"TableName": "status"}, {"Error": {"Code": code}}]
    assert answered([status(1), status(2)], responses) == [None, code]


@pytest.mark.parametrize("code", ["AccessDenied", "ResourceNotFound", "ValidationError", "SomethingNew"])
def test_a_statement_that_will_never_be_taken_is_a_defect(code: str) -> None:
    with pytest.raises(DefectError, match=f"dynamodb:PartiQLInsert was refused: {code}"):
        answered([status(1), status(2)], [{"TableName": "status"}, {"Error": {"Code": code}}])


def test_a_statement_that_fails_without_saying_why_is_a_defect() -> None:
    with pytest.raises(DefectError, match=r"dynamodb:PartiQLInsert was refused: Unknown\."):
        answered([status(1), status(2)], [{"TableName": "status"}, {"Error": {"Message": "?"}}])


def test_a_missing_table_is_a_defect_for_a_batch_too(batches: Any) -> None:
    with pytest.raises(DefectError, match="dynamodb:PartiQLInsert was refused: ResourceNotFound"):
        DynamoDBStatusTable(batches, "elsewhere").put([status(1), status(2)])


def test_no_value_goes_into_the_text_of_a_statement(batches: Any) -> None:
    odd = "x', 'action': 'allow"
    bodies = sent_by(batches)
    DynamoDBStatusTable(batches, "status").put([status(1, author_id=odd), status(2)])
    assert odd not in json.dumps([statement["Statement"] for statement in bodies[0]["Statements"]])
    assert kept(batches)["c1"]["author_id"] == {"S": odd}
