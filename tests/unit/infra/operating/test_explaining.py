"""Why a shard does not move, in words: on the laptop from the batch itself, on AWS from metrics and dead letters."""

import io
import json
from datetime import UTC, datetime
from typing import Any

import boto3
import msgspec
import pytest
from botocore.exceptions import ClientError
from botocore.response import StreamingBody
from botocore.stub import ANY, Stubber

from infra.local.awslambda.lane import Failed, NotInvoked, Succeeded
from infra.local.kinesis.resharding import split
from infra.operating.explaining import DeadLetter, Facts, explain
from infra.operating.facts import Clients, find_facts
from tests.fakes.driven_mapping import Driven, failing

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
ARN = "arn:aws:kinesis:eu-west-1:111122223333:stream/content"
SETTINGS = {
    "batch_size": 100,
    "max_retries": 8,
    "max_age_seconds": 86_400,
    "bisect": False,
    "report_failures": True,
    "destination": "arn:aws:s3:::dead",
}


def facts(**given: Any) -> Facts:
    made = Facts(
        function="moderate",
        stream="content",
        state="Enabled",
        last_result="OK",
        settings=SETTINGS,
        retention_hours=168,
    )
    return msgspec.structs.replace(made, **given)


def driven_facts(driven: Driven, now: float, **given: Any) -> Facts:
    [mapping] = driven.state(now)["mappings"].values()
    return facts(shards=mapping["shards"], settings=mapping["settings"], **given)


def test_a_failing_batch_is_explained_from_its_record_to_what_comes_after_its_last_attempt() -> None:
    driven = Driven(max_retries=8, destination="arn:aws:s3:::dead")
    driven.put(3, 0.0)
    driven.run(failing, 1.0)
    driven.run(failing, 1.5)
    said = explain(driven_facts(driven, 2.0))
    assert said.stuck
    [line] = said.lines
    first = driven.streams.read(driven.stream, "shardId-000000000000", 0, now=2.0).records[0].sequence
    assert line == (
        f"shardId-000000000000 stands at sequence number {first}, whose batch has 3 records; its oldest record is 2 s "
        "old. It failed 2 times with KeyError; the log says more: streamkeeper logs moderate. It is tried again in "
        "0.5 s, 7 more times at most, until its records expire in 23 h 59 min. Then it goes to arn:aws:s3:::dead, and "
        "the shard goes on; streamkeeper redrive brings it back."
    )


def test_a_batch_without_limit_and_destination_is_named_as_the_danger_it_is() -> None:
    driven = Driven()
    driven.put(1, 0.0)
    driven.run(failing, 1.0)
    [line] = explain(driven_facts(driven, 1.0)).lines
    assert "again and again, until its records expire" in line
    assert "Nothing after it in the shard is read meanwhile. Then it is dropped without a trace" in line


def test_records_that_the_function_reports_are_told_from_a_crash() -> None:
    driven = Driven(report_failures=True, max_retries=8)
    driven.put(5, 0.0)
    driven.run(lambda _: Failed(request_id="r", at=2), 1.0)
    [line] = explain(driven_facts(driven, 1.0)).lines
    assert "whose batch has 3 records" in line
    assert "The function reported its first record as failed." in line


def test_halving_is_said_while_there_is_more_than_one_record() -> None:
    driven = Driven(bisect=True, max_retries=8)
    driven.put(4, 0.0)
    driven.run(failing, 1.0)
    [line] = explain(driven_facts(driven, 1.0)).lines
    assert "halved at each failure until the bad record is alone" in line
    assert "whose batch has 2 records" in line


def test_a_function_that_cannot_be_invoked_uses_up_no_attempts() -> None:
    driven = Driven(max_retries=2)
    driven.put(1, 0.0)
    driven.run(lambda _: NotInvoked(), 1.0)
    [line] = explain(driven_facts(driven, 1.0)).lines
    assert "could not be invoked: 1 tries, which count as no attempts" in line


def test_a_child_waits_for_its_parent_in_words() -> None:
    driven = Driven(max_retries=5)
    driven.put(2, 0.0)
    driven.run(failing, 1.0)
    split(driven.stream, driven.stream.shards["shardId-000000000000"], 2**126, now=2.0)
    driven.core.step(2.0)
    lines = explain(driven_facts(driven, 2.0)).lines
    assert sum("waits until its parent shardId-000000000000" in line for line in lines) == 2


def test_what_moves_is_said_to_move() -> None:
    driven = Driven(window_seconds=30)
    driven.core.step(0.0)
    assert explain(driven_facts(driven, 0.0)).lines == [
        "moderate on content: nothing waits. Every record in 1 shards is done."
    ]
    driven.put(2, 1.0)
    driven.run(lambda _: Succeeded(), 1.0)
    said = explain(driven_facts(driven, 1.0))
    assert not said.stuck
    assert said.lines == ["moderate on content: it moves. 2 records are at hand; the next batch goes out in 30 s."]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"state": "Disabled"}, "streamkeeper resume"),
        ({"state": "Creating"}, "in a minute or two"),
        ({"reserved": 0}, "reserved concurrency of 0"),
        ({"metrics": {"invocations": 9, "throttles": 4.0}, "reserved": 2}, "throttled 4 times in 15 minutes (reserved"),
        ({"metrics": {"invocations": 9.0, "errors": 3.0}, "errors": {"KeyError": 3}}, "3 of 9 invocations failed"),
        ({"metrics": {"invocations": 9.0, "errors": 3.0}, "errors": {"KeyError": 3}}, "with KeyError (3)"),
        ({"last_result": "PROBLEM: Function call failed"}, "tried again 8 times, up to an age of 24 h"),
        ({"metrics": {"invocations": 9.0, "age_before": 100.0, "age_now": 900.0}}, "falls behind without failing"),
        (
            {"metrics": {"invocations": 9.0, "errors": 1.0, "age_before": 100.0, "age_now": 604_000.0}},
            "the stream trims it in 13 min",
        ),
    ],
)
def test_on_aws_the_kind_of_trouble_is_told_from_metrics_and_settings(given: dict[str, Any], said: str) -> None:
    answer = explain(facts(**given))
    assert answer.stuck
    assert said in " ".join(answer.lines)


def test_dead_letters_are_named_with_their_records_and_place_also_when_all_moves_again() -> None:
    letter = DeadLetter(
        shard_id="shardId-000000000001",
        first="495",
        last="497",
        records=3,
        condition="RetryAttemptsExhausted",
        attempts=9,
        at="2026-11-20T09:59:00.000Z",
        place="s3://dead/k",
    )
    answer = explain(facts(metrics={"invocations": 5.0}, dead_letters=[letter]))
    assert answer.stuck
    assert answer.lines[-1] == (
        "Given up at 2026-11-20T09:59:00.000Z: 3 records of shardId-000000000001 from 495 to 497, which failed 9 "
        "times; they lie at s3://dead/k."
    )


# ------------------------------------------------------------------------------------------------- facts from AWS


class Aws:
    """Clients whose answers are stubbed, and checked against the models of the services."""

    def __init__(self) -> None:
        self.made: dict[str, tuple[Any, Stubber]] = {}

    def __call__(self, service: str) -> Any:
        return self.stub(service)[0]

    def stub(self, service: str) -> tuple[Any, Stubber]:
        if service not in self.made:
            client = boto3.client(service, region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x")
            stubber = Stubber(client)
            stubber.activate()
            self.made[service] = (client, stubber)
        return self.made[service]

    def answers(self, service: str, operation: str, answer: dict[str, Any], expected: Any = None) -> None:
        self.stub(service)[1].add_response(operation, answer, expected)

    def refuses(self, service: str, operation: str) -> None:
        self.stub(service)[1].add_client_error(operation, "AccessDeniedException", "no", 403)


UUID = "0f0e0d0c-0000-4000-8000-000000000000"
MAPPING = {
    "UUID": UUID,
    "EventSourceArn": ARN,
    "FunctionArn": "arn:aws:lambda:eu-west-1:111122223333:function:moderate:live",
    "State": "Enabled",
    "LastProcessingResult": "PROBLEM: Function call failed",
    "BatchSize": 100,
    "MaximumRetryAttempts": 3,
    "MaximumRecordAgeInSeconds": -1,
    "BisectBatchOnFunctionError": True,
    "FunctionResponseTypes": ["ReportBatchItemFailures"],
    "DestinationConfig": {"OnFailure": {"Destination": "arn:aws:s3:::dead"}},
}


def describe(aws: Aws, *, on_aws: bool = True) -> None:
    others = {**MAPPING, "FunctionArn": "arn:aws:lambda:eu-west-1:111122223333:function:moderate-2"}
    aws.answers("lambda", "list_event_source_mappings", {"EventSourceMappings": [MAPPING, others]}, {})
    summary = {
        "StreamName": "content",
        "StreamARN": ARN,
        "StreamStatus": "ACTIVE",
        "RetentionPeriodHours": 48,
        "StreamCreationTimestamp": NOW,
        "EnhancedMonitoring": [],
        "OpenShardCount": 1,
    }
    aws.answers("kinesis", "describe_stream_summary", {"StreamDescriptionSummary": summary}, {"StreamARN": ARN})
    if on_aws:
        aws.answers("lambda", "get_function_concurrency", {"ReservedConcurrentExecutions": 5})


def test_the_facts_come_from_the_mapping_the_metrics_the_log_and_the_dead_letters() -> None:
    aws = Aws()
    describe(aws)
    results = [
        {"Id": "age", "Values": [60_000.0, 120_000.0], "Timestamps": [NOW, NOW]},
        {"Id": "errors", "Values": [1.0, 2.0], "Timestamps": [NOW, NOW]},
        {"Id": "invocations", "Values": [4.0], "Timestamps": [NOW]},
        {"Id": "throttles", "Values": [], "Timestamps": []},
    ]
    aws.answers("cloudwatch", "get_metric_data", {"MetricDataResults": results})
    aws.answers("lambda", "get_function_configuration", {"LoggingConfig": {"LogGroup": "/mine"}})
    events = [
        {"message": "[ERROR] KeyError: 'secret text'"},
        {"message": '{"errorType": "KeyError"}'},
        {"message": "x"},
    ]
    expected = {"logGroupName": "/mine", "startTime": ANY, "filterPattern": ANY, "limit": 100}
    aws.answers("logs", "filter_log_events", {"events": events}, expected)
    aws.answers("kinesis", "list_shards", {"Shards": [{"ShardId": "shardId-000000000000", **SHARD}]})
    key = f"aws/lambda/{UUID}/shardId-000000000000/2026/11/20/2026-11-20T09.58.00-x"
    prefix = key.rpartition("/")[0] + "/"
    yesterday = prefix.replace("/20/", "/19/")
    aws.answers("s3", "list_objects_v2", {}, {"Bucket": "dead", "Prefix": yesterday})
    aws.answers("s3", "list_objects_v2", {"Contents": [{"Key": key}]}, {"Bucket": "dead", "Prefix": prefix})
    document = {
        "requestContext": {"condition": "RecordAgeExceeded", "approximateInvokeCount": 4},
        "timestamp": "2026-11-20T09:58:00.000Z",
        "KinesisBatchInfo": {
            "shardId": "shardId-000000000000",
            "startSequenceNumber": "1",
            "endSequenceNumber": "2",
            "batchSize": 2,
        },
        "payload": {"Records": []},
    }
    raw = json.dumps(document).encode()
    aws.answers("s3", "get_object", {"Body": StreamingBody(io.BytesIO(raw), len(raw))}, {"Bucket": "dead", "Key": key})

    [found] = find_facts(Clients(aws, (ClientError,)), "moderate", now=NOW)
    assert found.metrics == {"age_before": 60.0, "age_now": 120.0, "errors": 3.0, "invocations": 4.0}
    assert found.errors == {"KeyError": 2}
    assert (found.retention_hours, found.reserved, found.settings["max_retries"]) == (48, 5, 3)
    assert [letter.place for letter in found.dead_letters] == [f"s3://dead/{key}"]
    assert found.unknown == []
    text = " ".join(explain(found).lines)
    assert "3 of 4 invocations failed in 15 minutes, with KeyError (2)" in text
    assert "secret" not in text
    assert "which was too old; they lie at s3://dead/" in text


SHARD = {
    "HashKeyRange": {"StartingHashKey": "0", "EndingHashKey": "1"},
    "SequenceNumberRange": {"StartingSequenceNumber": "1"},
}


def test_what_may_not_be_looked_at_is_said_and_the_rest_explained() -> None:
    aws = Aws()
    describe(aws)
    aws.refuses("cloudwatch", "get_metric_data")
    aws.refuses("lambda", "get_function_configuration")
    aws.refuses("kinesis", "list_shards")
    [found] = find_facts(Clients(aws, (ClientError,)), "moderate", now=NOW)
    assert [line.split(":")[1].split("(")[0].strip() for line in found.unknown] == [
        "the function's metrics",
        "the function's log",
        "the dead letters",
    ]
    answer = explain(found)
    assert answer.stuck
    assert "PROBLEM: Function call failed" in answer.lines[0]


def test_what_the_runtime_knows_is_used_instead_of_metrics_and_logs() -> None:
    aws = Aws()
    describe(aws, on_aws=False)
    aws.answers("kinesis", "list_shards", {"Shards": []})
    driven = Driven(max_retries=3)
    driven.put(1, 0.0)
    driven.run(failing, 1.0)
    [mapping] = driven.state(1.0)["mappings"].values()
    shards = {("moderate", "content"): mapping["shards"]}
    [found] = find_facts(Clients(aws, (ClientError,)), "moderate", now=NOW, shards=shards)
    assert "It failed with KeyError" in explain(found).lines[0]
