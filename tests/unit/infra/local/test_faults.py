"""Faults at the door: what a client sees of a throttled call, a call partly refused, an answer that is lost."""

import json
from collections.abc import Iterable
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.faults import Fault, Faults, FaultyDoor

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

BATCHES = {
    ("kinesis", "Kinesis_20131202.PutRecords"): ("Records", "Records", "FailedRecordCount"),
    ("firehose", "Firehose_20150804.PutRecordBatch"): ("Records", "RequestResponses", "FailedPutCount"),
    ("events", "AWSEvents.PutEvents"): ("Entries", "Entries", "FailedEntryCount"),
}


class Service:
    """Takes what it gets, and numbers its answers."""

    def __init__(self) -> None:
        self.taken: list[Any] = []
        self.status = "200 OK"

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        body = json.loads(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)) or b"{}")
        entries = body.get("Records") or body.get("Entries") or []
        self.taken += entries
        answer: dict[str, Any] = {"asked": len(entries)}
        for name in ("Records", "RequestResponses", "Entries"):
            answer[name] = [{"id": entry} for entry in entries]
        start_response(self.status, [])
        return [json.dumps(answer).encode()]


def call(
    door: FaultyDoor, service: str, target: str = "", body: Any = None, *, method: str = "POST", path: str = "/"
) -> tuple[int, Any]:
    raw = json.dumps(body or {}).encode()
    environ: Any = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "HTTP_AUTHORIZATION": f"AWS4-HMAC-SHA256 Credential=K/20261120/us-east-1/{service}/aws4_request, S=x",
        "HTTP_X_AMZ_TARGET": target,
        "CONTENT_LENGTH": str(len(raw)),
        "wsgi.input": BytesIO(raw),
    }
    given: list[str] = []
    content = b"".join(door(environ, lambda status, *_: given.append(status)))  # type: ignore[arg-type]
    status = int(given[0].split()[0])
    return status, json.loads(content) if content[:1] == b"{" else content.decode()


def doored(*faults: Fault) -> tuple[FaultyDoor, Service, Faults]:
    service, on = Service(), Faults()
    for fault in faults:
        on.add(fault)
    return FaultyDoor(service, on, exempt=lambda environ: False), service, on


def test_a_throttled_call_is_refused_as_its_service_does_and_has_no_effect() -> None:
    door, service, _ = doored(Fault(kind="throttle", call="firehose.PutRecordBatch", times=1))
    status, answer = call(door, "firehose", "Firehose_20150804.PutRecordBatch", {"Records": [1]})
    assert (status, answer["__type"]) == (503, "ServiceUnavailableException")
    assert service.taken == []
    assert call(door, "firehose", "Firehose_20150804.PutRecordBatch", {"Records": [1]})[0] == 200
    assert service.taken == [1]


def test_a_service_named_alone_is_struck_in_every_call_and_no_other_is() -> None:
    door, _, _ = doored(Fault(kind="throttle", call="s3"))
    assert call(door, "s3", method="PUT", path="/bucket/key")[0] == 503
    assert "<Code>SlowDown</Code>" in call(door, "s3", method="GET", path="/bucket")[1]
    assert call(door, "kinesis", "Kinesis_20131202.PutRecords")[0] == 200
    assert call(door, "s3express", method="GET", path="/bucket")[0] == 200


def test_calls_of_s3_and_lambda_have_names_too() -> None:
    door, _, _ = doored(Fault(kind="throttle", call="s3.GetObject"), Fault(kind="throttle", call="lambda.Invoke"))
    assert call(door, "s3", method="GET", path="/bucket/a/b")[0] == 503
    assert call(door, "s3", method="PUT", path="/bucket/a/b")[0] == 200
    assert call(door, "lambda", path="/2015-03-31/functions/f/invocations")[0] == 429
    assert call(door, "lambda", path="/2015-03-31/functions/f")[0] == 200


def test_a_lost_answer_has_its_effect() -> None:
    door, service, _ = doored(Fault(kind="lost_answer", call="kinesis", times=1))
    assert call(door, "kinesis", "Kinesis_20131202.PutRecords", {"Records": [7]})[0] == 500
    assert service.taken == [7]


@given(which=st.sampled_from(sorted(BATCHES)), count=st.integers(1, 40), every=st.integers(1, 10))
def test_of_a_call_of_many_the_failed_have_no_effect_and_each_answer_stands_at_its_place(
    which: tuple[str, str], count: int, every: int
) -> None:
    service_name, target = which
    entries, results, failed = BATCHES[which]
    call_name = f"{service_name}.{target.rpartition('.')[2]}"
    door, service, _ = doored(Fault(kind="partial_failure", call=call_name, every=every))
    status, answer = call(door, service_name, target, {"Name": "s", entries: list(range(count))})
    failing = set(range(0, count, every))
    assert status == 200
    assert service.taken == [at for at in range(count) if at not in failing]
    assert answer[failed] == len(failing)
    assert [one.get("id") for one in answer[results]] == [None if at in failing else at for at in range(count)]
    assert all(answer[results][at]["ErrorCode"] for at in failing)


def test_a_call_that_the_service_refuses_is_refused_also_with_a_partial_failure() -> None:
    door, service, _ = doored(Fault(kind="partial_failure", call="kinesis.PutRecords"))
    service.status = "400 Bad Request"
    assert call(door, "kinesis", "Kinesis_20131202.PutRecords", {"Records": [1, 2]})[0] == 400


@pytest.mark.parametrize("body", [{}, {"Records": []}, {"Records": 3}, {"Records": None}, [1], "text"])
def test_a_call_without_entries_is_the_services_to_answer(body: Any) -> None:
    reached: list[bytes] = []

    def service(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        reached.append(environ["wsgi.input"].read())
        start_response("400 Bad Request", [])
        return [b"{}"]

    on = Faults()
    on.add(Fault(kind="partial_failure", call="kinesis.PutRecords"))
    door = FaultyDoor(service, on, exempt=lambda environ: False)
    assert call(door, "kinesis", "Kinesis_20131202.PutRecords", body)[0] == 400
    assert json.loads(reached[0]) == (body or {})


def test_the_runtimes_own_calls_and_its_control_meet_no_fault() -> None:
    service, on = Service(), Faults()
    on.add(Fault(kind="throttle", call="kinesis"))
    door = FaultyDoor(service, on, exempt=lambda environ: environ["PATH_INFO"] == "/mine")
    assert call(door, "kinesis", "Kinesis_20131202.PutRecords", path="/mine")[0] == 200
    assert call(door, "kinesis", path="/_twin/state")[0] == 200
    assert call(door, "kinesis")[0] == 400


def test_a_fault_strikes_as_often_as_it_may_and_is_counted() -> None:
    door, _, on = doored(Fault(kind="throttle", call="kinesis", times=2))
    assert [call(door, "kinesis")[0] for _ in range(4)] == [400, 400, 200, 200]
    [fault] = on.listed()
    assert fault.struck == 2
    on.remove(fault.id)
    assert on.listed() == []


def test_functions_are_struck_by_name_or_all() -> None:
    on = Faults()
    on.add(Fault(kind="function_error", function="moderate", times=1))
    assert on.of_function("other") is None
    assert on.of_function("moderate") is not None
    assert on.of_function("moderate") is None
    on.add(Fault(kind="function_timeout"))
    assert on.of_function("other") is not None
    assert on.of_call("lambda", "Invoke") is None


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"kind": "throttle"}, "SERVICE.Operation"),
        ({"kind": "throttle", "call": "Kinesis PutRecords"}, "SERVICE.Operation"),
        ({"kind": "partial_failure", "call": "s3.PutObject"}, "firehose.PutRecordBatch"),
        ({"kind": "partial_failure", "call": "kinesis"}, "kinesis.PutRecords"),
        ({"kind": "throttle", "call": "kinesis", "times": 0}, "1 or more"),
        ({"kind": "partial_failure", "call": "kinesis.PutRecords", "every": 0}, "every"),
    ],
)
def test_a_fault_that_cannot_be_says_what_is_allowed(fault: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Fault(**fault)
