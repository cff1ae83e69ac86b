"""What CloudWatch counts of an event source mapping.

Source: https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
"""

from infra.local.awslambda.lane import Discard, Failed, Invoke, NotInvoked, Outcome
from infra.local.awslambda.mapping import EventSourceMapping
from infra.local.awslambda.settings import MappingSettings
from infra.local.awslambda.versions import split
from infra.local.cloudwatch.meter import Meter


class Counting:
    """Emits a mapping's metrics; those of events only when its settings ask for them.

    Args:
        meter: takes them.
    """

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._counted: dict[str, int] = {}

    def batch(self, settings: MappingSettings, action: Invoke, outcome: Outcome, *, sent: float) -> None:
        """A batch whose invocation has ended.

        IteratorAge is the age of its last record, from when the stream got it to when the mapping sent it; Lambda emits
        it when the function is done with the batch, so that a function that is not called has none.

        Args:
            sent: epoch seconds.
        """
        if isinstance(outcome, NotInvoked):
            return
        if action.records:
            age = round(max(0.0, sent - action.records[-1].arrived) * 1000)
            name, qualifier = split(settings.function_arn)
            places = [{"FunctionName": name}]
            if qualifier:
                places.append({"FunctionName": name, "Resource": f"{name}:{qualifier}"})
            for dimensions in places:
                self._meter.add("AWS/Lambda", "IteratorAge", dimensions, age, "Milliseconds")
        failed = len(action.records) - outcome.at if isinstance(outcome, Failed) else 0
        self._events(settings, "InvokedEventCount", len(action.records))
        self._events(settings, "FailedInvokeEventCount", failed)

    def delivered(self, settings: MappingSettings, action: Discard) -> None:
        """A batch that the on-failure destination took."""
        self._events(settings, "OnFailureDestinationDeliveredEventCount", len(action.discarded.records))

    def progress(self, settings: MappingSettings, core: EventSourceMapping) -> None:
        """What was read, filtered away and dropped since the last look."""
        counters = core.counters
        totals = {
            "PolledEventCount": sum(reader.taken for reader in core.readers.values()),
            "FilteredOutEventCount": counters.filtered,
            "DroppedEventCount": counters.discarded if settings.destination is None else 0,
        }
        for name, total in totals.items():
            if total > self._counted.get(name, 0):
                self._events(settings, name, total - self._counted.get(name, 0))
            self._counted[name] = total

    def _events(self, settings: MappingSettings, metric: str, value: float) -> None:
        if settings.counts_events:
            self._meter.add("AWS/Lambda", metric, {"EventSourceMappingUUID": settings.uuid}, value)
