"""Rules for what reads a stream: event source mappings and their functions. Pure."""

from collections.abc import Callable, Iterator
from typing import Final

from infra.checking.findings import Hit, Rule
from infra.checking.view import UNKNOWN, Properties, Source, View, is_on, listed, number, part

_LAMBDA: Final = "https://docs.aws.amazon.com/lambda/latest/dg/"
_PARAMETERS: Final = _LAMBDA + "services-kinesis-parameters.html"
_FAILURES: Final = _LAMBDA + "kinesis-on-failure-destination.html"
_STREAMS: Final = ("kinesis", "dynamodb")
_LAMBDA_EVENT_KIB: Final = 6 * 1024 * 3 // 4  # base64 makes four bytes of three


def _each(*kinds: str) -> Callable[[Callable[[View, Source], str | None]], Callable[[View], Iterator[Hit]]]:
    """Makes a rule of what says, for one event source, what is wrong with it."""

    def made(says: Callable[[View, Source], str | None]) -> Callable[[View], Iterator[Hit]]:
        def find(view: View) -> Iterator[Hit]:
            for source in view.sources(*kinds):
                message = says(view, source)
                if message is not None:
                    yield Hit(source.place, message, source.owner)

        return find

    return made


def _limit(settings: Properties, name: str, default: float) -> float | None:
    """A setting's number, AWS's default when it is not set, None when only a deployment knows."""
    return default if name not in settings else number(settings[name])


def _retention_seconds(view: View, source: Source) -> float | None:
    """How long the stream keeps a record; None when the template does not say."""
    if source.kind == "dynamodb":
        return 86_400.0
    if source.origin is None:
        return None
    hours = _limit(view.properties(source.origin), "RetentionPeriodHours", 24)
    return None if hours is None else hours * 3600


@_each("kinesis", "dynamodb", "sqs")
def _reports_nothing(view: View, source: Source) -> str | None:
    types = source.settings.get("FunctionResponseTypes")
    if types is UNKNOWN or "ReportBatchItemFailures" in listed(types):
        return None
    return "FunctionResponseTypes has no ReportBatchItemFailures"


@_each(*_STREAMS)
def _retries_for_ever(view: View, source: Source) -> str | None:
    return "MaximumRetryAttempts has no limit" if _limit(source.settings, "MaximumRetryAttempts", -1) == -1 else None


@_each(*_STREAMS)
def _ages_for_ever(view: View, source: Source) -> str | None:
    age = _limit(source.settings, "MaximumRecordAgeInSeconds", -1)
    return "MaximumRecordAgeInSeconds has no limit" if age == -1 else None


@_each(*_STREAMS)
def _drops_silently(view: View, source: Source) -> str | None:
    if part(source.settings, "DestinationConfig", "OnFailure"):
        return None
    return "there is no DestinationConfig.OnFailure"


@_each(*_STREAMS)
def _trimmed_first(view: View, source: Source) -> str | None:
    age, kept = _limit(source.settings, "MaximumRecordAgeInSeconds", -1), _retention_seconds(view, source)
    if age is None or age < 0 or kept is None or age < kept:
        return None
    return f"MaximumRecordAgeInSeconds is {age:.0f}, and the stream keeps records for {kept:.0f} s"


@_each(*_STREAMS)
def _metadata_only(view: View, source: Source) -> str | None:
    target = view.target(part(source.settings, "DestinationConfig", "OnFailure", "Destination"))
    kind = view.resources[target].get("Type") if target else None
    if kind not in ("AWS::SQS::Queue", "AWS::SNS::Topic"):
        return None
    return f"the failure destination {target} is a {str(kind).rpartition('::')[2].lower()}"


@_each("kinesis", "dynamodb", "sqs")
def _past_the_alias(view: View, source: Source) -> str | None:
    given, function = source.settings.get("FunctionName"), source.function
    if function is None or source.owner == function:
        return None  # SAM's own events go to the alias
    aliases = list(view.aliases(function))
    if not aliases or not view.is_without_qualifier(given):
        return None
    return f"FunctionName is {function} itself, and the function has the alias {', '.join(aliases)}"


@_each(*_STREAMS)
def _window_and_shards(view: View, source: Source) -> str | None:
    window = _limit(source.settings, "TumblingWindowInSeconds", 0)
    if not window:
        return None
    stream = view.properties(source.origin) if source.origin else {}
    scales = part(stream, "StreamModeDetails", "StreamMode") == "ON_DEMAND"
    return f"TumblingWindowInSeconds is {window:.0f}" + (
        ", on an on-demand stream, which splits by itself" if scales else ""
    )


@_each("kinesis", "dynamodb", "sqs")
def _filters(view: View, source: Source) -> str | None:
    filters = listed(part(source.settings, "FilterCriteria", "Filters"))
    return f"FilterCriteria has {len(filters)} filter{'s' if len(filters) > 1 else ''}" if filters else None


@_each("kinesis")
def _parallel(view: View, source: Source) -> str | None:
    factor = _limit(source.settings, "ParallelizationFactor", 1)
    return f"ParallelizationFactor is {factor:.0f}" if factor and factor > 1 else None


@_each("kinesis", "dynamodb")
def _starts_late(view: View, source: Source) -> str | None:
    return "StartingPosition is LATEST" if source.settings.get("StartingPosition") == "LATEST" else None


@_each(*_STREAMS)
def _not_halved(view: View, source: Source) -> str | None:
    size = _limit(source.settings, "BatchSize", 100)
    if is_on(source.settings.get("BisectBatchOnFunctionError")) or size == 1:
        return None
    return "BisectBatchOnFunctionError is off"


@_each("kinesis", "dynamodb", "sqs")
def _stopped(view: View, source: Source) -> str | None:
    function = view.properties(source.function) if source.function else {}
    if number(function.get("ReservedConcurrentExecutions")) == 0:
        return f"{source.function} has ReservedConcurrentExecutions 0"
    return None


@_each("kinesis")
def _starved(view: View, source: Source) -> str | None:
    function = view.properties(source.function) if source.function else {}
    stream = view.properties(source.origin) if source.origin else {}
    reserved, shards = number(function.get("ReservedConcurrentExecutions")), number(stream.get("ShardCount"))
    factor = _limit(source.settings, "ParallelizationFactor", 1)
    if not reserved or not shards or not factor or reserved >= shards * factor:
        return None
    return (
        f"{source.function} may run {reserved:.0f} times at once, and {shards * factor:.0f} batches are ready at once"
    )


@_each("kinesis")
def _too_large(view: View, source: Source) -> str | None:
    stream = view.properties(source.origin) if source.origin else {}
    size = number(stream.get("MaxRecordSizeInKiB"))
    if not size or size <= _LAMBDA_EVENT_KIB:
        return None
    return f"{source.origin} takes records of {size:.0f} KiB, and an event holds {_LAMBDA_EVENT_KIB} KiB before base64"


@_each("kinesis", "dynamodb", "sqs")
def _short_timeout(view: View, source: Source) -> str | None:
    function = view.properties(source.function) if source.function else None
    if function is None or "Timeout" in function:
        return None
    return f"{source.function} has no Timeout, which makes it 3 seconds"


@_each("kinesis", "dynamodb")
def _unwatched_age(view: View, source: Source) -> str | None:
    if view.alarms("IteratorAge", "GetRecords.IteratorAgeMilliseconds", "OffsetLag"):
        return None
    return "no alarm looks at IteratorAge"


@_each("sqs")
def _visible_again(view: View, source: Source) -> str | None:
    if source.function is None or source.origin is None:
        return None
    timeout = _limit(view.properties(source.function), "Timeout", 3)
    window = _limit(source.settings, "MaximumBatchingWindowInSeconds", 0)
    visible = _limit(view.properties(source.origin), "VisibilityTimeout", 30)
    if timeout is None or visible is None or window is None or visible >= 6 * timeout + window:
        return None
    return f"VisibilityTimeout of {source.origin} is {visible:.0f} s; {source.function} may take {timeout:.0f} s"


STREAM_RULES: Final = (
    Rule(
        "SK101",
        "high",
        "one bad record brings its whole batch again",
        "Without partial failures a batch succeeds or fails whole: records that were done are done again, and "
        "one bad one holds the rest.",
        "FunctionResponseTypes: [ReportBatchItemFailures], and let the function answer, of a stream, with the first "
        "record that failed; of a queue, every message that failed",
        _LAMBDA + "services-kinesis-batchfailurereporting.html",
        _reports_nothing,
    ),
    Rule(
        "SK102",
        "high",
        "a bad record blocks its shard until it expires",
        "By default Lambda tries a failing batch again until its records expire, up to a year; nothing after "
        "it in the shard is read.",
        "MaximumRetryAttempts: a number such as 8, with an on-failure destination",
        _PARAMETERS,
        _retries_for_ever,
    ),
    Rule(
        "SK103",
        "medium",
        "old records are tried for as long as the stream keeps them",
        "After an outage the whole backlog is tried again before anything new is read.",
        "MaximumRecordAgeInSeconds: less than the stream's retention, with an on-failure destination",
        _PARAMETERS,
        _ages_for_ever,
    ),
    Rule(
        "SK104",
        "high",
        "what Lambda gives up on is gone without a trace",
        "A batch that is out of retries or too old is dropped; without a destination nothing says which "
        "records it held.",
        "DestinationConfig: {OnFailure: {Destination: the ARN of a bucket}}, which keeps the records themselves",
        _FAILURES,
        _drops_silently,
    ),
    Rule(
        "SK105",
        "high",
        "records are trimmed from the stream before Lambda gives them up",
        "A record that the stream has trimmed never reaches the failure destination: it is lost without a trace.",
        "MaximumRecordAgeInSeconds well below the stream's retention",
        _FAILURES,
        _trimmed_first,
    ),
    Rule(
        "SK106",
        "medium",
        "the failure destination has no records in it, only where they were",
        "A queue or topic gets shard and sequence numbers; once the stream has trimmed the records, they "
        "cannot be had any more.",
        "a bucket as the destination: it gets the whole invocation record",
        _FAILURES,
        _metadata_only,
    ),
    Rule(
        "SK107",
        "medium",
        "a tumbling window is cut off when its shard is split",
        "When a shard ends its window is closed, and its children begin with an empty state: an aggregate "
        "comes in two halves.",
        "aggregate downstream, by event time, or fix the number of shards and write down that nobody changes it",
        _LAMBDA + "services-kinesis-windows.html",
        _window_and_shards,
    ),
    Rule(
        "SK108",
        "medium",
        "what a filter leaves out is neither handled nor counted",
        "Lambda takes filtered records as done: no metric by record, no destination. Where each record must "
        "be accounted for, they are missing. A filter on data drops records that are not JSON.",
        "let the function decide and count, or write down why nobody misses these records",
        _LAMBDA + "invocation-eventfiltering.html",
        _filters,
    ),
    Rule(
        "SK109",
        "low",
        "order holds by partition key only, and an aggregated record has one key for many",
        "Batches of one shard run at once, divided by partition key. A producer that aggregates (KPL) puts "
        "records of many keys under one, so that records of one key can overtake each other.",
        "ParallelizationFactor: 1 where order matters and producers aggregate, or write down that it does not",
        _LAMBDA + "services-kinesis-parameters.html",
        _parallel,
    ),
    Rule(
        "SK110",
        "medium",
        "records put while the mapping is made are never read",
        "A mapping takes minutes to begin, and begins at the end of the stream; one that is made anew leaves "
        "out what came in between.",
        "StartingPosition: TRIM_HORIZON, or AT_TIMESTAMP",
        _LAMBDA + "with-kinesis.html",
        _starts_late,
    ),
    Rule(
        "SK111",
        "medium",
        "a batch that fails is tried again whole",
        "When the function crashes or times out it names no record; halving the batch finds the one, and the "
        "others get through.",
        "BisectBatchOnFunctionError: true",
        _PARAMETERS,
        _not_halved,
    ),
    Rule(
        "SK112",
        "high",
        "the function never runs",
        "A reserved concurrency of 0 throttles every invocation, while records age in the stream.",
        "leave ReservedConcurrentExecutions out, or disable the mapping in the open (Enabled: false)",
        _LAMBDA + "configuration-concurrency.html",
        _stopped,
    ),
    Rule(
        "SK113",
        "medium",
        "the function may not run as often as there are shards",
        "Each shard has ParallelizationFactor batches ready at once; the rest are throttled, and their shards "
        "fall behind.",
        "ReservedConcurrentExecutions of at least ShardCount × ParallelizationFactor",
        _LAMBDA + "configuration-concurrency.html",
        _starved,
    ),
    Rule(
        "SK114",
        "high",
        "the stream takes records that no event of Lambda can hold",
        "An event holds 6 MB with its data in base64: such a record fails at every try, and blocks its shard "
        "for as long.",
        "MaxRecordSizeInKiB of at most 4608, or put large content into S3 and its place on the stream",
        "https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html",
        _too_large,
    ),
    Rule(
        "SK115",
        "medium",
        "a batch has three seconds",
        "Three seconds is Lambda's default for a function that does next to nothing; a batch that takes "
        "longer is killed and comes again.",
        "Timeout: what a full batch takes at its slowest, and some more",
        _LAMBDA + "configuration-timeout.html",
        _short_timeout,
    ),
    Rule(
        "SK116",
        "medium",
        "nobody is told when the consumer falls behind",
        "A blocked or slow shard shows in one metric, the age of what was read last; unseen, it ends with "
        "records trimmed unread.",
        "an AWS::CloudWatch::Alarm on IteratorAge (Maximum), well below the stream's retention",
        _LAMBDA + "monitoring-metrics-types.html",
        _unwatched_age,
    ),
    Rule(
        "SK117",
        "high",
        "messages come again while the function still works on them",
        "A message is visible again after its time-out: it is handled twice, and counts as received each time.",
        "VisibilityTimeout of at least six times the function's Timeout, and the batching window",
        _LAMBDA + "services-sqs-configure.html",
        _visible_again,
    ),
    Rule(
        "SK118",
        "high",
        "what the mapping calls is not what the alias points to",
        "Without a qualifier a mapping calls $LATEST: new code gets every batch at once, and a deployment that "
        "takes the alias back leaves the consumer on the new code.",
        "FunctionName: !Ref Function.Alias with SAM's AutoPublishAlias, or the alias's own !Ref",
        _LAMBDA + "configuration-aliases.html",
        _past_the_alias,
    ),
)
