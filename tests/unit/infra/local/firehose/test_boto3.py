"""Firehose's API through an unmodified boto3."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError

from infra.local.errors import ApiError
from tests.fakes.firehose_door import BY_DAY, DESTINATION, QUERY, T0, Door


@pytest.fixture
def door() -> Door:
    door = Door()
    door.create()
    return door


@pytest.fixture
def client(door: Door) -> Iterator[Any]:
    session = boto3.session.Session("test", "test", region_name="us-east-1")
    client = session.client("firehose", endpoint_url="http://twin.invalid")

    def answer(request: Any, **_: Any) -> AWSResponse:
        action = request.headers["X-Amz-Target"].decode().split(".")[1]
        try:
            status, body = 200, door.api.call(action, json.loads(request.body))
        except ApiError as error:
            status, body = error.status, {"__type": error.code, "message": error.message}
        return Answer(request.url, status, json.dumps(body).encode())

    client.meta.events.register("before-send.firehose", answer)
    yield client
    client.close()


class Answer(AWSResponse):
    def __init__(self, url: str, status: int, body: bytes) -> None:
        super().__init__(url, status, {"Content-Type": "application/x-amz-json-1.1"}, None)
        self._content = body


def test_boto3_creates_describes_puts_and_lists(client: Any, door: Door) -> None:
    client.create_delivery_stream(
        DeliveryStreamName="verdicts",
        ExtendedS3DestinationConfiguration={
            **DESTINATION,
            **BY_DAY,
            "BufferingHints": {"SizeInMBs": 64, "IntervalInSeconds": 60},
        },
        Tags=[{"Key": "subject", "Value": "taboo"}],
        DeliveryStreamEncryptionConfigurationInput={"KeyType": "AWS_OWNED_CMK"},
    )
    put = client.put_record_batch(DeliveryStreamName="verdicts", Records=[{"Data": b'{"dt":"2027-01-15"}'}])
    door.driver.flush()

    described = client.describe_delivery_stream(DeliveryStreamName="verdicts")["DeliveryStreamDescription"]
    destination = described["Destinations"][0]["ExtendedS3DestinationDescription"]
    assert put["FailedPutCount"] == 0
    assert put["Encrypted"] is True
    assert described["DeliveryStreamStatus"] == "ACTIVE"
    assert described["DeliveryStreamARN"] == "arn:aws:firehose:us-east-1:000000000000:deliverystream/verdicts"
    assert described["CreateTimestamp"].timestamp() == T0
    assert destination["BufferingHints"] == {"SizeInMBs": 64, "IntervalInSeconds": 60}
    assert destination["CompressionFormat"] == "UNCOMPRESSED"
    assert destination["ProcessingConfiguration"] == QUERY
    assert next(iter(door.shelf.objects)).startswith("lake/v/dt=2027-01-15/verdicts-1-")
    assert client.list_delivery_streams(Limit=1)["DeliveryStreamNames"] == ["s"]
    assert client.list_delivery_streams(Limit=1)["HasMoreDeliveryStreams"] is True
    assert client.list_delivery_streams(ExclusiveStartDeliveryStreamName="s")["DeliveryStreamNames"] == ["verdicts"]


def test_boto3_sees_tags_as_they_were_recorded_on_aws(client: Any) -> None:
    # The answers of AWS: LocalStack's snapshot of test_resource_tagging, recorded 2026-03-05.
    client.create_delivery_stream(
        DeliveryStreamName="t",
        ExtendedS3DestinationConfiguration=DESTINATION,
        Tags=[{"Key": "subject", "Value": "taboo"}],
    )

    def tags() -> dict[str, Any]:
        answer = client.list_tags_for_delivery_stream(DeliveryStreamName="t")
        return {key: answer[key] for key in ("HasMoreTags", "Tags")}

    assert tags() == {"HasMoreTags": False, "Tags": [{"Key": "subject", "Value": "taboo"}]}
    client.untag_delivery_stream(DeliveryStreamName="t", TagKeys=["subject"])
    assert tags() == {"HasMoreTags": False, "Tags": []}
    client.tag_delivery_stream(DeliveryStreamName="t", Tags=[{"Key": "feeling", "Value": "uncomfortable"}])
    assert tags() == {"HasMoreTags": False, "Tags": [{"Key": "feeling", "Value": "uncomfortable"}]}


def test_boto3_starts_and_stops_encryption(client: Any) -> None:
    def status() -> str:
        answer = client.describe_delivery_stream(DeliveryStreamName="s")["DeliveryStreamDescription"]
        return str(answer["DeliveryStreamEncryptionConfiguration"]["Status"])

    assert status() == "DISABLED"
    client.start_delivery_stream_encryption(DeliveryStreamName="s")
    assert status() == "ENABLED"
    client.stop_delivery_stream_encryption(DeliveryStreamName="s")
    assert status() == "DISABLED"


def test_boto3_gets_the_errors_that_it_has_classes_for(client: Any) -> None:
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.put_record(DeliveryStreamName="nope", Record={"Data": b"a"})
    with pytest.raises(client.exceptions.InvalidArgumentException):
        client.put_record_batch(DeliveryStreamName="s", Records=[{"Data": b"x" * 900_000}] * 5)
    with pytest.raises(ClientError, match="ValidationException"):
        client.put_record_batch(DeliveryStreamName="s", Records=[{"Data": b"x"}] * 501)
    with pytest.raises(client.exceptions.ResourceInUseException):
        client.create_delivery_stream(DeliveryStreamName="s", ExtendedS3DestinationConfiguration=DESTINATION)
