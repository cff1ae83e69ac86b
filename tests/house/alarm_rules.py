"""Rules on alarms: each looks at a metric that exists, at the right end of it, soon enough; and none is missing."""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from consumers.aws.metrics import NAMESPACE, metric_names
from consumers.aws.webhook_handler import webhook_metric_names
from tests.house.template_rules import Stack

LAMBDA = "https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html"
FIREHOSE = "https://docs.aws.amazon.com/firehose/latest/dev/monitoring-with-cloudwatch-metrics.html"
KINESIS = "https://docs.aws.amazon.com/streams/latest/dev/monitoring-with-cloudwatch.html"
HTTP_GATEWAY = "https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html"
GATEWAY = "https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-metrics-and-dimensions.html"
SQS = "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html"
ABOVE, BELOW = "GreaterThanThreshold", "LessThanThreshold"


class Watch(Struct, frozen=True):
    """How a metric is looked at.

    Args:
        namespace, dimension: where AWS puts it, and the one dimension that it has.
        kind: of the resource whose name is the dimension's value.
        statistic: that tells something.
        bad: on which side of the threshold something is wrong.
        least, most: what the threshold may be.
        minutes: the longest until the alarm.
        source: AWS's page.
    """

    namespace: str
    dimension: str
    kind: str
    statistic: str
    bad: str
    least: float
    most: float
    minutes: float
    source: str


FUNCTION, MAPPING = "AWS::Serverless::Function", "AWS::Lambda::EventSourceMapping"
API, HTTP_API = "AWS::Serverless::Api", "AWS::ApiGatewayV2::Api"
DELIVERY, STREAM, QUEUE = "AWS::KinesisFirehose::DeliveryStream", "AWS::Kinesis::Stream", "AWS::SQS::Queue"


def _of_firehose(statistic: str, bad: str, least: float, most: float) -> Watch:
    return Watch("AWS/Firehose", "DeliveryStreamName", DELIVERY, statistic, bad, least, most, 15, FIREHOSE)


def _of_mapping() -> Watch:
    return Watch("AWS/Lambda", "EventSourceMappingUUID", MAPPING, "Sum", ABOVE, 0, 0, 5, LAMBDA)


WATCHES = {
    "IteratorAge": Watch("AWS/Lambda", "FunctionName", FUNCTION, "Maximum", ABOVE, 60_000, 86_400_000, 15, LAMBDA),
    "Errors": Watch("AWS/Lambda", "FunctionName", FUNCTION, "Sum", ABOVE, 0, 0, 15, LAMBDA),
    "Throttles": Watch("AWS/Lambda", "FunctionName", FUNCTION, "Sum", ABOVE, 0, 0, 15, LAMBDA),
    "OnFailureDestinationDeliveredEventCount": _of_mapping(),
    "DroppedEventCount": _of_mapping(),
    "WriteProvisionedThroughputExceeded": Watch("AWS/Kinesis", "StreamName", STREAM, "Sum", ABOVE, 0, 0, 15, KINESIS),
    "ReadProvisionedThroughputExceeded": Watch("AWS/Kinesis", "StreamName", STREAM, "Sum", ABOVE, 0, 0, 15, KINESIS),
    "ThrottledRecords": _of_firehose("Sum", ABOVE, 0, 0),
    "KinesisMillisBehindLatest": _of_firehose("Maximum", ABOVE, 60_000, 86_400_000),
    "FailedConversion.Records": _of_firehose("Sum", ABOVE, 0, 0),
    "PartitionCountExceeded": _of_firehose("Maximum", ABOVE, 0, 0),
    "ExecuteProcessing.Success": _of_firehose("Average", BELOW, 1, 1),
    "ToRetry": Watch(NAMESPACE, "Function", FUNCTION, "Sum", ABOVE, 0, 0, 15, ""),
    "Poison": Watch(NAMESPACE, "Function", FUNCTION, "Sum", ABOVE, 0, 0, 15, ""),
    "PolicyRefused": Watch(NAMESPACE, "Function", FUNCTION, "Maximum", ABOVE, 0, 0, 15, ""),
    "Degraded": Watch(NAMESPACE, "Function", FUNCTION, "Sum", ABOVE, 0, 0, 15, ""),
    "WebhookOldest": Watch(NAMESPACE, "Function", FUNCTION, "Maximum", ABOVE, 600, 43_200, 15, ""),
    "WebhookRefused": Watch(NAMESPACE, "Function", FUNCTION, "Maximum", ABOVE, 0, 0, 15, ""),
    "ApproximateNumberOfMessagesVisible": Watch("AWS/SQS", "QueueName", QUEUE, "Maximum", ABOVE, 0, 0, 5, SQS),
    "ApproximateAgeOfOldestMessage": Watch("AWS/SQS", "QueueName", QUEUE, "Maximum", ABOVE, 300, 604_800, 5, SQS),
    "5XXError": Watch("AWS/ApiGateway", "ApiName", API, "Sum", ABOVE, 0, 0, 5, GATEWAY),
    "5xx": Watch("AWS/ApiGateway", "ApiId", HTTP_API, "Sum", ABOVE, 0, 0, 5, HTTP_GATEWAY),
    "Latency": Watch("AWS/ApiGateway", "ApiId", HTTP_API, "p90", ABOVE, 300, 5_000, 15, HTTP_GATEWAY),
}


class Shape(Struct, frozen=True):
    """An expression that is known.

    Args:
        metrics: by id, namespace, metric, dimension, the kind of resource that is its value, and statistic.
        missing: how missing data is treated: as breaching where silence is what is looked for.
        least, most: what the threshold may be.
        or_metrics: other metrics that the same expression may be over.
    """

    metrics: dict[str, tuple[str, str, str, str, str]]
    missing: str = "breaching"
    least: float = 0
    most: float = 0
    or_metrics: dict[str, tuple[str, str, str, str, str]] | None = None


_INCOMING = ("AWS/Kinesis", "IncomingRecords", "StreamName", STREAM, "Sum")


def _own(metric: str) -> tuple[str, str, str, str, str]:
    return NAMESPACE, metric, "Function", FUNCTION, "Sum"


def _lambda(metric: str, statistic: str) -> tuple[str, str, str, str, str]:
    return "AWS/Lambda", metric, "FunctionName", FUNCTION, statistic


def _sqs(metric: str, statistic: str = "Sum") -> tuple[str, str, str, str, str]:
    return "AWS/SQS", metric, "QueueName", QUEUE, statistic


_BY_ALIAS = ("FunctionName Resource", FUNCTION)
_BY_VERSION = ("FunctionName Resource ExecutedVersion", FUNCTION)
"""The dimensions of an alias, and while it has weights of the version that ran."""


def _firehose(metric: str, statistic: str) -> tuple[str, str, str, str, str]:
    return "AWS/Firehose", metric, "DeliveryStreamName", DELIVERY, statistic


def _landing(where: str) -> dict[str, tuple[str, str, str, str, str]]:
    return {"age": _firehose(f"{where}.DataFreshness", "Maximum"), "written": _firehose(f"{where}.Success", "Average")}


SHAPES = {
    "IF(FILL(incoming, 0) == 0, 1, 0)": Shape({"incoming": _INCOMING}),
    "IF(FILL(incoming, 0) > 0 AND FILL(called, 0) == 0, 1, 0)": Shape(
        {"incoming": _INCOMING, "called": _lambda("Invocations", "Sum")}
    ),
    "IF(FILL(told, 0) > 0 AND FILL(came, 0) == 0, 1, 0)": Shape(
        {"told": _own("Notified"), "came": _sqs("NumberOfMessagesSent")}
    ),
    "IF(FILL(waiting, 0) > 0 AND FILL(received, 0) + FILL(empty, 0) == 0, 1, 0)": Shape(
        {
            "waiting": _sqs("ApproximateNumberOfMessagesVisible", "Maximum"),
            "received": _sqs("NumberOfMessagesReceived"),
            "empty": _sqs("NumberOfEmptyReceives"),
        }
    ),
    "IF(FILL(events, 0) >= 20, 100 * FILL(bad, 0) / events, 0)": Shape(
        {"events": _own("Events"), "bad": _own("Bad")}, "notBreaching", 1, 100
    ),
    "100 * FILL(duration, 0) / (${FunctionTimeoutSeconds} * 1000)": Shape(
        {"duration": _lambda("Duration", "Maximum")}, "notBreaching", 50, 90
    ),
    "IF(FILL(both, 0) > 0, 100 * FILL(fresh, 0) / both, 0)": Shape(
        {
            "fresh": ("AWS/Lambda", "Duration", *_BY_VERSION, "Average"),
            "both": ("AWS/Lambda", "Duration", *_BY_ALIAS, "Average"),
        },
        "notBreaching",
        110,
        1_000,
    ),
    "100 * FILL(age, 0) / (${StreamRetentionHours} * 3600000)": Shape(
        {"age": _lambda("IteratorAge", "Maximum")}, "notBreaching", 25, 75
    ),
    "IF(FILL(age, 0) > ${FreshnessAlarmSeconds} OR FILL(written, 1) < 1, 1, 0)": Shape(
        _landing("DeliveryToS3"), "notBreaching", or_metrics=_landing("BackupToS3")
    ),
    "FILL(errors, 0) + FILL(throttled, 0) + FILL(left, 0)": Shape(
        {"errors": _lambda("Errors", "Sum"), "throttled": _lambda("Throttles", "Sum"), "left": _own("ToRetry")},
        "notBreaching",
    ),
}
_PERIODS = (10, 30, 60, 300, 900)
TOGETHER = frozenset(
    {f"{where}.{metric}" for where in ("DeliveryToS3", "BackupToS3") for metric in ("DataFreshness", "Success")}
    | {"Errors", "Throttles", "ToRetry"}
)
"""Metrics that an alarm may look at together with others, since each of them alone is bad."""
FEW_DAYS = {
    "VerdictsDeliveryStream": "the day of an event: 30 days before a first arrival that is 400 days old at most",
    "QuarantineDeliveryStream": "the day of a first arrival, which is 400 days old at most",
    "DeferredDeliveryStream": "the day of an event, which is 30 days old at most",
    "ReceiptsDeliveryStream": "the day of an event that has a verdict",
}
"""Delivery streams whose rows cannot be of the 500 days that Firehose keeps apart at once, and why."""


def every_alarm_can_go_off(stack: Stack) -> list[str]:
    """Namespace, dimension, statistic, side and threshold are those at which it says that something is wrong."""
    found = []
    for name, alarm in stack.of("AWS::CloudWatch::Alarm"):
        if "Metrics" in alarm:
            continue
        watch = WATCHES.get(alarm["MetricName"])
        if watch is None:
            found.append(f"{name}: {alarm['MetricName']} is no metric that is known here")
            continue
        threshold = stack.raw[name]["Properties"]["Threshold"]
        periods = alarm["EvaluationPeriods"]
        wrong = [
            alarm["Namespace"] != watch.namespace and "Namespace",
            not _is_one(stack, alarm["Dimensions"], watch) and "Dimensions",
            alarm.get("Statistic", alarm.get("ExtendedStatistic")) != watch.statistic and "Statistic",
            alarm["ComparisonOperator"] != watch.bad and "ComparisonOperator",
            not watch.least <= stack.least(threshold) <= stack.most(threshold) <= watch.most and "Threshold",
            (alarm["Period"] not in _PERIODS or alarm["Period"] * periods > watch.minutes * 60) and "Period",
            not 1 <= alarm.get("DatapointsToAlarm", periods) <= periods and "DatapointsToAlarm",
            alarm.get("TreatMissingData") != "notBreaching" and "TreatMissingData",
        ]
        found += [f"{name}: {one}" for one in wrong if one]
    return found


def own_metrics_that_are_watched_are_written(stack: Stack) -> list[str]:
    written = {*metric_names(), "Degraded", *webhook_metric_names()}
    return [
        name
        for name, alarm in stack.of("AWS::CloudWatch::Alarm")
        if alarm.get("Namespace") == NAMESPACE and alarm["MetricName"] not in written
    ]


def every_alarm_tells_the_topic(stack: Stack) -> list[str]:
    wanted = [{"Fn::If": ["HasAlarmTopic", [{"Ref": "AlarmTopicArn"}], {"Ref": "AWS::NoValue"}]}]
    return [
        name
        for name, _ in stack.of("AWS::CloudWatch::Alarm")
        if [stack.raw[name]["Properties"].get("AlarmActions")] != wanted
        or stack.raw[name]["Properties"].get("ActionsEnabled", True) is not True
        or not stack.raw[name]["Properties"].get("AlarmDescription")
    ]


def nothing_goes_unwatched(stack: Stack) -> list[str]:
    alone = {
        (alarm["MetricName"], alarm["Dimensions"][0]["Value"])
        for _, alarm in stack.of("AWS::CloudWatch::Alarm")
        if "MetricName" in alarm and len(alarm["Dimensions"]) == 1
    }
    together = {(metric, value) for metric, value in _in_expressions(stack) if metric in TOGETHER}
    return sorted(f"{metric} of {value}" for metric, value in _wanted(stack) if (metric, value) not in alone | together)


def _in_expressions(stack: Stack) -> set[tuple[str, str]]:
    """The metrics, each with its resource, that expressions of alarms are over."""
    return {
        (stat["Metric"]["MetricName"], stat["Metric"]["Dimensions"][0]["Value"])
        for _, alarm in stack.of("AWS::CloudWatch::Alarm")
        for stat in (one.get("MetricStat") for one in alarm.get("Metrics", []))
        if stat is not None and len(stat["Metric"]["Dimensions"]) == 1
    }


def delivery_is_watched_within_an_hour(stack: Stack) -> list[str]:
    late = ["FreshnessAlarmSeconds"] if stack.most({"Ref": "FreshnessAlarmSeconds"}) > 3600 else []
    watched = _in_expressions(stack)
    return late + [n for n, _ in stack.deliveries() if ("DeliveryToS3.DataFreshness", f"<{n}>") not in watched]


def math_says_what_it_means(stack: Stack) -> list[str]:
    """Each expression is one that is known, over the metrics that it is about, and soon enough."""
    found = []
    for name, alarm in stack.of("AWS::CloudWatch::Alarm"):
        if "Metrics" not in alarm:
            continue
        raw = stack.raw[name]["Properties"]
        shown = [one for one in raw["Metrics"] if one.get("ReturnData", True)]
        text = shown[0].get("Expression", "") if len(shown) == 1 else ""
        shape = SHAPES.get(text["Fn::Sub"] if isinstance(text, dict) else text)
        if shape is None:
            found.append(f"{name}: {text!r} is no expression that is known here")
            continue
        stats = {one["Id"]: one["MetricStat"] for one in alarm["Metrics"] if "MetricStat" in one}
        periods = {stat["Period"] for stat in stats.values()}
        wrong = [
            {one: _seen_as(stack, stat) for one, stat in stats.items()} not in (shape.metrics, shape.or_metrics)
            and "Metrics",
            alarm["ComparisonOperator"] != ABOVE and "ComparisonOperator",
            not shape.least <= stack.least(raw["Threshold"]) <= stack.most(raw["Threshold"]) <= shape.most
            and "Threshold",
            alarm.get("TreatMissingData") != shape.missing and "TreatMissingData",
            (len(periods) != 1 or max(periods) * alarm["EvaluationPeriods"] > 900) and "Period",
            not 1 <= alarm.get("DatapointsToAlarm", 1) <= alarm["EvaluationPeriods"] and "DatapointsToAlarm",
        ]
        found += [f"{name}: {one}" for one in wrong if one]
    return found


def what_stands_still_is_seen(stack: Stack) -> list[str]:
    """What is not called, read or fed has no metric: it is judged beside what should have moved it."""
    watched = _in_expressions(stack)
    return sorted(f"{metric} of {value}" for metric, value in _must_move(stack) if (metric, value) not in watched)


def _must_move(stack: Stack) -> Iterator[tuple[str, str]]:
    for name, _ in stack.of(STREAM):
        yield "IncomingRecords", f"<{name}>"
    for _, mapping in stack.mappings():
        function = mapping["FunctionName"]
        yield "Invocations", function
        if str(function).strip("<>") in stack.consumers():
            yield from ((metric, function) for metric in ("IteratorAge", "Duration", "Notified", "Bad"))
    for name, properties in stack.of(DELIVERY):
        if properties["DeliveryStreamType"] == "KinesisStreamAsSource":
            yield "DataReadFromKinesisStream.Records", f"<{name}>"
    for name, queue in stack.of(QUEUE):
        if "RedrivePolicy" in queue:
            yield from ((one, f"<{name}.QueueName>") for one in ("NumberOfMessagesSent", "NumberOfMessagesReceived"))


def _seen_as(stack: Stack, stat: dict[str, Any]) -> tuple[str, str, str, str, str]:
    """Namespace, metric, dimension, the kind of resource that is its value, and statistic."""
    metric = stat["Metric"]
    dimensions = metric["Dimensions"]
    name = dimensions[0]["Value"].strip("<>").partition(".")[0]
    kind = str(stack.raw[name]["Type"]) if name in stack.raw else ""
    if len(dimensions) > 1 and not _is_of_the_alias(stack, name, dimensions[1:]):
        kind = "another"
    names = " ".join(str(one["Name"]) for one in dimensions)
    return metric["Namespace"], metric["MetricName"], names, kind, stat["Stat"]


def _is_of_the_alias(stack: Stack, function: str, dimensions: list[dict[str, Any]]) -> bool:
    """Whether these are an alias of the function, and the version that a deployment brings."""
    alias = stack.resources[function].get("AutoPublishAlias")
    wanted = [f"<{function}>:{alias}", f"<{function}.Version.Version>"]
    return alias is not None and [one["Value"] for one in dimensions] == wanted[: len(dimensions)]


def _is_one(stack: Stack, dimensions: list[dict[str, Any]], watch: Watch) -> bool:
    values = {f"<{name}>" for name, _ in stack.of(watch.kind)}
    values |= {f"<{name}.QueueName>" for name, _ in stack.of(watch.kind)}
    values |= {api["Name"] for _, api in stack.of(watch.kind) if watch.kind == API}
    if watch.namespace == "AWS/Lambda" and len(dimensions) > 1:
        function = str(dimensions[0]["Value"]).strip("<>")
        named = [one["Name"] for one in dimensions] == ["FunctionName", "Resource", "ExecutedVersion"]
        return named and f"<{function}>" in values and _is_of_the_alias(stack, function, dimensions[1:])
    return [one["Name"] for one in dimensions] == [watch.dimension] and dimensions[0]["Value"] in values


def _wanted(stack: Stack) -> Iterator[tuple[str, str]]:
    for name, mapping in stack.mappings():
        yield from ((metric, f"<{name}>") for metric, watch in WATCHES.items() if watch.kind == MAPPING)
        yield from ((metric, mapping["FunctionName"]) for metric in ("IteratorAge", "Errors", "Throttles"))
        if str(mapping["FunctionName"]).strip("<>") in stack.consumers():
            yield "Poison", mapping["FunctionName"]
        stream = str(mapping["EventSourceArn"]).replace(".Arn", "")
        yield from ((f"{one}ProvisionedThroughputExceeded", stream) for one in ("Read", "Write"))
    for _, mapping in stack.queue_mappings():
        for metric in ("Errors", "Throttles", "WebhookOldest", "WebhookRefused"):
            yield metric, mapping["FunctionName"]
    for name, _ in stack.of(FUNCTION):
        if "VERDICTS_DELIVERY_STREAM" in stack.resources[name].get("Environment", {}).get("Variables", {}):
            yield from ((metric, f"<{name}>") for metric in ("PolicyRefused", "Degraded"))
        if "ARCHIVE_BUCKET" in stack.resources[name].get("Environment", {}).get("Variables", {}):
            yield "ToRetry", f"<{name}>"
    for name, properties in stack.of(DELIVERY):
        given = properties["ExtendedS3DestinationConfiguration"]
        metrics = ["DeliveryToS3.DataFreshness", "DeliveryToS3.Success"]
        metrics += ["FailedConversion.Records"] if "DataFormatConversionConfiguration" in given else []
        partitioned = "DynamicPartitioningConfiguration" in given and name not in FEW_DAYS
        metrics += ["PartitionCountExceeded"] if partitioned else []
        metrics += ["BackupToS3.Success", "BackupToS3.DataFreshness"] if given.get("S3BackupMode") == "Enabled" else []
        direct = properties["DeliveryStreamType"] == "DirectPut"
        metrics.append("ThrottledRecords" if direct else "KinesisMillisBehindLatest")
        yield from ((metric, f"<{name}>") for metric in metrics)
    for _, api in stack.of(API):
        yield "5XXError", api["Name"]
    for name, _ in stack.of(HTTP_API):
        yield from ((metric, f"<{name}>") for metric in ("5xx", "Latency"))
    for _, permission in stack.of("AWS::Lambda::Permission"):
        if permission["Principal"] == "apigateway.amazonaws.com":
            yield from ((metric, permission["FunctionName"]) for metric in ("Errors", "Throttles"))
    for _, queue in stack.of(QUEUE):
        if letters := queue.get("RedrivePolicy", {}).get("deadLetterTargetArn"):
            yield "ApproximateNumberOfMessagesVisible", letters.replace(".Arn", ".QueueName")
    for name, queue in stack.of(QUEUE):
        if "RedrivePolicy" in queue:
            yield "ApproximateAgeOfOldestMessage", f"<{name}.QueueName>"
