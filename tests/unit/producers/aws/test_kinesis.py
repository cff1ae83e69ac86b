"""The Kinesis adapter: AWS's answers and errors, as the SDK gives them, sorted by what can be done."""

import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSPreparedRequest, AWSRequest, AWSResponse
from botocore.exceptions import EndpointConnectionError, NoCredentialsError, ReadTimeoutError
from botocore.stub import Stubber

from producers.aws.kinesis import KinesisStream
from producers.ports import CallFailedError, CallRefusedError, OutRecord, PutResult, ShardRange, StreamRefusedError

RECORDS = [OutRecord("e0", "k0", b"zero"), OutRecord("e1", "k1", b"one")]


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> KinesisStream:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    return KinesisStream("content")


@pytest.fixture
def answers(stream: KinesisStream) -> Iterator[Stubber]:
    with Stubber(stream._client) as stubber:
        yield stubber


def test_results_come_back_by_position(stream: KinesisStream, answers: Stubber) -> None:
    answers.add_response(
        "put_records",
        {
            "FailedRecordCount": 1,
            "Records": [
                {"SequenceNumber": "1", "ShardId": "shardId-000000000000"},
                {"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "Rate exceeded"},
            ],
        },
    )
    assert stream.put(RECORDS) == [
        PutResult("1", "shardId-000000000000"),
        PutResult(None, None, "ProvisionedThroughputExceededException"),
    ]


def test_a_throttled_record_names_its_shard_when_its_message_does(stream: KinesisStream, answers: Stubber) -> None:
    message = "Rate exceeded for shard shardId-000000000007 in stream content under account 111122223333."
    throttled = {"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": message}
    answers.add_response("put_records", {"FailedRecordCount": 1, "Records": [throttled]})
    assert stream.put(RECORDS[:1]) == [
        PutResult(None, "shardId-000000000007", "ProvisionedThroughputExceededException")
    ]


def test_the_open_shards_are_listed_over_pages_and_not_being_allowed_to_is_no_error(
    stream: KinesisStream, answers: Stubber
) -> None:
    def shard(number: int) -> dict[str, object]:
        return {
            "ShardId": f"shardId-{number:012d}",
            "HashKeyRange": {"StartingHashKey": str(number * 10), "EndingHashKey": str(number * 10 + 9)},
            "SequenceNumberRange": {"StartingSequenceNumber": "1"},
        }

    latest = {"StreamName": "content", "ShardFilter": {"Type": "AT_LATEST"}}
    answers.add_response("list_shards", {"Shards": [shard(0)], "NextToken": "more"}, latest)
    answers.add_response("list_shards", {"Shards": [shard(1)]}, {"NextToken": "more"})
    answers.add_client_error("list_shards", "AccessDeniedException", http_status_code=400)
    assert stream.shards() == [ShardRange("shardId-000000000000", 0, 9), ShardRange("shardId-000000000001", 10, 19)]
    assert stream.shards() == []


def test_the_request_says_what_botocore_s_own_would_and_is_signed_and_measured_as_it_is(stream: KinesisStream) -> None:
    # given keys and data that need care in JSON
    records = [
        OutRecord(str(number), key, data)
        for number, (key, data) in enumerate(
            [("k", b""), ('"quoted"\\', b"\xff\x00"), ("ключ\n", bytes(range(256))), ("\U0001f600", b"x" * 5000)]
        )
    ]
    sent: list[AWSPreparedRequest] = []

    def take(request: AWSPreparedRequest, **_: object) -> AWSResponse:
        sent.append(request)
        return AWSResponse(request.url, 200, {}, Raw(b'{"FailedRecordCount":0,"Records":[{"SequenceNumber":"7"}]}'))

    # when the same records are put by our adapter and by a client of botocore's own ways
    stream._client.meta.events.register("before-send.kinesis.PutRecords", take)
    assert stream.put(records) == [PutResult("7", None)]
    plain = boto3.client("kinesis", region_name="eu-west-1")
    plain.meta.events.register("before-send.kinesis.PutRecords", take)
    plain.put_records(
        StreamName="content", Records=[{"Data": one.data, "PartitionKey": one.partition_key} for one in records]
    )
    # then the requests are the same but for the writing of the JSON, which the signature covers
    ours, theirs = sent
    assert json.loads(ours.body) == json.loads(theirs.body)
    assert (ours.url, ours.method) == (theirs.url, theirs.method)
    assert ours.headers["X-Amz-Target"] == theirs.headers["X-Amz-Target"]
    assert ours.headers["Content-Type"] == theirs.headers["Content-Type"]
    assert int(ours.headers["Content-Length"]) == len(ours.body)
    request = AWSRequest(method=ours.method, url=ours.url, data=ours.body, headers={"X-Amz-Target": "x"})
    assert SigV4Auth(stream._client._request_signer._credentials, "kinesis", "eu-west-1").payload(request) == (
        hashlib.sha256(ours.body).hexdigest()
    )
    assert "Signature=" in str(ours.headers["Authorization"])


def test_puts_from_several_threads_keep_their_records_apart(stream: KinesisStream) -> None:
    sent: list[list[str]] = []

    def take(request: AWSPreparedRequest, **_: object) -> AWSResponse:
        keys = [one["PartitionKey"] for one in json.loads(request.body)["Records"]]
        sent.append(keys)
        answer = {"FailedRecordCount": 0, "Records": [{"SequenceNumber": key} for key in keys]}
        return AWSResponse(request.url, 200, {}, Raw(json.dumps(answer).encode()))

    stream._client.meta.events.register("before-send.kinesis.PutRecords", take)

    def put(number: int) -> list[str | None]:
        results = stream.put([OutRecord("e", f"{number}-{place}", b"x") for place in range(3)])
        return [result.sequence_number for result in results]

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(put, range(40)))
    assert answers == [[f"{number}-{place}" for place in range(3)] for number in range(40)]
    assert len(sent) == 40


class Raw:
    """A response's body, as urllib3 gives it."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    def stream(self) -> Iterator[bytes]:
        yield self.content


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        ("ProvisionedThroughputExceededException", 400, CallFailedError),
        ("ThrottlingException", 400, CallFailedError),
        ("KMSThrottlingException", 400, CallFailedError),
        ("InternalFailure", 500, CallFailedError),
        ("SomethingNew", 503, CallFailedError),
        ("ValidationException", 400, CallRefusedError),
        ("InvalidArgumentException", 400, CallRefusedError),
        ("413", 413, CallRefusedError),
        ("ResourceNotFoundException", 400, StreamRefusedError),
        ("AccessDeniedException", 400, StreamRefusedError),
        ("KMSDisabledException", 400, StreamRefusedError),
        ("ExpiredTokenException", 400, StreamRefusedError),
        ("SomethingNew", 400, StreamRefusedError),
    ],
)
def test_every_error_is_sorted(
    stream: KinesisStream, answers: Stubber, code: str, status: int, expected: type[Exception]
) -> None:
    answers.add_client_error("put_records", code, "message with payload", http_status_code=status)
    with pytest.raises(expected) as raised:
        stream.put(RECORDS)
    assert "payload" not in str(raised.value)
    if isinstance(raised.value, StreamRefusedError):
        assert f"stream content in eu-west-1 refused the records: {code}" in str(raised.value)
        assert raised.value.next_step


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (EndpointConnectionError(endpoint_url="x"), CallFailedError),
        (ReadTimeoutError(endpoint_url="x"), CallFailedError),
        (NoCredentialsError(), StreamRefusedError),
    ],
)
def test_network_and_credentials(stream: KinesisStream, error: Exception, expected: type[Exception]) -> None:
    def fail(**_: object) -> None:
        raise error

    stream._client.meta.events.register("before-send.kinesis.PutRecords", fail)
    with pytest.raises(expected):
        stream.put(RECORDS)


def test_the_client_makes_one_attempt(stream: KinesisStream) -> None:
    config = stream._client.meta.config
    assert config.retries["total_max_attempts"] == 1
    assert config.tcp_keepalive is True
