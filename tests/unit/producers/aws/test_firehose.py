"""The Firehose adapter: AWS's answers by position, its limits, and the words of its errors."""

from collections.abc import Iterator

import pytest
from botocore.stub import Stubber

from producers.aws.firehose import FirehoseStream
from producers.delivery.batching import UnsendableError, firehose_batcher
from producers.delivery.report import DeliverySettings
from producers.delivery.sending import deliver
from producers.ports import CallFailedError, CallRefusedError, OutRecord, PutResult, StreamRefusedError
from tests.fakes.stream import FakeStream, VirtualClock

RECORDS = [OutRecord("e0", "k0", b"zero"), OutRecord("e1", "k1", b"one")]


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> FirehoseStream:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    return FirehoseStream("deferred")


@pytest.fixture
def answers(stream: FirehoseStream) -> Iterator[Stubber]:
    with Stubber(stream._client) as stubber:
        yield stubber


def test_each_record_is_a_line_and_counts_only_with_its_own_id(stream: FirehoseStream, answers: Stubber) -> None:
    answers.add_response(
        "put_record_batch",
        {
            "FailedPutCount": 0,
            "RequestResponses": [
                {"RecordId": "r0"},
                {"ErrorCode": "ServiceUnavailableException", "ErrorMessage": "Slow down."},
            ],
        },
        {"DeliveryStreamName": "deferred", "Records": [{"Data": b"zero\n"}, {"Data": b"one\n"}]},
    )
    assert stream.put(RECORDS) == [
        PutResult("r0", "firehose/deferred"),
        PutResult(None, "firehose/deferred", "ServiceUnavailableException"),
    ]


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        ("ServiceUnavailableException", 503, CallFailedError),
        ("LimitExceededException", 400, CallFailedError),
        ("InvalidArgumentException", 400, CallRefusedError),
        ("ResourceNotFoundException", 400, StreamRefusedError),
        ("InvalidKMSResourceException", 400, StreamRefusedError),
        ("InvalidSourceException", 400, StreamRefusedError),
    ],
)
def test_every_error_is_sorted(
    stream: FirehoseStream, answers: Stubber, code: str, status: int, expected: type[Exception]
) -> None:
    answers.add_client_error("put_record_batch", code, "message with payload", http_status_code=status)
    with pytest.raises(expected) as raised:
        stream.put(RECORDS)
    assert "payload" not in str(raised.value)


def test_a_missing_right_is_named(stream: FirehoseStream, answers: Stubber) -> None:
    answers.add_client_error("put_record_batch", "AccessDeniedException", "no", http_status_code=400)
    with pytest.raises(StreamRefusedError, match="Allow firehose:PutRecordBatch on this stream"):
        stream.put(RECORDS)


def test_the_batcher_keeps_the_limits_of_a_call_and_of_a_record() -> None:
    batcher = firehose_batcher()
    sizes = [1000 * 1024 - 2] * 4 + [10] * 1200
    sent = [batcher.add(OutRecord(str(place), "k", b"x" * size)) for place, size in enumerate(sizes)]
    calls = [call for call in [*sent, batcher.drain()] if call]
    assert [record.event_id for call in calls for record in call] == [str(place) for place in range(len(sizes))]
    for call in calls:
        assert len(call) <= 500
        assert sum(len(record.data) + 1 for record in call) <= 3_500_000
        assert max(len(record.data) + 1 for record in call) <= 1000 * 1024
    with pytest.raises(UnsendableError):
        batcher.add(OutRecord("too large", "k", b"x" * (1000 * 1024)))


def test_only_what_was_throttled_is_sent_again() -> None:
    busy = PutResult(None, None, "ServiceUnavailableException")
    clock = VirtualClock()

    def behaviour(number: int, records: object) -> list[PutResult] | None:
        return [PutResult("r0"), busy, PutResult("r2")] if number == 0 else None

    records = [OutRecord(f"e{number}", "k", b"x") for number in range(3)]
    stream = FakeStream(behaviour)
    report = deliver(records, stream, clock=clock, settings=DeliverySettings(in_flight=1))
    assert stream.calls == [["e0", "e1", "e2"], ["e1"]]
    assert (report.accepted, report.throttled, report.resent, report.failed) == (3, 1, 1, [])
