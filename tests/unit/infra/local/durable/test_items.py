"""Items over restarts: whatever call wrote them, they are there as they were."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore import xform_name

from infra.local.durable.items import WRITES, KeptItems
from infra.local.durable.messages import KeptMessages
from infra.local.durable.requests import Requests
from infra.local.durable.store import Store
from infra.local.dynamodb import ItemWrites
from infra.local.front import Front
from infra.local.moto_backend import MotoBackend
from infra.local.server import LoopbackServer
from tests.fakes.clients import client

KEY = {"h": {"S": "a"}, "r": {"N": "1"}}


class Run:
    """One run of the door over moto, with what keeps its calls, items and messages."""

    def __init__(self, folder: Path) -> None:
        self.moto = MotoBackend()
        self.moto.reset()
        self.store = Store(folder)
        items = KeptItems(self.store, self.moto)
        requests = Requests(self.store, items)
        shortcut = ItemWrites(self.moto).batch_execute_statement
        front = Front(self.moto, recorder=requests, shortcuts={"DynamoDB_20120810.BatchExecuteStatement": shortcut})
        self.messages = KeptMessages(self.store, self.moto)
        self.problems = [*requests.replay(front), *items.load(), *self.messages.load()]
        self.server = LoopbackServer(front).start()

    def client(self, service: str) -> Any:
        return client(service, self.server.url)

    def kill(self) -> None:
        self.server.stop()
        self.moto.unwatch()
        self.moto.reset()


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[list[Run]]:
    made = [Run(tmp_path)]
    yield made
    for run in made:
        run.kill()
        run.store.close()


def again(runs: list[Run]) -> Run:
    runs[-1].kill()
    runs.append(Run(runs[-1].store.folder))
    return runs[-1]


def table(dynamodb: Any) -> None:
    dynamodb.create_table(
        TableName="t",
        KeySchema=[{"AttributeName": "h", "KeyType": "HASH"}, {"AttributeName": "r", "KeyType": "RANGE"}],
        AttributeDefinitions=[
            {"AttributeName": "h", "AttributeType": "S"},
            {"AttributeName": "r", "AttributeType": "N"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )


def scan(run: Run) -> list[str]:
    found = run.client("dynamodb").scan(TableName="t")["Items"]
    return sorted(json.dumps(item, sort_keys=True, default=repr) for item in found)


def test_items_that_each_kind_of_call_wrote_come_back(runs: list[Run]) -> None:
    dynamodb = runs[0].client("dynamodb")
    table(dynamodb)
    dynamodb.put_item(
        TableName="t",
        Item={
            **KEY,
            "b": {"B": b"\x00\xff"},
            "m": {"M": {"x": {"L": [{"S": "q"}, {"NULL": True}]}}},
            "s": {"NS": ["1"]},
        },
    )
    dynamodb.update_item(
        TableName="t",
        Key={"h": {"S": "u"}, "r": {"N": "2"}},
        UpdateExpression="SET #c = :c",
        ExpressionAttributeNames={"#c": "c"},
        ExpressionAttributeValues={":c": {"N": "5"}},
    )
    for number in "34":
        dynamodb.put_item(TableName="t", Item={"h": {"S": "gone"}, "r": {"N": number}})
    dynamodb.delete_item(TableName="t", Key={"h": {"S": "gone"}, "r": {"N": "3"}})
    dynamodb.batch_write_item(
        RequestItems={
            "t": [
                {"PutRequest": {"Item": {"h": {"S": "batch"}, "r": {"N": "5"}}}},
                {"DeleteRequest": {"Key": {"h": {"S": "gone"}, "r": {"N": "4"}}}},
            ]
        }
    )
    dynamodb.transact_write_items(
        TransactItems=[{"Put": {"TableName": "t", "Item": {"h": {"S": "transaction"}, "r": {"N": "6"}}}}]
    )
    dynamodb.batch_execute_statement(
        Statements=[
            {"Statement": "INSERT INTO \"t\" VALUE {'h': ?, 'r': ?}", "Parameters": [{"S": "insert"}, {"N": "7"}]}
        ]
    )
    before = scan(runs[0])
    assert len(before) == 5

    assert scan(again(runs)) == before
    assert runs[-1].problems == []


def test_a_table_that_is_deleted_takes_its_items_along(runs: list[Run]) -> None:
    dynamodb = runs[0].client("dynamodb")
    table(dynamodb)
    dynamodb.put_item(TableName="t", Item=KEY)
    dynamodb.delete_table(TableName="t")
    table(dynamodb)

    assert scan(again(runs)) == []


def test_every_call_of_dynamodb_that_writes_items_here_is_among_those_that_are_kept() -> None:
    from moto.dynamodb.responses import DynamoHandler

    names = client("dynamodb", "http://127.0.0.1:1").meta.service_model.operation_names
    about_items = [name for name in names if name.endswith(("Item", "Items", "Statement", "Transaction"))]
    answered = {name for name in about_items if hasattr(DynamoHandler, xform_name(name))}
    assert {name for name in answered if "Get" not in name} <= WRITES


def test_messages_come_back_but_for_those_that_were_deleted(runs: list[Run]) -> None:
    sqs = runs[0].client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    attributes = {
        "kind": {"DataType": "String", "StringValue": "x"},
        "raw": {"DataType": "Binary", "BinaryValue": b"\xff"},
    }
    for number in range(4):
        sqs.send_message(QueueUrl=url, MessageBody=f"message {number}", MessageAttributes=attributes)
    [first] = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=1)["Messages"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=first["ReceiptHandle"])
    runs[0].messages.sweep()
    runs[0].store.settle()

    later = again(runs).client("sqs")
    url = later.get_queue_url(QueueName="q")["QueueUrl"]
    found = later.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])["Messages"]
    assert [message["Body"] for message in found] == ["message 1", "message 2", "message 3"]
    assert all(message["MessageAttributes"] == attributes for message in found)


def test_what_calls_made_is_made_again_in_their_order_and_with_the_same_ids(runs: list[Run]) -> None:
    first = runs[0]
    key_id = first.client("kms").create_key()["KeyMetadata"]["KeyId"]
    topic = first.client("sns").create_topic(Name="topic")["TopicArn"]
    glue = first.client("glue")
    glue.create_database(DatabaseInput={"Name": "db"})
    storage = {"Columns": [{"Name": "a", "Type": "string"}], "Location": "s3://x/"}
    for number in range(3):
        glue.create_table(DatabaseName="db", TableInput={"Name": "temporary", "StorageDescriptor": storage})
        glue.delete_table(DatabaseName="db", Name="temporary")
        glue.create_table(DatabaseName="db", TableInput={"Name": f"t{number}", "StorageDescriptor": storage})
    for text in ("one", "two", "three"):
        given = {"Name": "t0", "StorageDescriptor": storage, "Description": text}
        glue.update_table(DatabaseName="db", TableInput=given)
    first.client("ssm").put_parameter(Name="/p", Value="1", Type="String")
    first.client("s3").create_bucket(Bucket="mine")

    # What is gone, or was replaced, has left no call behind.
    assert len(first.store.rows("SELECT 1 FROM requests")) == 9
    later = again(runs)
    assert later.problems == []
    assert later.client("kms").describe_key(KeyId=key_id)["KeyMetadata"]["KeyId"] == key_id
    assert [found["TopicArn"] for found in later.client("sns").list_topics()["Topics"]] == [topic]
    tables = later.client("glue").get_tables(DatabaseName="db")["TableList"]
    assert [(found["Name"], found.get("Description")) for found in tables] == [
        ("t0", "three"),
        ("t1", None),
        ("t2", None),
    ]
    assert later.client("ssm").get_parameter(Name="/p")["Parameter"]["Value"] == "1"
    assert [bucket["Name"] for bucket in later.client("s3").list_buckets()["Buckets"]] == ["mine"]


def test_a_call_that_cannot_be_made_again_is_named_and_the_others_are_made(runs: list[Run]) -> None:
    runs[0].client("glue").create_database(DatabaseInput={"Name": "db"})
    runs[0].store.add("INSERT INTO requests SELECT NULL, subject, action, request FROM requests", ())
    runs[0].client("sns").create_topic(Name="topic")

    later = again(runs)
    assert len(later.problems) == 1
    assert "glue CreateDatabase" in later.problems[0]
    assert len(later.client("sns").list_topics()["Topics"]) == 1
