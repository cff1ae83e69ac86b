"""What Lambda, Kinesis, CloudWatch and the dead letters say of a function's event source mappings."""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from infra.operating.explaining import WINDOW_MINUTES, DeadLetter, Facts

NEWEST = 5
"""Dead letters that are named."""

_SHARDS = 50
_METRICS = {
    "age": ("IteratorAge", "Maximum"),
    "invocations": ("Invocations", "Sum"),
    "errors": ("Errors", "Sum"),
    "throttles": ("Throttles", "Sum"),
}


Shards = Mapping[tuple[str, str], Mapping[str, Any]]
"""By function and stream, what is known of each shard."""


class Clients:
    """The clients that are asked.

    Args:
        make: gives the boto3 client of a service.
        passing: the errors of a call that is left out, such as a right that is missing; the rest is explained without.
    """

    def __init__(self, make: Callable[[str], Any], passing: tuple[type[Exception], ...]) -> None:
        self._make = make
        self._passing = passing
        self._made: dict[str, Any] = {}
        self.unknown: list[str] = []

    def of(self, service: str) -> Any:
        """The client of a service."""
        if service not in self._made:
            self._made[service] = self._make(service)
        return self._made[service]

    def ask(self, what: str, call: Callable[[], Any], default: Any) -> Any:
        """What a call gives; the default, and a line about it, when it fails."""
        try:
            return call()
        except self._passing as error:
            response = getattr(error, "response", None)
            code = response["Error"]["Code"] if isinstance(response, dict) else type(error).__name__
            self.unknown.append(f"Not looked at: {what} ({code}).")
            return default


def find_facts(clients: Clients, function: str, *, now: datetime, shards: Shards | None = None) -> list[Facts]:
    """What is known of each Kinesis mapping of a function.

    Args:
        function: its name.
        now: with a zone.
        shards: what the laptop runtime knows; None on AWS. It knows more than metrics and logs say.

    Raises:
        botocore.exceptions.ClientError: the function's mappings cannot be listed.
    """
    # Of all, since a mapping to an alias is not listed by the function's name.
    pages = clients.of("lambda").get_paginator("list_event_source_mappings").paginate()
    found = [
        mapping
        for page in pages
        for mapping in page["EventSourceMappings"]
        if f"{mapping['FunctionArn']}:".partition(":function:")[2].partition(":")[0] == function
    ]
    return [
        _facts(clients, function, mapping, now, shards)
        for mapping in found
        if ":kinesis:" in str(mapping.get("EventSourceArn"))
    ]


def _facts(
    clients: Clients,
    function: str,
    mapping: Mapping[str, Any],
    now: datetime,
    shards: Shards | None,
) -> Facts:
    arn = str(mapping["EventSourceArn"])
    stream = arn.rpartition("/")[2]
    clients.unknown = []
    kinesis = clients.of("kinesis")
    summary = clients.ask(
        "the stream's retention",
        lambda: kinesis.describe_stream_summary(StreamARN=arn)["StreamDescriptionSummary"],
        {"RetentionPeriodHours": 24},
    )
    # The laptop runtime has no reserved concurrency.
    concurrency = (
        {}
        if shards
        else clients.ask(
            "the function's concurrency",
            lambda: clients.of("lambda").get_function_concurrency(FunctionName=function),
            {},
        )
    )
    destination = mapping.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
    return Facts(
        function=function,
        stream=stream,
        state=str(mapping["State"]),
        last_result=str(mapping.get("LastProcessingResult", "")),
        settings={
            "batch_size": mapping.get("BatchSize", 100),
            "max_retries": mapping.get("MaximumRetryAttempts", -1),
            "max_age_seconds": mapping.get("MaximumRecordAgeInSeconds", -1),
            "bisect": mapping.get("BisectBatchOnFunctionError", False),
            "report_failures": "ReportBatchItemFailures" in mapping.get("FunctionResponseTypes", []),
            "destination": destination,
        },
        retention_hours=float(summary["RetentionPeriodHours"]),
        reserved=concurrency.get("ReservedConcurrentExecutions"),
        metrics={} if shards else clients.ask("the function's metrics", lambda: _metrics(clients, function, now), {}),
        errors={} if shards else clients.ask("the function's log", lambda: _errors(clients, function, now), {}),
        shards=None if shards is None else shards.get((function, stream), {}),
        dead_letters=clients.ask(
            "the dead letters", lambda: _dead_letters(clients, mapping, arn, destination, now), ()
        ),
        unknown=list(clients.unknown),
    )


def _metrics(clients: Clients, function: str, now: datetime) -> dict[str, float]:
    """Of the last minutes; what CloudWatch has nothing about is left out.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
    """
    dimensions = [{"Name": "FunctionName", "Value": function}]
    queries = [
        {
            "Id": name,
            "MetricStat": {
                "Metric": {"Namespace": "AWS/Lambda", "MetricName": metric, "Dimensions": dimensions},
                "Period": 60,
                "Stat": statistic,
            },
        }
        for name, (metric, statistic) in _METRICS.items()
    ]
    answer = clients.of("cloudwatch").get_metric_data(
        MetricDataQueries=queries,
        StartTime=now - timedelta(minutes=WINDOW_MINUTES),
        EndTime=now,
        ScanBy="TimestampAscending",
    )
    found: dict[str, float] = {}
    for result in answer["MetricDataResults"]:
        values = [float(value) for value in result["Values"]]
        if values and result["Id"] == "age":
            found |= {"age_before": values[0] / 1000, "age_now": values[-1] / 1000}
        elif values:
            found[result["Id"]] = sum(values)
    return found


def _errors(clients: Clients, function: str, now: datetime) -> dict[str, int]:
    """How often each type of error is in the function's log. Only types: a message may quote what was in a record."""
    settings = clients.of("lambda").get_function_configuration(FunctionName=function)
    group = settings.get("LoggingConfig", {}).get("LogGroup") or f"/aws/lambda/{function}"
    answer = clients.of("logs").filter_log_events(
        logGroupName=group,
        startTime=int((now - timedelta(minutes=WINDOW_MINUTES)).timestamp() * 1000),
        filterPattern='?errorType ?"[ERROR]" ?"Task timed out"',
        limit=100,
    )
    found: dict[str, int] = {}
    for event in answer["events"]:
        kind = error_type(str(event["message"]))
        if kind:
            found[kind] = found.get(kind, 0) + 1
    return found


def error_type(line: str) -> str | None:
    """The type of error that a line of a function's log is about, in Lambda's text and JSON formats.

    >>> error_type("[ERROR] KeyError: 'text'"), error_type('{"level": "ERROR", "errorType": "ValueError"}')
    ('KeyError', 'ValueError')
    >>> error_type("2026-11-20T10:00:00.000Z 1b2c Task timed out after 3.00 seconds"), error_type("INFO hello")
    ('time-out', None)
    """
    if "Task timed out after" in line:
        return "time-out"
    if line.lstrip().startswith("{"):
        try:
            document = json.loads(line)
        except ValueError:
            return None
        kind = document.get("errorType") if isinstance(document, dict) else None
        return str(kind)[:100] if kind else None
    _, marked, rest = line.partition("[ERROR]")
    name = rest.strip().partition(":")[0]
    return name[:100] if marked and name.isidentifier() else None


def _dead_letters(
    clients: Clients, mapping: Mapping[str, Any], arn: str, destination: str | None, now: datetime
) -> list[DeadLetter]:
    """The newest of today and yesterday, when they go to a bucket.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html
    """
    if not destination or not destination.startswith("arn:aws:s3:::"):
        return []
    bucket, s3 = destination.removeprefix("arn:aws:s3:::"), clients.of("s3")
    keys: list[tuple[str, str]] = []
    for shard in clients.of("kinesis").list_shards(StreamARN=arn)["Shards"][:_SHARDS]:
        for day in (now - timedelta(days=1), now):
            prefix = f"aws/lambda/{mapping['UUID']}/{shard['ShardId']}/{day.astimezone(UTC):%Y/%m/%d}/"
            pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
            keys += [
                (item["Key"].rpartition("/")[2], item["Key"]) for page in pages for item in page.get("Contents", [])
            ]
    return list(_letters(s3, bucket, [key for _, key in sorted(keys, reverse=True)[:NEWEST]]))


def _letters(s3: Any, bucket: str, keys: list[str]) -> Iterator[DeadLetter]:
    for key in keys:
        document = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
        batch, context = document["KinesisBatchInfo"], document["requestContext"]
        yield DeadLetter(
            shard_id=str(batch["shardId"]),
            first=str(batch["startSequenceNumber"]),
            last=str(batch["endSequenceNumber"]),
            records=int(batch["batchSize"]),
            condition=str(context["condition"]),
            attempts=int(context["approximateInvokeCount"]),
            at=str(document["timestamp"]),
            place=f"s3://{bucket}/{key}",
        )
