"""Conditional updates and events without moto's costs, held against moto itself."""

import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra.local.dynamodb import ItemWrites
from infra.local.errors import ApiError
from infra.local.eventbridge import MAX_TOTAL_BYTES, EventBuses
from infra.local.front import Front
from infra.local.moto_backend import MotoBackend
from infra.local.server import LoopbackServer
from tests.fakes.clients import client


class Fixed:
    def now(self) -> float:
        return 1_700_000_000.0


@pytest.fixture(scope="module")
def moto() -> Iterator[MotoBackend]:
    moto = MotoBackend()
    moto.reset()  # a process has one, and other tests may have left something in it
    yield moto
    moto.reset()


@pytest.fixture(scope="module")
def url(moto: MotoBackend) -> Iterator[str]:
    """moto alone, without a shortcut: the second opinion."""
    with LoopbackServer(Front(moto)) as server:
        yield server.url


@pytest.fixture(scope="module")
def dynamodb(url: str) -> Any:
    dynamodb = client("dynamodb", url)
    for name in ("ours", "moto"):
        dynamodb.create_table(
            TableName=name,
            AttributeDefinitions=[{"AttributeName": "content_id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "content_id", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
    return dynamodb


NAMES = {"#a": "action", "#n": "number", "#l": "labels"}
strings = st.text(alphabet="aBz~é€😀 ", max_size=4)
numbers = st.one_of(st.integers(-50, 50), st.decimals(-9, 9, places=2)).map(lambda number: {"N": str(number)})
texts = strings.map(lambda text: {"S": text})
typed = {
    "#a": texts,
    "#n": numbers,
    "#l": st.one_of(
        st.lists(texts, max_size=3).map(lambda found: {"L": found}),
        st.booleans().map(lambda truth: {"BOOL": truth}),
    ),
}


@st.composite
def updates(draw: st.DrawFn) -> dict[str, Any]:
    assigned = draw(st.lists(st.sampled_from(list(NAMES)), min_size=1, max_size=3, unique=True))
    body: dict[str, Any] = {
        "Key": {"content_id": {"S": draw(st.sampled_from(["c1", "c2"]))}},
        "UpdateExpression": "SET " + ", ".join(f"{name} = :v{n}" for n, name in enumerate(assigned)),
        "ExpressionAttributeValues": {f":v{n}": draw(typed[name]) for n, name in enumerate(assigned)},
    }
    tests = []
    for number in range(draw(st.integers(0, 2))):
        name = draw(st.sampled_from(list(NAMES)))
        operator = draw(st.sampled_from(["attribute_exists", "attribute_not_exists", "<", "<=", "=", ">=", ">"]))
        if operator.startswith("attribute") or name == "#l":
            tests.append(f"attribute_exists({name})" if operator < "attribute_n" else f"attribute_not_exists({name})")
        else:
            tests.append(f"{name} {operator} :c{number}")
            body["ExpressionAttributeValues"][f":c{number}"] = draw(typed[name])
    if tests:
        body["ConditionExpression"] = draw(st.sampled_from([" OR ", " AND "])).join(tests)
    text = body["UpdateExpression"] + body.get("ConditionExpression", "")
    body["ExpressionAttributeNames"] = {alias: name for alias, name in NAMES.items() if alias in text}
    return body


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(updates(), min_size=1, max_size=6))
def test_any_row_of_updates_ends_as_with_moto(dynamodb: Any, moto: MotoBackend, rows: list[dict[str, Any]]) -> None:
    ours = ItemWrites(moto)
    for name in ("ours", "moto"):
        for key in ("c1", "c2"):
            dynamodb.delete_item(TableName=name, Key={"content_id": {"S": key}})
        start = {"content_id": {"S": "c1"}, "action": {"S": "a"}, "number": {"N": "0"}, "labels": {"L": []}}
        dynamodb.put_item(TableName=name, Item=start)
    for body in rows:
        try:
            answer: Any = ours.update_item({"TableName": "ours", **body})
            assert answer == {}, "every update of this form is answered"
        except ApiError as error:
            answer = error.code
        try:
            dynamodb.update_item(TableName="moto", **body)
            expected: Any = {}
        except ClientError as error:
            expected = error.response["Error"]["Code"]
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 500:
                # moto breaks where DynamoDB compares with what is not there; the next test has the say on that.
                return
        assert answer == expected
        key = body["Key"]
        assert dynamodb.get_item(TableName="ours", Key=key).get("Item") == (
            dynamodb.get_item(TableName="moto", Key=key).get("Item")
        )


ITEMS = st.fixed_dictionaries({"action": texts, "number": numbers, "labels": typed["#l"]})


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(["c1", "c2", "c3"]), ITEMS), min_size=1, max_size=5))
def test_a_batch_of_inserts_ends_as_puts_of_what_was_not_there(
    dynamodb: Any, moto: MotoBackend, rows: list[tuple[str, dict[str, Any]]]
) -> None:
    for name, key in itertools.product(("ours", "moto"), ("c1", "c2", "c3")):
        dynamodb.delete_item(TableName=name, Key={"content_id": {"S": key}})
    statement = """INSERT INTO "ours" VALUE {'content_id': ?, 'action': ?, 'number': ?, 'labels': ?}"""
    statements = [
        {"Statement": statement, "Parameters": [{"S": key}, item["action"], item["number"], item["labels"]]}
        for key, item in rows
    ]
    answer = ItemWrites(moto).batch_execute_statement({"Statements": statements})
    assert answer is not None
    expected: list[str | None] = []
    for key, item in rows:
        try:
            dynamodb.put_item(
                TableName="moto",
                Item={"content_id": {"S": key}, **item},
                ConditionExpression="attribute_not_exists(content_id)",
            )
            expected.append(None)
        except ClientError:
            expected.append("DuplicateItem")
    responses: Any = answer["Responses"]
    assert [one.get("Error", {}).get("Code") for one in responses] == expected
    for key in ("c1", "c2", "c3"):
        ours, moto = (
            dynamodb.get_item(TableName=name, Key={"content_id": {"S": key}}).get("Item") for name in ("ours", "moto")
        )
        assert ours == moto


def test_an_item_is_refused_where_it_is_larger_than_items_may_be(dynamodb: Any) -> None:
    largest = 405_000 - len("content_id") - len("k") - len("a") - len("b")
    for size in (largest - 1, largest):
        item = {"content_id": {"S": "k"}, "a": {"S": "x" * 200_000}, "b": {"S": "x" * (size - 200_000)}}
        dynamodb.put_item(TableName="moto", Item=item)
    item["a"]["S"] += "x"
    with pytest.raises(ClientError, match="Item size has exceeded the maximum allowed size"):
        dynamodb.put_item(TableName="moto", Item=item)
    dynamodb.delete_item(TableName="moto", Key={"content_id": {"S": "k"}})


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        (("nowhere", "content_id", {"S": "c"}), "ResourceNotFound"),
        (("ours", "content_id", {"N": "1"}), "ValidationError"),
        (("ours", "action", {"S": "c"}), "ValidationError"),
    ],
)
def test_a_statement_that_cannot_be_run_is_answered_for_itself(
    dynamodb: Any, moto: MotoBackend, statement: tuple[str, str, dict[str, str]], code: str
) -> None:
    dynamodb.delete_item(TableName="ours", Key={"content_id": {"S": "sound"}})
    statements = [
        {"Statement": f"""INSERT INTO "{table}" VALUE {{'{name}': ?}}""", "Parameters": [value]}
        for table, name, value in (statement, ("ours", "content_id", {"S": "sound"}))
    ]
    answer: Any = ItemWrites(moto).batch_execute_statement({"Statements": statements})
    bad, well = answer["Responses"]
    assert bad["Error"]["Code"] == code
    assert well == {"TableName": "ours"}


@pytest.mark.parametrize(
    "body",
    [
        {"Statements": []},
        {"Statements": [{"Statement": "SELECT * FROM ours"}]},
        {"Statements": [{"Statement": """INSERT INTO "ours" VALUE {'a': 'b'}""", "Parameters": []}]},
        {"Statements": [{"Statement": """INSERT INTO "ours" VALUE {'a': ?}""", "Parameters": []}]},
        {"Statements": [{"Statement": """INSERT INTO "ours" VALUE {'a': ?}""", "Parameters": ["b"]}]},
        {"Statements": [{"Statement": """UPDATE "ours" SET a = ? WHERE b = ?""", "Parameters": [{"S": "x"}] * 2}]},
    ],
)
def test_other_batches_are_motos_to_answer(moto: MotoBackend, body: dict[str, Any]) -> None:
    assert ItemWrites(moto).batch_execute_statement(body) is None


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("#n < :c", False),
        ("#n = :c", False),
        ("#a < :c", False),
        ("attribute_not_exists(#n) OR #n < :c", True),
        ("attribute_exists(#a) AND #a >= :c", False),
    ],
)
def test_a_comparison_with_what_is_not_there_or_has_another_type_does_not_hold(
    dynamodb: Any, moto: MotoBackend, condition: str, holds: bool
) -> None:
    dynamodb.put_item(TableName="ours", Item={"content_id": {"S": "c3"}, "action": {"S": "x"}})
    body = {
        "TableName": "ours",
        "Key": {"content_id": {"S": "c3"}},
        "UpdateExpression": "SET #l = :c",
        "ConditionExpression": condition,
        "ExpressionAttributeNames": {alias: name for alias, name in NAMES.items() if alias in condition + "#l"},
        "ExpressionAttributeValues": {":c": {"N": "1"}},
    }
    if holds:
        assert ItemWrites(moto).update_item(body) == {}
    else:
        with pytest.raises(ApiError, match="ConditionalCheckFailedException"):
            ItemWrites(moto).update_item(body)


PLAIN: dict[str, Any] = {
    "TableName": "ours",
    "Key": {"content_id": {"S": "c9"}},
    "UpdateExpression": "SET #a = :a",
    "ExpressionAttributeNames": {"#a": "action"},
    "ExpressionAttributeValues": {":a": {"S": "block"}},
}


@pytest.mark.parametrize(
    "change",
    [
        {"TableName": "nowhere"},
        {"ReturnValues": "ALL_NEW"},
        {"UpdateExpression": "REMOVE #a"},
        {"UpdateExpression": "SET #a = #a + :a"},
        {"UpdateExpression": "SET #a = if_not_exists(#a, :a)"},
        {"UpdateExpression": "SET #a.b = :a"},
        {"UpdateExpression": "SET #a = :a, #a = :a"},
        {"UpdateExpression": "SET action = :a", "ExpressionAttributeNames": {}},
        {"ConditionExpression": "NOT attribute_exists(#a)"},
        {"ConditionExpression": "attribute_exists(#a) OR #a < :a AND #a > :a"},
        {"ConditionExpression": "(attribute_exists(#a))"},
        {"ExpressionAttributeNames": {"#a": "action", "#unused": "x"}},
        {"ExpressionAttributeValues": {":a": {"S": "block"}, ":unused": {"S": "x"}}},
        {"ExpressionAttributeValues": {":a": {"N": "1e999"}}},
        {"ExpressionAttributeValues": {":a": {"SS": ["x"]}}},
        {"ExpressionAttributeValues": {":a": {"S": "x" * 200_000}}},
        {"ExpressionAttributeNames": {"#a": "content_id"}},
        {"Key": {"content_id": {"S": ""}}},
        {"Key": {"content_id": {"N": "1"}}},
        {"Key": {"content_id": {"S": "c"}, "other": {"S": "c"}}},
    ],
)
def test_any_other_form_is_left_to_moto_untouched(dynamodb: Any, moto: MotoBackend, change: dict[str, Any]) -> None:
    before = dynamodb.scan(TableName="ours")["Items"]
    assert ItemWrites(moto).update_item({**PLAIN, **change}) is None
    assert dynamodb.scan(TableName="ours")["Items"] == before


# ------------------------------------------------------------------------------------------------ events


@pytest.fixture(scope="module")
def queue(url: str) -> str:
    events, sqs = client("events", url), client("sqs", url)
    events.create_event_bus(Name="bus")
    for name, pattern, state in (
        ("enforcement", {"source": [{"prefix": "streamkeeper"}], "detail": {"action": ["block"]}}, "ENABLED"),
        ("asleep", {"source": [{"prefix": "streamkeeper"}]}, "DISABLED"),
    ):
        sqs.create_queue(QueueName=name)
        events.put_rule(Name=name, EventBusName="bus", EventPattern=json.dumps(pattern), State=state)
        target = {"Id": "1", "Arn": f"arn:aws:sqs:us-east-1:000000000000:{name}"}
        events.put_targets(Rule=name, EventBusName="bus", Targets=[target])
    return str(sqs.get_queue_url(QueueName="enforcement")["QueueUrl"])


def entry(**change: Any) -> dict[str, Any]:
    detail = json.dumps({"action": "block", "who": "é😀"})
    given = {"Source": "streamkeeper.moderation", "DetailType": "verdict", "Detail": detail, "EventBusName": "bus"}
    return {**given, **change}


def messages(url: str, queue: str) -> list[dict[str, Any]]:
    sqs = client("sqs", url)
    found = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
    for one in found:
        sqs.delete_message(QueueUrl=queue, ReceiptHandle=one["ReceiptHandle"])
    return [json.loads(one["Body"]) for one in found]


def test_an_event_reaches_the_queue_as_motos_would(url: str, moto: MotoBackend, queue: str) -> None:
    answer = EventBuses(moto, Fixed()).put_events({"Entries": [entry(), entry(Detail='{"action":"review"}')]})
    assert answer is not None
    assert answer["FailedEntryCount"] == 0
    [ours] = messages(url, queue)
    client("events", url).put_events(Entries=[entry(Time=1_700_000_000)])
    [motos] = messages(url, queue)
    assert ours["time"] == "2023-11-14T22:13:20Z"
    # moto leaves the account out; AWS does not.
    assert ours.pop("account") == "000000000000"
    assert {**ours, "id": ""} == {**motos, "id": ""}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"Detail": "{"}, "MalformedDetail"),
        ({"Detail": "[1]"}, "MalformedDetail"),
        ({"Detail": ""}, "InvalidArgument"),
        ({"Source": ""}, "InvalidArgument"),
        ({"DetailType": ""}, "InvalidArgument"),
    ],
)
def test_a_wrong_entry_fails_alone(url: str, moto: MotoBackend, queue: str, change: dict[str, str], code: str) -> None:
    answer: Any = EventBuses(moto, Fixed()).put_events({"Entries": [entry(**change), entry()]})
    assert answer["FailedEntryCount"] == 1
    assert answer["Entries"][0]["ErrorCode"] == code
    assert answer["Entries"][1]["EventId"] == messages(url, queue)[0]["id"]


@pytest.mark.parametrize("entries", [[], [entry()] * 11, [entry(Detail="x" * MAX_TOTAL_BYTES)], None])
def test_too_many_or_too_large_entries_are_refused_as_one(moto: MotoBackend, entries: Any) -> None:
    with pytest.raises(ApiError, match="ValidationException"):
        EventBuses(moto, Fixed()).put_events({"Entries": entries})


def test_a_bus_that_is_not_there_is_motos_to_answer(moto: MotoBackend) -> None:
    assert EventBuses(moto, Fixed()).put_events({"Entries": [entry(EventBusName="nowhere")]}) is None


def test_a_target_with_a_transformer_is_motos_to_serve(url: str, moto: MotoBackend, queue: str) -> None:
    events = client("events", url)
    events.create_event_bus(Name="shaped")
    events.put_rule(Name="r", EventBusName="shaped", EventPattern='{"detail-type":["verdict"]}')
    arn = "arn:aws:sqs:us-east-1:000000000000:enforcement"
    shape = {"InputPathsMap": {"a": "$.detail.action"}, "InputTemplate": '{"did": "<a>"}'}
    events.put_targets(Rule="r", EventBusName="shaped", Targets=[{"Id": "1", "Arn": arn, "InputTransformer": shape}])
    EventBuses(moto, Fixed()).put_events({"Entries": [entry(EventBusName="shaped")]})
    assert messages(url, queue) == [{"did": "block"}]
