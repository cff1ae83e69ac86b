"""CloudWatch's embedded metric format: metrics in a line of a function's output. Pure.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from infra.local.cloudwatch.metrics import Metric

MOST_METRICS: Final = 100
MOST_DIMENSIONS: Final = 30


class Emitted(msgspec.Struct, frozen=True):
    """A metric's values; ``at`` in epoch seconds."""

    metric: Metric
    values: Sequence[float]
    unit: str
    at: float


def emitted(line: str) -> Iterator[Emitted]:
    """The metrics of a line; none for a line that is no such document, or that breaks its rules.

    >>> line = '{"_aws":{"Timestamp":60000,"CloudWatchMetrics":[{"Namespace":"N","Dimensions":[["F"]],' \
               '"Metrics":[{"Name":"M"}]}]},"F":"f","M":3}'
    >>> [(one.metric.name, one.metric.dimensions, one.values, one.at) for one in emitted(line)]
    [('M', (('F', 'f'),), [3.0], 60.0)]
    >>> list(emitted('{"M": 3}'))
    []
    """
    if '"_aws"' not in line:
        return
    try:
        document = msgspec.json.decode(line)
        meta = document["_aws"]
        at = float(meta["Timestamp"]) / 1000
        directives = meta["CloudWatchMetrics"]
        for directive in directives:
            yield from _directive(directive, document, at)
    except (msgspec.DecodeError, LookupError, TypeError, ValueError):
        return


def _directive(directive: Mapping[str, Any], document: Mapping[str, Any], at: float) -> Iterator[Emitted]:
    named = directive["Metrics"]
    if len(named) > MOST_METRICS:
        return
    for names in directive["Dimensions"]:
        if len(names) > MOST_DIMENSIONS or any(not isinstance(document.get(name), str) for name in names):
            continue
        dimensions = {name: document[name] for name in names}
        for metric in named:
            values = _values(document.get(metric["Name"]))
            if values:
                identity = Metric.of(directive["Namespace"], metric["Name"], dimensions)
                yield Emitted(identity, values, metric.get("Unit", "None"), at)


def _values(given: Any) -> list[float]:
    values = given if isinstance(given, list) else [given]
    if any(isinstance(one, bool) or not isinstance(one, int | float) or not math.isfinite(one) for one in values):
        return []
    return [float(one) for one in values]
