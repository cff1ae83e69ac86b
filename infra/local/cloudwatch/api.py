"""The CloudWatch API over metrics and alarms: one method, ``call(action, body)``.

What is not here (dashboards, tags, insight rules …) is moto's.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_Operations.html
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from infra.local.clock import Clock
from infra.local.cloudwatch.alarms import STATES, Alarm, Alarms
from infra.local.cloudwatch.metric_math import Grid
from infra.local.cloudwatch.metrics import MINUTE, STATISTICS, Metric, Metrics, Sample
from infra.local.cloudwatch.queries import (
    dimensions_of,
    read_period,
    read_queries,
    read_stat,
    refused,
    results,
)
from infra.local.errors import ApiError

MOST_POINTS: Final = 100_800
_LISTED_SINCE: Final = 14 * 86_400
_PAGE: Final = 500


class CloudWatchApi:
    """Answers CloudWatch calls.

    Args:
        metrics: kept minutes.
        alarms: evaluated elsewhere.
        clock: where the time is read.
        changed: told of each change of state that a call makes.
    """

    def __init__(self, metrics: Metrics, alarms: Alarms, clock: Clock, *, changed: Callable[[Any], None]) -> None:
        self._metrics = metrics
        self._alarms = alarms
        self._clock = clock
        self._changed = changed
        self.actions: Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "DeleteAlarms": self._delete_alarms,
            "DescribeAlarmHistory": self._describe_history,
            "DescribeAlarms": self._describe_alarms,
            "DescribeAlarmsForMetric": self._describe_for_metric,
            "DisableAlarmActions": lambda body: self._enable(body, enabled=False),
            "EnableAlarmActions": lambda body: self._enable(body, enabled=True),
            "GetMetricData": self._get_metric_data,
            "GetMetricStatistics": self._get_metric_statistics,
            "ListMetrics": self._list_metrics,
            "PutMetricAlarm": self._put_metric_alarm,
            "PutMetricData": self._put_metric_data,
            "SetAlarmState": self._set_alarm_state,
        }

    def call(self, action: str, body: dict[str, Any]) -> dict[str, Any]:
        """The answer to one call; times in epoch seconds.

        Raises:
            ApiError: AWS's code, and what was received and is allowed.
        """
        return self.actions[action](body)

    def _put_metric_alarm(self, body: dict[str, Any]) -> dict[str, Any]:
        self._alarms.put(body, self._clock.now())
        return {}

    def _delete_alarms(self, body: dict[str, Any]) -> dict[str, Any]:
        self._alarms.delete(body.get("AlarmNames") or [])
        return {}

    def _enable(self, body: dict[str, Any], *, enabled: bool) -> dict[str, Any]:
        for name in body.get("AlarmNames") or []:
            self._alarms.get(name).actions_enabled = enabled
        return {}

    def _set_alarm_state(self, body: dict[str, Any]) -> dict[str, Any]:
        if body.get("StateValue") not in STATES:
            raise refused(f"StateValue {body.get('StateValue')!r}; allowed: {', '.join(STATES)}")
        alarm = self._alarms.get(str(body.get("AlarmName")))
        with self._alarms.lock:
            change = alarm.become(body["StateValue"], str(body.get("StateReason")), self._clock.now())
            self._alarms.history.append(change)
        self._changed(change)
        return {}

    def _describe_alarms(self, body: dict[str, Any]) -> dict[str, Any]:
        names, prefix, state = body.get("AlarmNames"), body.get("AlarmNamePrefix"), body.get("StateValue")
        if names and prefix:
            raise refused("either AlarmNames or AlarmNamePrefix, not both")
        after = str(body.get("NextToken") or "")
        most = int(body.get("MaxRecords") or 50)
        found = [
            one
            for one in self._alarms.all()
            if (not names or one.name in names)
            and one.name.startswith(prefix or "")
            and state in (None, one.state)
            and one.name > after
        ]
        if names:
            most = len(names)
        answer: dict[str, Any] = {"MetricAlarms": [_described(one) for one in found[:most]], "CompositeAlarms": []}
        if len(found) > most:
            answer["NextToken"] = found[most - 1].name
        return answer

    def _describe_for_metric(self, body: dict[str, Any]) -> dict[str, Any]:
        wanted = Metric.of(str(body.get("Namespace")), str(body.get("MetricName")), dimensions_of(body))
        found = [
            _described(one)
            for one in self._alarms.all()
            if any(query.stat is not None and query.stat.metric == wanted for query in one.queries)
        ]
        return {"MetricAlarms": found}

    def _describe_history(self, body: dict[str, Any]) -> dict[str, Any]:
        name, kind = body.get("AlarmName"), body.get("HistoryItemType")
        since, until = _moment(body.get("StartDate"), 0.0), _moment(body.get("EndDate"), float("inf"))
        with self._alarms.lock:
            changes = [
                one
                for one in self._alarms.history
                if name in (None, one.alarm) and kind in (None, "StateUpdate") and since <= one.at <= until
            ]
        if body.get("ScanBy") != "TimestampAscending":
            changes.reverse()
        items = [
            {
                "AlarmName": one.alarm,
                "AlarmType": "MetricAlarm",
                "Timestamp": one.at,
                "HistoryItemType": "StateUpdate",
                "HistorySummary": f"Alarm updated from {one.before} to {one.after}",
                "HistoryData": one.reason,
            }
            for one in changes[: int(body.get("MaxRecords") or 100)]
        ]
        return {"AlarmHistoryItems": items}

    def _put_metric_data(self, body: dict[str, Any]) -> dict[str, Any]:
        namespace = str(body.get("Namespace") or "")
        if not namespace or namespace.startswith("AWS/"):
            raise ApiError("InvalidParameterValue", "The value AWS/ for parameter Namespace is invalid.")
        for datum in body.get("MetricData") or []:
            metric = Metric.of(namespace, str(datum.get("MetricName")), dimensions_of(datum))
            at, unit = _moment(datum.get("Timestamp"), self._clock.now()), str(datum.get("Unit") or "None")
            if given := datum.get("StatisticValues"):
                sample = Sample(
                    float(given["SampleCount"]),
                    float(given["Sum"]),
                    float(given["Minimum"]),
                    float(given["Maximum"]),
                    {},
                )
                self._metrics.put(metric, sample, at=at, unit=unit)
            values = datum.get("Values") or ([datum["Value"]] if "Value" in datum else [])
            counts = datum.get("Counts") or [1.0] * len(values)
            for value, times in zip(values, counts, strict=True):
                self._metrics.add(metric, float(value), at=at, unit=unit, times=float(times))
        return {}

    def _list_metrics(self, body: dict[str, Any]) -> dict[str, Any]:
        namespace, name, wanted = body.get("Namespace"), body.get("MetricName"), body.get("Dimensions") or []
        since = self._clock.now() - (3 * 3600 if body.get("RecentlyActive") else _LISTED_SINCE)
        skip = int(body.get("NextToken") or 0)
        found = [
            one
            for one in self._metrics.known(since=since)
            if namespace in (None, one.namespace) and name in (None, one.name) and _has(one, wanted)
        ]
        answer: dict[str, Any] = {"Metrics": [_metric(one) for one in found[skip : skip + _PAGE]]}
        if len(found) > skip + _PAGE:
            answer["NextToken"] = str(skip + _PAGE)
        return answer

    def _get_metric_statistics(self, body: dict[str, Any]) -> dict[str, Any]:
        metric = Metric.of(str(body.get("Namespace")), str(body.get("MetricName")), dimensions_of(body))
        wanted = [*(body.get("Statistics") or []), *(body.get("ExtendedStatistics") or [])]
        if not wanted:
            raise refused("Statistics or ExtendedStatistics are needed")
        for statistic in wanted:
            read_stat({"Metric": {}, "Stat": statistic, "Period": MINUTE})
        grid = _grid(body, read_period(body.get("Period")))
        points = []
        for at in grid.times:
            sample = self._metrics.window(metric, at, at + grid.period)
            if sample is None:
                continue
            point: dict[str, Any] = {"Timestamp": float(at), "Unit": self._metrics.unit(metric)}
            point |= {one: sample.value(one) for one in wanted if one in STATISTICS}
            if further := {one: sample.value(one) for one in wanted if one not in STATISTICS}:
                point["ExtendedStatistics"] = further
            points.append(point)
        return {"Label": metric.name, "Datapoints": points}

    def _get_metric_data(self, body: dict[str, Any]) -> dict[str, Any]:
        queries = read_queries(body.get("MetricDataQueries") or [])
        periods = {one.stat.period for one in queries if one.stat} | {one.period for one in queries if one.period}
        if len(periods) > 1:
            raise refused(f"one Period for all queries is modelled, not {sorted(periods)}")
        grid = _grid(body, periods.pop() if periods else MINUTE)
        found = results(self._metrics, queries, grid)
        answers = []
        for query in queries:
            value = found[query.id]
            several = value if isinstance(value, list) else [value]
            for one in several if query.shown else []:
                series = one if isinstance(one, dict) else dict.fromkeys(grid.times, one)
                pairs = sorted(series.items(), reverse=body.get("ScanBy") != "TimestampAscending")
                answers.append(
                    {
                        "Id": query.id,
                        "Label": query.label,
                        "Timestamps": [float(at) for at, _ in pairs],
                        "Values": [point for _, point in pairs],
                        "StatusCode": "Complete",
                    }
                )
        return {"MetricDataResults": answers, "Messages": []}


def _grid(body: Mapping[str, Any], period: int) -> Grid:
    start, end = _moment(body.get("StartTime"), None), _moment(body.get("EndTime"), None)
    if start >= end:
        raise refused("StartTime must be before EndTime")
    first = int(start // period) * period
    if (end - first) / period > MOST_POINTS:
        raise refused(f"more than {MOST_POINTS} data points are asked for; take a longer Period")
    return Grid(range(first, int(end) if end == int(end) else int(end) + 1, period), period)


def _moment(given: Any, otherwise: float | None) -> float:
    if isinstance(given, datetime):
        return given.replace(tzinfo=given.tzinfo or UTC).timestamp()
    if isinstance(given, int | float):
        return float(given)
    if isinstance(given, str):
        try:
            found = datetime.fromisoformat(given)
        except ValueError:
            raise refused(f"{given[:40]!r} is no time") from None
        return found.replace(tzinfo=found.tzinfo or UTC).timestamp()
    if otherwise is None:
        raise refused("StartTime and EndTime are needed")
    return otherwise


def _has(metric: Metric, wanted: list[Mapping[str, Any]]) -> bool:
    there = dict(metric.dimensions)
    return all(one["Name"] in there and one.get("Value") in (None, there[one["Name"]]) for one in wanted)


def _metric(metric: Metric) -> dict[str, Any]:
    dimensions = [{"Name": name, "Value": value} for name, value in metric.dimensions]
    return {"Namespace": metric.namespace, "MetricName": metric.name, "Dimensions": dimensions}


def _described(alarm: Alarm) -> dict[str, Any]:
    given = {key: value for key, value in alarm.given.items() if key != "Tags"}
    return {
        "OKActions": [],
        "AlarmActions": [],
        "InsufficientDataActions": [],
        "Dimensions": [],
        **given,
        "AlarmArn": alarm.arn,
        "ActionsEnabled": alarm.actions_enabled,
        "AlarmConfigurationUpdatedTimestamp": alarm.configured_at,
        "StateValue": alarm.state,
        "StateReason": alarm.reason,
        "StateUpdatedTimestamp": alarm.changed_at,
        "StateTransitionedTimestamp": alarm.changed_at,
    }
