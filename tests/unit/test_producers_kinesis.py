"""The Kinesis adapter: AWS's answers and errors, as the SDK gives them, sorted by what can be done."""

from collections.abc import Iterator

import pytest
from botocore.exceptions import EndpointConnectionError, NoCredentialsError, ReadTimeoutError
from botocore.stub import Stubber

from producers.aws.kinesis import KinesisStream
from producers.ports import CallFailedError, CallRefusedError, OutRecord, PutResult, StreamRefusedError

RECORDS = [OutRecord("e0", "k0", b"zero"), OutRecord("e1", "k1", b"one")]


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> KinesisStream:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    return KinesisStream("content", region="eu-west-1")


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
        {
            "StreamName": "content",
            "Records": [{"Data": b"zero", "PartitionKey": "k0"}, {"Data": b"one", "PartitionKey": "k1"}],
        },
    )
    assert stream.put(RECORDS) == [
        PutResult("1", "shardId-000000000000"),
        PutResult(None, None, "ProvisionedThroughputExceededException"),
    ]


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
    class Broken:
        def put_records(self, **_: object) -> object:
            raise error

    stream._client = Broken()
    with pytest.raises(expected):
        stream.put(RECORDS)


def test_without_a_region_the_error_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    with pytest.raises(StreamRefusedError, match="Set AWS_REGION"):
        KinesisStream("content")


def test_the_client_makes_one_attempt(stream: KinesisStream) -> None:
    config = stream._client.meta.config
    assert config.retries["total_max_attempts"] == 1
    assert config.tcp_keepalive is True
