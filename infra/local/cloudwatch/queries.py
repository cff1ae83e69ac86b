"""MetricDataQueries: what an alarm, a dashboard or GetMetricData asks for. Pure but for the metrics read.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDataQuery.html
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from infra.local.cloudwatch.metric_math import Expression, Grid, MathError, Series, Value
from infra.local.cloudwatch.metrics import MINUTE, STATISTICS, Metric, Metrics, percentile
from infra.local.errors import ApiError

MOST_QUERIES: Final = 500


class Stat(Struct, frozen=True):
    """A metric, one of its statistics, and the seconds of each of its data points."""

    metric: Metric
    statistic: str
    period: int


class Query(Struct, frozen=True):
    """One of the queries: a metric, or an expression over others.

    Args:
        shown: whether its data goes into the answer.
    """

    id: str
    label: str
    shown: bool
    stat: Stat | None = None
    expression: Expression | None = None
    period: int | None = None


def read_queries(given: Sequence[Mapping[str, Any]]) -> list[Query]:
    """The queries of a request.

    Raises:
        ApiError: ``ValidationError`` for what CloudWatch refuses and for what is not modelled.
    """
    if not 1 <= len(given) <= MOST_QUERIES:
        raise refused(f"1 to {MOST_QUERIES} MetricDataQueries are allowed, not {len(given)}")
    found = [_read(one) for one in given]
    ids = [one.id for one in found]
    if len(set(ids)) < len(ids):
        raise refused("each query needs an Id of its own")
    for one in found:
        unknown = sorted((one.expression.names if one.expression else set()) - set(ids))
        if unknown:
            raise refused(f"the expression of {one.id} names {', '.join(unknown)}, and there is no such Id")
    return found


def read_stat(given: Mapping[str, Any]) -> Stat:
    """A ``MetricStat``.

    Raises:
        ApiError: ``ValidationError``.
    """
    metric = given.get("Metric") or {}
    statistic = str(given.get("Stat"))
    if statistic not in STATISTICS:
        try:
            percentile(statistic)
        except ValueError as error:
            raise refused(str(error)) from None
    return Stat(
        Metric.of(str(metric.get("Namespace")), str(metric.get("MetricName")), dimensions_of(metric)),
        statistic,
        read_period(given.get("Period")),
    )


def read_period(given: Any) -> int:
    """A period of whole minutes.

    Raises:
        ApiError: ``ValidationError``; shorter ones are of high resolution, which is not modelled.
    """
    if not isinstance(given, int) or given < MINUTE or given % MINUTE or given > 86_400:
        raise refused(
            f"Period {given!r}: the laptop runtime has multiples of 60 up to 86400; high resolution is not modelled"
        )
    return given


def dimensions_of(given: Mapping[str, Any]) -> dict[str, str]:
    """The dimensions of a metric, an alarm or a filter, by name."""
    return {str(one["Name"]): str(one.get("Value", "")) for one in given.get("Dimensions") or []}


def refused(message: str) -> ApiError:
    """CloudWatch's answer to what it does not take."""
    return ApiError("ValidationError", message)


def series_of(metrics: Metrics, stat: Stat, grid: Grid) -> Series:
    """A metric's statistic over each of the grid's spans."""
    found: Series = {}
    for at in grid.times:
        sample = metrics.window(stat.metric, at, at + grid.period)
        if sample is not None:
            found[at] = sample.value(stat.statistic)
    return found


def results(metrics: Metrics, queries: Sequence[Query], grid: Grid) -> dict[str, Value]:
    """What each query gives, by id.

    Raises:
        ApiError: ``ValidationError`` for an expression that names itself, or cannot be evaluated.
    """
    by_id = {one.id: one for one in queries}
    found: dict[str, Value] = {}
    under_way: set[str] = set()

    def value(name: str) -> Value:
        if name in found:
            return found[name]
        if name in under_way:
            raise refused(f"the expression of {name} leads back to itself")
        under_way.add(name)
        query = by_id[name]
        if query.stat is not None:
            found[name] = series_of(metrics, query.stat, grid)
        elif query.expression is not None:
            given = {one: _as_series(value(one), grid) for one in sorted(query.expression.names)}
            try:
                found[name] = query.expression.value(given, grid)
            except MathError as error:
                raise refused(f"the expression of {name}: {error}") from None
        under_way.discard(name)
        return found[name]

    return {one.id: value(one.id) for one in queries}


def _as_series(value: Value, grid: Grid) -> Series:
    if isinstance(value, list):
        raise MathError("an expression that gives several time series cannot be named by another")
    return value if isinstance(value, dict) else dict.fromkeys(grid.times, value)


def _read(given: Mapping[str, Any]) -> Query:
    name = str(given.get("Id") or "")
    if not name[:1].islower() or not name.replace("_", "").isalnum():
        raise refused(f"Id {name[:80]!r}: it begins with a small letter and has letters, digits and _")
    stat, text = given.get("MetricStat"), given.get("Expression")
    if (stat is None) == (text is None):
        raise refused(f"{name}: either a MetricStat or an Expression is needed")
    label = str(given.get("Label") or (stat["Metric"]["MetricName"] if stat else name))
    shown = bool(given.get("ReturnData", True))
    if stat is not None:
        return Query(name, label, shown, stat=read_stat(stat))
    try:
        expression = Expression(str(text))
    except MathError as error:
        raise refused(f"{name}: {error}") from None
    period = read_period(given["Period"]) if given.get("Period") else None
    return Query(name, label, shown, expression=expression, period=period)
