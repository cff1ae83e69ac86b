"""Rules for streams, queues, delivery streams and what carries events between them. Pure."""

from collections.abc import Iterator
from typing import Final

from infra.checking.findings import Hit, Rule
from infra.checking.view import UNKNOWN, Properties, View, is_on, listed, number, part

_FIREHOSE: Final = "https://docs.aws.amazon.com/firehose/latest/dev/"
_SQS: Final = "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/"
_DAY: Final = 86_400


def _destinations(view: View) -> Iterator[tuple[str, Properties, Properties]]:
    """Logical id, properties and S3 destination of each delivery stream."""
    for name, given in view.of("AWS::KinesisFirehose::DeliveryStream"):
        found = given.get("ExtendedS3DestinationConfiguration") or given.get("S3DestinationConfiguration")
        if isinstance(found, dict):
            yield name, given, found


def _day_of_retention(view: View) -> Iterator[Hit]:
    for name, given in view.of("AWS::Kinesis::Stream"):
        hours = 24.0 if "RetentionPeriodHours" not in given else number(given["RetentionPeriodHours"])
        if hours is not None and hours <= 24:
            yield Hit(name, f"records are kept for {hours:.0f} hours", name)


def _on_demand_unwatched(view: View) -> Iterator[Hit]:
    watched = view.alarms(
        "WriteProvisionedThroughputExceeded", "PutRecords.ThrottledRecords", "IncomingBytes", "IncomingRecords"
    )
    for name, given in view.of("AWS::Kinesis::Stream"):
        if part(given.get("StreamModeDetails"), "StreamMode") == "ON_DEMAND" and not watched:
            yield Hit(name, "it is on demand, and no alarm looks at what comes in or is throttled", name)


def _no_error_prefix(view: View) -> Iterator[Hit]:
    for name, _, destination in _destinations(view):
        if not destination.get("ErrorOutputPrefix"):
            yield Hit(name, "ErrorOutputPrefix is not set", name)


def _converts_without_backup(view: View) -> Iterator[Hit]:
    for name, _, destination in _destinations(view):
        converts = part(destination, "DataFormatConversionConfiguration")
        if not isinstance(converts, dict) or not is_on(converts.get("Enabled", True)):
            continue
        if destination.get("S3BackupMode") in (None, "Disabled"):
            yield Hit(name, "records become columns, and S3BackupMode is Disabled", name)


def _transforms_without_backup(view: View) -> Iterator[Hit]:
    for name, _, destination in _destinations(view):
        steps = listed(part(destination, "ProcessingConfiguration", "Processors"))
        has_function = any(isinstance(step, dict) and step.get("Type") == "Lambda" for step in steps)
        if has_function and destination.get("S3BackupMode") in (None, "Disabled"):
            yield Hit(name, "a function transforms the records, and S3BackupMode is Disabled", name)


def _small_files(view: View) -> Iterator[Hit]:
    for name, _, destination in _destinations(view):
        hints = destination.get("BufferingHints") or {}
        if not isinstance(hints, dict):
            continue
        size, seconds = number(hints.get("SizeInMBs", 5)), number(hints.get("IntervalInSeconds", 300))
        if (size is not None and size < 5) or (seconds is not None and seconds < 60):
            yield Hit(name, f"a file is written after {size or 0:.0f} MiB or {seconds or 0:.0f} s", name)


def _billed_in_steps(view: View) -> Iterator[Hit]:
    for name, given, _ in _destinations(view):
        if given.get("KinesisStreamSourceConfiguration") or given.get("DeliveryStreamType") == "KinesisStreamAsSource":
            yield Hit(name, "it reads a Kinesis stream record by record", name)


def _partitions_unwatched(view: View) -> Iterator[Hit]:
    if view.alarms("PartitionCountExceeded", "PartitionCount"):
        return
    for name, _, destination in _destinations(view):
        if is_on(part(destination, "DynamicPartitioningConfiguration", "Enabled") or False):
            yield Hit(name, "it partitions by keys, and no alarm looks at PartitionCountExceeded", name)


def _delivery_unwatched(view: View) -> Iterator[Hit]:
    if view.alarms("DeliveryToS3.DataFreshness", "DeliveryToS3.Success"):
        return
    for name, _, _ in _destinations(view):
        yield Hit(name, "no alarm looks at DeliveryToS3.DataFreshness", name)


def _delivery_unlogged(view: View) -> Iterator[Hit]:
    for name, _, destination in _destinations(view):
        options = destination.get("CloudWatchLoggingOptions")
        if options is not UNKNOWN and not is_on(part(options, "Enabled") or False):
            yield Hit(name, "CloudWatchLoggingOptions are off", name)


def _no_dead_letters(view: View) -> Iterator[Hit]:
    for source in view.sources("sqs"):
        if source.origin and not view.properties(source.origin).get("RedrivePolicy"):
            yield Hit(source.origin, f"{source.place} reads it, and it has no RedrivePolicy", source.origin)


def _few_receives(view: View) -> Iterator[Hit]:
    for source in view.sources("sqs"):
        policy = view.properties(source.origin).get("RedrivePolicy") if source.origin else None
        count = number(part(policy, "maxReceiveCount"))
        if source.origin and count is not None and count < 5:
            yield Hit(source.origin, f"maxReceiveCount is {count:.0f}", source.origin)


def _dead_letters_expire(view: View) -> Iterator[Hit]:
    for name, given in view.of("AWS::SQS::Queue"):
        target = view.target(part(given.get("RedrivePolicy"), "deadLetterTargetArn"))
        if target is None or is_on(given.get("FifoQueue") or False):
            continue  # A FIFO queue's dead letters are dated anew.
        kept, there = _queue_retention(given), _queue_retention(view.properties(target))
        if kept is not None and there is not None and there <= kept:
            yield Hit(
                target, f"it keeps messages for {there / _DAY:.0f} days, and {name} for {kept / _DAY:.0f}", target
            )


def _queue_retention(given: Properties) -> float | None:
    return 4.0 * _DAY if "MessageRetentionPeriod" not in given else number(given["MessageRetentionPeriod"])


def _asynchronous_dropped(view: View) -> Iterator[Hit]:
    for name in view.asynchronous():
        given = view.properties(name)
        config = given.get("EventInvokeConfig")
        if not given.get("DeadLetterQueue") and not part(config, "DestinationConfig", "OnFailure"):
            yield Hit(name, "it is invoked asynchronously, without DeadLetterQueue and on-failure destination", name)


def _events_dropped(view: View) -> Iterator[Hit]:
    for name, given in view.of("AWS::Events::Rule"):
        for target in listed(given.get("Targets")):
            if isinstance(target, dict) and not target.get("DeadLetterConfig"):
                yield Hit(name, f"its target {str(target.get('Id'))[:64]} has no DeadLetterConfig", name)


STORE_RULES: Final = (
    Rule(
        "SK201",
        "medium",
        "an outage of a day loses records",
        "Records that nobody has read are trimmed after the retention, and 24 hours is less than a weekend.",
        "RetentionPeriodHours: 168, or as long as it may take until somebody mends the consumer",
        "https://docs.aws.amazon.com/streams/latest/dev/kinesis-extended-retention.html",
        _day_of_retention,
    ),
    Rule(
        "SK202",
        "low",
        "an on-demand stream grows, and its bill, without anybody being told",
        "It takes up to twice the peak of the last 30 days and throttles beyond that; what comes in is what is billed.",
        "an alarm on IncomingBytes (bill) and WriteProvisionedThroughputExceeded (throttling)",
        "https://docs.aws.amazon.com/streams/latest/dev/how-do-i-size-a-stream.html",
        _on_demand_unwatched,
    ),
    Rule(
        "SK203",
        "medium",
        "records that could not be delivered lie among the others, or where nobody looks",
        "Without a prefix of their own, error documents land under the data's prefix, where tables read them as data.",
        "ErrorOutputPrefix: errors/!{firehose:error-output-type}/…, outside every table's location",
        _FIREHOSE + "s3-prefixes.html",
        _no_error_prefix,
    ),
    Rule(
        "SK204",
        "medium",
        "what a conversion leaves out is gone",
        "A field that the table lacks is dropped, and one that does not fit becomes null: without the source "
        "records nobody can tell, or mend it.",
        "S3BackupMode: Enabled, or write down where else the source records are kept",
        _FIREHOSE + "record-format-conversion-concepts.html",
        _converts_without_backup,
    ),
    Rule(
        "SK205",
        "medium",
        "what a transformation drops or damages is gone",
        "A record answered with Dropped, or answered wrong, is nowhere any more.",
        "S3BackupMode: Enabled, or write down where else the source records are kept",
        _FIREHOSE + "data-transformation.html",
        _transforms_without_backup,
    ),
    Rule(
        "SK206",
        "low",
        "many small files make every query slow and dear",
        "Athena opens each file; ten thousand of 1 MB cost many times one of 10 GB, and S3 bills each request.",
        "BufferingHints of 64 MiB or more and 300 s or more, where minutes do not matter",
        "https://docs.aws.amazon.com/athena/latest/ug/performance-tuning-data-optimization-techniques.html",
        _small_files,
    ),
    Rule(
        "SK207",
        "low",
        "each record is billed as 5 KB at least",
        "Firehose bills ingestion from Kinesis record by record, each rounded up to 5 KB: records of 500 "
        "bytes cost ten times their size.",
        "aggregate at the producer, or pack small records; or write down what it costs here",
        "https://aws.amazon.com/firehose/pricing/",
        _billed_in_steps,
    ),
    Rule(
        "SK208",
        "medium",
        "records of the 501st partition become errors",
        "A delivery stream holds 500 partitions open; records of more go to the error prefix for as long.",
        "partition by keys of few values, and an alarm on PartitionCountExceeded",
        _FIREHOSE + "dynamic-partitioning.html",
        _partitions_unwatched,
    ),
    Rule(
        "SK209",
        "medium",
        "nobody is told when nothing lands any more",
        "A lost right or a deleted table stops delivery; after a day of tries records are dropped.",
        "an AWS::CloudWatch::Alarm on DeliveryToS3.DataFreshness",
        _FIREHOSE + "firehose-cloudwatch-metrics-best-practices.html",
        _delivery_unwatched,
    ),
    Rule(
        "SK210",
        "medium",
        "why a delivery failed is written nowhere",
        "Errors of the function, the conversion and S3 are told in CloudWatch Logs only.",
        "CloudWatchLoggingOptions: {Enabled: true, LogGroupName: …, LogStreamName: …}",
        _FIREHOSE + "monitoring-with-cloudwatch-logs.html",
        _delivery_unlogged,
    ),
    Rule(
        "SK301",
        "high",
        "a bad message is tried until it expires",
        "Without a dead-letter queue it comes again and again, takes the places of good ones, and is deleted "
        "in the end.",
        "RedrivePolicy with a dead-letter queue and a maxReceiveCount of 5 or more",
        _SQS + "sqs-dead-letter-queues.html",
        _no_dead_letters,
    ),
    Rule(
        "SK302",
        "low",
        "messages are given up for throttling alone",
        "Each throttled invocation counts as received, so that a busy hour moves good messages to the dead letters.",
        "maxReceiveCount of 5 or more",
        "https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html",
        _few_receives,
    ),
    Rule(
        "SK303",
        "high",
        "dead letters expire before anybody has read them",
        "A message keeps the date on which it was sent: with the same retention it may be deleted soon after it "
        "has come here.",
        "MessageRetentionPeriod: 1209600 (14 days) on the dead-letter queue",
        _SQS + "sqs-dead-letter-queues.html",
        _dead_letters_expire,
    ),
    Rule(
        "SK401",
        "medium",
        "events are dropped after two retries",
        "An asynchronous invocation is tried three times, for six hours at most, and then forgotten.",
        "EventInvokeConfig with an on-failure destination, or a DeadLetterQueue",
        "https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html",
        _asynchronous_dropped,
    ),
    Rule(
        "SK402",
        "medium",
        "events that a target does not take are dropped",
        "EventBridge tries for a day, and then forgets the event; a missing right is not even tried again.",
        "DeadLetterConfig: {Arn: …} on the target",
        "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html",
        _events_dropped,
    ),
)
