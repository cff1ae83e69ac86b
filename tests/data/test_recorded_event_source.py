"""The event source mapping and Lambda's API against answers and events recorded on AWS."""

import base64
import json
import os
import re
from pathlib import Path

import pytest

from infra.local.awslambda.api import EventSourceApi
from infra.local.awslambda.destinations import FailureDestinations
from infra.local.awslambda.documents import Discarded, full_invocation_record, invocation_record, object_key
from infra.local.awslambda.driver import EventSourceDriver
from infra.local.awslambda.functions import Functions, Invoked
from infra.local.awslambda.functions_api import LambdaApi
from infra.local.kinesis.api import KinesisApi
from infra.local.kinesis.streams import Streams

ACCOUNT = "111111111111"
REGION = "eu-central-1"
RECORDED = json.loads(
    (
        Path(os.environ["STREAMKEEPER_DATA"])
        / "vectors/aws_recorded_snapshots/test_lambda_integration_kinesis.snapshot.json"
    ).read_text()
)
QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:failed"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:failed"
BUCKET = "arn:aws:s3:::failed"
STREAM = f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/content"

CODE = {"S3Bucket": "this-checkout", "S3Key": "lambda"}


def recorded(case):
    [content] = [entry["recorded-content"] for name, entry in RECORDED.items() if name.split("::")[-1] == case]
    return content


class Matcher:
    """Compares with a recording, whose volatile values stand as <placeholders>; one placeholder is one value."""

    def __init__(self):
        self.bound = {}

    def check(self, expected, actual, where="$"):
        if isinstance(expected, dict):
            expected = {key: value for key, value in expected.items() if key != "ResponseMetadata"}
            assert isinstance(actual, dict), where
            assert actual.keys() == expected.keys(), where
            for key, value in expected.items():
                self.check(value, actual[key], f"{where}.{key}")
        elif isinstance(expected, list):
            assert len(actual) == len(expected), where
            for at, value in enumerate(expected):
                self.check(value, actual[at], f"{where}[{at}]")
        elif isinstance(expected, str) and "<" in expected:
            self._check_text(expected, str(actual), where)
        elif isinstance(expected, str):
            assert actual == expected, where
        else:
            assert actual == expected, where
            assert type(actual) is type(expected), where

    def _check_text(self, expected, actual, where):
        pattern, groups = "", []
        for part in re.split(r"(<[^>]+>)", expected):
            if part.startswith("<timestamp:"):
                pattern += r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
            elif part.startswith("<") and ("arrival" in part or part in ("<datetime>", "<execution-start>")):
                pattern += r"\d+(?:\.\d{1,3})?"
            elif part.startswith("<"):
                pattern += "(.+?)"
                groups.append(part)
            else:
                pattern += re.escape(part)
        match = re.fullmatch(pattern, actual)
        assert match, f"{where}: {actual!r} is not like {expected!r}"
        for name, value in zip(groups, match.groups(), strict=True):
            assert self.bound.setdefault(name, value) == value, f"{where}: {name}"


class ManualClock:
    def __init__(self):
        self.time = 1_700_000_000.0

    def now(self):
        return self.time


class ScriptedFunctions(Functions):
    """Answers every invocation by a rule, and keeps the events."""

    def __init__(self, clock, rule):
        super().__init__(account=ACCOUNT, region=REGION)
        self.clock = clock
        self.rule = rule
        self.events = []

    def invoke(self, name_or_arn, payload):
        event = json.loads(payload)
        self.events.append((self.clock.now(), self.get(name_or_arn).settings.name, event))
        request_id = f"00000000-0000-4000-8000-{len(self.events):012d}"
        try:
            answer = self.rule(event)
        except ZeroDivisionError:
            return Invoked(request_id=request_id, payload=b"{}", error="Unhandled")
        return Invoked(request_id=request_id, payload=json.dumps(answer).encode())


class Written(FailureDestinations):
    def __init__(self):
        self.all: list[Discarded] = []
        self.destinations = []

    def write(self, discarded, *, destination, mapping_uuid):
        self.all.append(discarded)
        self.destinations.append((destination, mapping_uuid))


class Rig:
    """The API, the streams and the mappings on a clock that the test moves."""

    def __init__(self, rule=lambda event: None):
        self.clock = ManualClock()
        self.streams = Streams(account=ACCOUNT, region=REGION)
        self.kinesis = KinesisApi(self.streams, self.clock)
        self.functions = ScriptedFunctions(self.clock, rule)
        self.written = Written()
        self.driver = EventSourceDriver(
            streams=self.streams, functions=self.functions, destinations=self.written, clock=self.clock
        )
        self.api = LambdaApi(self.functions, EventSourceApi(self.driver, self.functions, self.streams), self.clock)
        self.kinesis.call("CreateStream", {"StreamName": "content", "ShardCount": 1})
        self.function("moderate")

    def function(self, name):
        role = f"arn:aws:iam::{ACCOUNT}:role/worker"
        self.request(
            "POST",
            "/functions",
            {"FunctionName": name, "Handler": "a.b", "Role": role, "Code": CODE},
        )

    def request(self, method, path, body=None):
        status, headers, answer = self.api.handle(method, f"/2015-03-31{path}", {}, json.dumps(body or {}).encode())
        return status, headers, json.loads(answer) if answer else None

    def map(self, **options):
        body = {"EventSourceArn": STREAM, "FunctionName": "moderate", "StartingPosition": "TRIM_HORIZON", **options}
        return self.request("POST", "/event-source-mappings", body)

    def put(self, data, key="test"):
        import base64

        body = {"StreamName": "content", "PartitionKey": key, "Data": base64.b64encode(data).decode()}
        return self.kinesis.call("PutRecord", body)

    def run(self, seconds=5.0, step=0.1):
        end = self.clock.time + seconds
        while self.clock.time < end:
            while self.driver.run_once():
                pass
            self.clock.time += step

    @property
    def events(self):
        return [event for _, _, event in self.functions.events]


def test_a_created_mapping_is_shown_as_recorded():
    rig = Rig()
    status, _, document = rig.map(StartingPosition="LATEST")
    content = recorded("test_create_kinesis_event_source_mapping")
    matcher = Matcher()
    matcher.check(content["create_event_source_mapping_response"], document)
    assert status == content["create_event_source_mapping_response"]["ResponseMetadata"]["HTTPStatusCode"]

    for at in range(10):
        rig.put(b"hello", f"test_{at}")
    rig.run()
    matcher.check(content["kinesis_records"], {"Records": [r for event in rig.events for r in event["Records"]]})


def test_batches_come_in_order_as_recorded_for_latest():
    rig = Rig()
    content = recorded("test_kinesis_event_source_mapping_with_async_invocation")
    matcher = Matcher()
    _, _, document = rig.map(StartingPosition="LATEST", BatchSize=10)
    matcher.check(content["create_event_source_mapping_response"], document)
    for batch in range(2):
        for at in range(10):
            rig.put(json.dumps({"record_id": at}).encode(), f"test_{batch}")
    rig.run()
    seen = [{"executionStart": start, "event": event} for start, _, event in rig.functions.events]
    matcher.check(content["invocation_events"], seen)


def test_a_mapping_from_the_trim_horizon_reads_what_was_there_before():
    rig = Rig()
    content = recorded("test_kinesis_event_source_trim_horizon")
    for key in ("test_0", "test_1", "test_3"):
        for at in range(10):
            rig.put(json.dumps({"record_id": at}).encode(), key)
    matcher = Matcher()
    _, _, document = rig.map(BatchSize=10)
    matcher.check(content["create_event_source_mapping_response"], document)
    rig.run()
    seen = [{"executionStart": start, "event": event} for start, _, event in rig.functions.events]
    matcher.check(content["invocation_events"], seen)


def test_a_disabled_mapping_stops_reading():
    rig = Rig()
    content = recorded("test_disable_kinesis_event_source_mapping")
    matcher = Matcher()
    _, _, document = rig.map(StartingPosition="LATEST", BatchSize=10)
    matcher.check(content["create_event_source_mapping_response"], document)
    for at in range(10):
        rig.put(json.dumps({"record_id": at}).encode())
    rig.run()
    rig.request("PUT", f"/event-source-mappings/{document['UUID']}", {"Enabled": False})
    rig.run()
    for at in range(10):
        rig.put(json.dumps({"record_id": at}).encode())
    rig.run()
    matcher.check(content["invocation_events"], rig.events)
    _, _, shown = rig.request("GET", f"/event-source-mappings/{document['UUID']}")
    assert shown["State"] == "Disabled"


def fail(event):
    return 1 / 0


@pytest.mark.parametrize(
    ("case", "destination", "expected"),
    [
        (
            "test_kinesis_event_source_mapping_with_on_failure_destination_config",
            QUEUE,
            lambda content: content["sqs_payload"]["Messages"][0]["Body"],
        ),
        (
            "test_kinesis_event_source_mapping_with_sns_on_failure_destination_config",
            TOPIC,
            lambda content: content["failure_sns_message"]["Message"],
        ),
        (
            "test_kinesis_event_source_mapping_with_s3_on_failure_destination",
            BUCKET,
            lambda content: content["record_body"],
        ),
    ],
)
def test_a_batch_given_up_on_is_written_down_as_recorded(case, destination, expected):
    rig = Rig(fail)
    content = recorded(case)
    matcher = Matcher()
    _, _, document = rig.map(
        BatchSize=1,
        MaximumBatchingWindowInSeconds=1,
        MaximumRetryAttempts=1,
        DestinationConfig={"OnFailure": {"Destination": destination}},
    )
    matcher.check(content["create_event_source_mapping_response"], document)
    rig.put(b'{"input": "hello", "value": "world", "raise_error": 1}', "custom")
    rig.run()
    [discarded] = rig.written.all
    body = full_invocation_record(discarded) if destination == BUCKET else invocation_record(discarded)
    matcher.check(expected(content), json.loads(json.dumps(body)))
    assert rig.written.destinations == [(destination, document["UUID"])]
    assert re.fullmatch(
        rf"aws/lambda/{document['UUID']}/shardId-000000000000/2023/11/14/2023-11-14T22\.13\.\d\d-u",
        object_key(discarded, mapping_uuid=document["UUID"], unique="u"),
    )


def test_the_second_mapping_of_one_stream_and_function_is_refused():
    rig = Rig()
    content = recorded("test_duplicate_event_source_mappings")
    matcher = Matcher()
    _, _, first = rig.map(StartingPosition="LATEST")
    matcher.check(content["create"], first)
    status, headers, error = rig.map(StartingPosition="LATEST")
    matcher.check(content["error"]["message"], error["message"])
    assert error["Type"] == content["error"]["Type"]
    assert headers["x-amzn-errortype"] == content["error"]["Error"]["Code"]
    assert status == content["error"]["ResponseMetadata"]["HTTPStatusCode"]


def test_two_functions_read_one_stream_each_on_its_own():
    rig = Rig()
    rig.function("second")
    content = recorded("test_create_kinesis_event_source_mapping_multiple_lambdas_single_kinesis_event_stream")
    for label, name in (("a", "moderate"), ("b", "second")):
        _, _, document = rig.map(FunctionName=name)
        Matcher().check(content[f"create_event_source_mapping_response-{label}"], document)
    rig.put(b"hello", "test_1")
    rig.run()
    for label, name in (("a", "moderate"), ("b", "second")):
        [event] = [event for _, function, event in rig.functions.events if function == name]
        Matcher().check(content[f"kinesis_records-{label}"], event)


def test_a_partial_failure_moves_the_checkpoint_and_restarts_the_attempts():
    def report(event):
        failed = [
            {"itemIdentifier": record["kinesis"]["sequenceNumber"]}
            for record in event["Records"]
            if record["kinesis"]["data"] == "eyJzaG91bGRfZmFpbCI6IHRydWV9"
        ]
        return {"batchItemFailures": failed}

    rig = Rig(report)
    content = recorded("test_kinesis_report_batch_item_failures")
    matcher = Matcher()
    _, _, document = rig.map(
        BatchSize=3,
        MaximumBatchingWindowInSeconds=1,
        MaximumRetryAttempts=3,
        FunctionResponseTypes=["ReportBatchItemFailures"],
        DestinationConfig={"OnFailure": {"Destination": QUEUE}},
    )
    matcher.check(content["create_event_source_mapping_response"], document)
    for at in range(6):
        rig.put(json.dumps({"should_fail": at == 5}).encode(), f"test_{at}")
    rig.run(20)
    records = [record for event in rig.events for record in event["Records"]]
    matcher.check(content["kinesis_records"]["Records"], sorted(records, key=lambda r: r["kinesis"]["partitionKey"]))
    [discarded] = rig.written.all
    matcher.check(content["sqs_payload"]["Messages"][0]["Body"], invocation_record(discarded))


SUCCESSES = {
    "empty_string_success": "",
    "empty_list_success": [],
    "null_success": None,
    "empty_dict_success": {},
    "empty_batch_item_failure_success": {"batchItemFailures": []},
    "null_batch_item_failure_success": {"batchItemFailures": None},
}


@pytest.mark.parametrize("name", SUCCESSES)
def test_these_answers_are_success(name):
    rig = Rig(lambda event: SUCCESSES[name])
    content = recorded(f"test_kinesis_report_batch_item_success_scenarios[{name}]")
    matcher = Matcher()
    _, _, document = rig.map(
        BatchSize=1,
        MaximumBatchingWindowInSeconds=1,
        MaximumRetryAttempts=2,
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )
    matcher.check(content["create_event_source_mapping_response"], document)
    rig.put(b"hello")
    rig.run(30)
    matcher.check(content["kinesis_events"], rig.events)
    assert rig.driver.idle()


FAILURES = {
    "item_identifier_not_present_failure": {"batchItemFailures": [{"itemIdentifier": 123}]},
    "empty_string_item_identifier_failure": {"batchItemFailures": [{"itemIdentifier": ""}]},
    "null_item_identifier_failure": {"batchItemFailures": [{"itemIdentifier": None}]},
    "invalid_key_foo_failure": {"batchItemFailures": [{"foo": 123}]},
    "invalid_key_foo_null_value_failure": {"batchItemFailures": [{"foo": None}]},
    "unhandled_exception_in_function": ZeroDivisionError,
}


@pytest.mark.parametrize("name", FAILURES)
def test_these_answers_fail_the_whole_batch(name):
    rig = Rig(fail if FAILURES[name] is ZeroDivisionError else lambda event: FAILURES[name])
    content = recorded(f"test_kinesis_report_batch_item_failure_scenarios[{name}]")
    matcher = Matcher()
    _, _, document = rig.map(
        BatchSize=1,
        MaximumBatchingWindowInSeconds=1,
        MaximumRetryAttempts=2,
        FunctionResponseTypes=["ReportBatchItemFailures"],
        DestinationConfig={"OnFailure": {"Destination": QUEUE}},
    )
    matcher.check(content["create_event_source_mapping_response"], document)
    rig.put(b"hello")
    rig.run(30)
    matcher.check(content["kinesis_events"], rig.events)
    [discarded] = rig.written.all
    matcher.check(content["sqs_payload"]["Messages"][0]["Body"], invocation_record(discarded))


def test_a_mapping_that_has_worked_says_so():
    rig = Rig(lambda event: "")
    content = recorded("test_kinesis_empty_provided")
    matcher = Matcher()
    _, _, document = rig.map(BatchSize=1, MaximumBatchingWindowInSeconds=1, MaximumRetryAttempts=2)
    matcher.check(content["create_event_source_mapping_response"], document)
    rig.put(b"hello")
    rig.run()
    assert len(rig.events) == 1
    _, _, shown = rig.request("GET", f"/event-source-mappings/{document['UUID']}")
    matcher.check(content["get_esm_result"], shown)


def test_a_mapping_of_a_stream_that_is_not_there_is_refused():
    rig = Rig()
    content = recorded("test_esm_with_not_existing_kinesis_stream")["error"]
    missing = f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/test-foobar-81ded7e8"
    status, headers, error = rig.map(EventSourceArn=missing)
    Matcher().check(content["message"], error["message"])
    assert headers["x-amzn-errortype"] == content["Error"]["Code"]
    assert error["Type"] == content["Type"]
    assert status == content["ResponseMetadata"]["HTTPStatusCode"]


@pytest.mark.parametrize(
    ("case", "delay", "retries", "invocations"),
    [("expire-while-retrying", 0, -1, 7), ("expire-before-ingestion", 60, 0, 0)],
)
def test_a_record_over_age_is_written_down_without_a_response(case, delay, retries, invocations):
    rig = Rig(fail)
    content = recorded(f"test_kinesis_maximum_record_age_exceeded[{case}]")
    rig.put(b"stream-data")
    rig.clock.time += delay
    matcher = Matcher()
    _, _, document = rig.map(
        BatchSize=1,
        MaximumBatchingWindowInSeconds=1,
        MaximumRetryAttempts=retries,
        MaximumRecordAgeInSeconds=60,
        DestinationConfig={"OnFailure": {"Destination": QUEUE}},
    )
    matcher.check(content["create_event_source_mapping_response"], document)
    rig.run(70)
    [discarded] = rig.written.all
    # The count is AWS's own: it fits waits of 0.5, 1, 2, … seconds, and one more than the invocations made.
    matcher.check(content["record_age_exceeded_payload"]["Messages"][0]["Body"], invocation_record(discarded))
    assert len(rig.events) == invocations


def test_records_over_age_are_taken_off_the_front_of_a_batch():
    rig = Rig()
    content = recorded("test_kinesis_maximum_record_age_exceeded_discard_records")
    first = rig.put(b"stream-data")
    rig.clock.time += 80
    for at in range(5):
        rig.put(f"stream-data-{at + 1}".encode())
    _, _, document = rig.map(
        BatchSize=10,
        MaximumBatchingWindowInSeconds=1,
        MaximumRetryAttempts=0,
        MaximumRecordAgeInSeconds=60,
        DestinationConfig={"OnFailure": {"Destination": QUEUE}},
    )
    Matcher().check(content["create_event_source_mapping_response"], document)
    rig.run()
    Matcher().check(content["Records"], [record for event in rig.events for record in event["Records"]])
    [discarded] = rig.written.all
    Matcher().check(content["record_age_exceeded_payload"]["Messages"][0]["Body"], invocation_record(discarded))
    assert [str(record.sequence) for record in discarded.records] == [first["SequenceNumber"]]


def test_a_filter_lets_through_what_it_let_through_on_aws():
    rig = Rig()
    content = recorded("test_kinesis_event_filtering_json_pattern")
    [wanted] = content["create_event_source_mapping_response"]["FilterCriteria"]["Filters"]
    criteria = {"Filters": [{"Pattern": json.dumps(wanted["Pattern"])}]}
    _, _, document = rig.map(
        BatchSize=1, MaximumBatchingWindowInSeconds=1, MaximumRetryAttempts=1, FilterCriteria=criteria
    )
    shown = {**document, "FilterCriteria": {"Filters": [wanted]}}
    Matcher().check(content["create_event_source_mapping_response"], shown)
    assert document["FilterCriteria"] == criteria
    for data in ({"event_type": "function_1", "message": "foo"}, {"event_type": "function_2", "message": "bar"}):
        rig.put(json.dumps(data).encode())
    rig.run()
    [got] = [base64.b64decode(record["kinesis"]["data"]) for event in rig.events for record in event["Records"]]
    assert [json.loads(got)] == json.loads(content["kinesis-record-lambda-payload"])


def test_every_recorded_case_is_looked_at():
    source = Path(__file__).read_text()
    for name in RECORDED:
        case, _, label = name.split("::")[-1].partition("[")
        assert case in source
        assert label.rstrip("]") in source
