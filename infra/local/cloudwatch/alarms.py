"""Alarms: what was asked for, their state, and how it came to be. Pure but for the metrics read.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html and
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
"""

import json
import threading
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from msgspec import Struct

from infra.local.cloudwatch.evaluation import ALARM, COMPARISONS, INSUFFICIENT, OK, TREATMENTS, Rule, state
from infra.local.cloudwatch.metric_math import Grid
from infra.local.cloudwatch.metrics import MINUTE, Metrics
from infra.local.cloudwatch.queries import Query, read_period, read_queries, read_stat, refused, results
from infra.local.errors import ApiError

STATES: Final = (OK, ALARM, INSUFFICIENT)
KEPT_CHANGES: Final = 5_000
_MODELLED: Final = frozenset(
    {
        *("ActionsEnabled", "AlarmActions", "AlarmDescription", "AlarmName", "ComparisonOperator", "DatapointsToAlarm"),
        *("Dimensions", "EvaluationPeriods", "ExtendedStatistic", "InsufficientDataActions", "MetricName", "Metrics"),
        *("Namespace", "OKActions", "Period", "Statistic", "Tags", "Threshold", "TreatMissingData", "Unit"),
    }
)
_ACTIONS: Final = {OK: "OKActions", ALARM: "AlarmActions", INSUFFICIENT: "InsufficientDataActions"}


class Change(Struct, frozen=True):
    """A change of state.

    Args:
        at: epoch seconds.
        actions: the ARNs that are told; none when actions are switched off.
    """

    alarm: str
    at: float
    before: str
    after: str
    reason: str
    actions: Sequence[str]


class Alarm:
    """One alarm.

    Args:
        given: as ``PutMetricAlarm`` has it.
        arn: its ARN.
        now: epoch seconds.

    Raises:
        ApiError: ``ValidationError`` for what CloudWatch refuses and for what is not modelled.
    """

    def __init__(self, given: Mapping[str, Any], *, arn: str, now: float) -> None:
        self.given = dict(given)
        self.name = str(given["AlarmName"])
        self.arn = arn
        self.state = INSUFFICIENT
        self.reason = "Unchecked: Initial alarm creation"
        self.changed_at = self.configured_at = now
        self.actions_enabled = bool(given.get("ActionsEnabled", True))
        self.rule = _rule(given)
        self.queries = _queries(given)
        self.period = _period(given, self.queries)
        self._shown = next(one.id for one in self.queries if one.shown)

    def points(self, metrics: Metrics, now: float) -> list[float | None]:
        """Its latest data points, the newest last: each spans a period, and the last ends with the last whole minute.

        Source: "at the end of minute 6, the alarm is evaluated based on the data from minutes 2 to 6".
        """
        end = int(now // MINUTE) * MINUTE
        times = [end - self.period * back for back in range(self.rule.range, 0, -1)]
        found = results(metrics, self.queries, Grid(times, self.period))[self._shown]
        if isinstance(found, list):
            raise refused(f"{self.name}: its expression gives several time series")
        series = found if isinstance(found, dict) else dict.fromkeys(times, found)
        return [series.get(at) for at in times]

    def evaluate(self, metrics: Metrics, now: float) -> Change | None:
        """Takes up the state that its data asks for; gives the change, if it is one."""
        points = self.points(metrics, now)
        after = state(self.rule, points, self.state)
        if after == self.state:
            return None
        return self.become(after, _reason(self.rule, points), now)

    def become(self, after: str, reason: str, now: float) -> Change:
        """Takes up a state."""
        before, self.state, self.reason, self.changed_at = self.state, after, reason, now
        actions = self.given.get(_ACTIONS[after]) or [] if self.actions_enabled else []
        return Change(self.name, now, before, after, reason, actions)

    def message(self, change: Change, *, account: str, region: str) -> str:
        """What its topic is told of a change, as CloudWatch words it."""
        document = {
            "AlarmName": self.name,
            "AlarmDescription": self.given.get("AlarmDescription"),
            "AWSAccountId": account,
            "AlarmConfigurationUpdatedTimestamp": _shown(self.configured_at),
            "NewStateValue": change.after,
            "NewStateReason": change.reason,
            "StateChangeTime": _shown(change.at),
            "Region": region,
            "AlarmArn": self.arn,
            "OldStateValue": change.before,
            "OKActions": self.given.get("OKActions") or [],
            "AlarmActions": self.given.get("AlarmActions") or [],
            "InsufficientDataActions": self.given.get("InsufficientDataActions") or [],
        }
        return json.dumps(document)


class Alarms:
    """The alarms of one account and region. Safe to use from several threads."""

    def __init__(self, *, account: str, region: str) -> None:
        self.account, self.region = account, region
        self.history: deque[Change] = deque(maxlen=KEPT_CHANGES)
        self._alarms: dict[str, Alarm] = {}
        self.lock = threading.RLock()

    def put(self, given: Mapping[str, Any], now: float) -> None:
        """Makes an alarm, or changes one; its state stays then.

        Raises:
            ApiError: ``ValidationError``.
        """
        unknown = sorted(set(given) - _MODELLED)
        if unknown:
            raise refused(f"{', '.join(unknown)} of an alarm is not modelled by the laptop runtime")
        name = given.get("AlarmName")
        if not isinstance(name, str) or not 1 <= len(name) <= 255:
            raise refused("AlarmName: 1 to 255 characters are needed")
        arn = f"arn:aws:cloudwatch:{self.region}:{self.account}:alarm:{name}"
        alarm = Alarm(given, arn=arn, now=now)
        with self.lock:
            if (old := self._alarms.get(name)) is not None:
                alarm.state, alarm.reason, alarm.changed_at = old.state, old.reason, old.changed_at
            self._alarms[name] = alarm

    def delete(self, names: Iterable[str]) -> None:
        """Removes some; a name that there is not is left out, as CloudWatch leaves it out."""
        with self.lock:
            for name in names:
                self._alarms.pop(name, None)

    def get(self, name: str) -> Alarm:
        """The alarm of that name.

        Raises:
            ApiError: ``ResourceNotFound``.
        """
        with self.lock:
            found = self._alarms.get(name)
        if found is None:
            raise ApiError("ResourceNotFound", f"there is no alarm {name[:255]!r}", 404)
        return found

    def all(self) -> list[Alarm]:
        """All, by name."""
        with self.lock:
            return [self._alarms[name] for name in sorted(self._alarms)]

    def evaluate(self, metrics: Metrics, now: float) -> list[Change]:
        """Evaluates all of them."""
        changes = []
        with self.lock:
            for alarm in self._alarms.values():
                try:
                    change = alarm.evaluate(metrics, now)
                except ApiError as error:
                    # One that cannot be evaluated says so, and keeps no other from being evaluated.
                    alarm.reason = f"{error.code}: {error.message}"
                    continue
                if change is not None:
                    changes.append(change)
                    self.history.append(change)
        return changes

    def keep(self, wanted: Mapping[str, Mapping[str, Any]], now: float) -> None:
        """Has these alarms and no others, as they were asked for."""
        self.delete(alarm.name for alarm in self.all() if alarm.name not in wanted)
        for name, given in wanted.items():
            if name not in self._alarms or self._alarms[name].given != given:
                self.put(given, now)
            self._alarms[name].actions_enabled = bool(given.get("ActionsEnabled", True))

    def begin_anew(self, now: float) -> None:
        """Forgets every state and change; the alarms stay."""
        with self.lock:
            self.history.clear()
            for alarm in self._alarms.values():
                alarm.state, alarm.reason, alarm.changed_at = INSUFFICIENT, "Unchecked: Initial alarm creation", now


def _rule(given: Mapping[str, Any]) -> Rule:
    comparison, missing = given.get("ComparisonOperator"), given.get("TreatMissingData", "missing")
    if comparison not in COMPARISONS:
        raise refused(f"ComparisonOperator {comparison!r} is not modelled; modelled: {', '.join(COMPARISONS)}")
    if missing not in TREATMENTS:
        raise refused(f"TreatMissingData {missing!r}; allowed: {', '.join(TREATMENTS)}")
    if given.get("Threshold") is None:
        raise refused("Threshold is needed: anomaly detection is not modelled")
    periods = given.get("EvaluationPeriods")
    if not isinstance(periods, int) or periods < 1:
        raise refused(f"EvaluationPeriods {periods!r}; allowed: 1 or more")
    breaching = given.get("DatapointsToAlarm", periods)
    if not isinstance(breaching, int) or not 1 <= breaching <= periods:
        raise refused(f"DatapointsToAlarm {breaching!r}; allowed: 1 to EvaluationPeriods, {periods}")
    if str(given.get("Namespace")) == "AWS/DynamoDB":
        missing = "ignore"  # "always ignore missing data even if you choose a different option" (PutMetricAlarm)
    return Rule(
        comparison=comparison,
        threshold=float(given["Threshold"]),
        periods=periods,
        breaching=breaching,
        missing=missing,
    )


def _queries(given: Mapping[str, Any]) -> list[Query]:
    if given.get("Metrics"):
        queries = read_queries(given["Metrics"])
        if [one.shown for one in queries].count(True) != 1:
            raise refused("exactly one of an alarm's Metrics has ReturnData true")
        return queries
    statistic = given.get("Statistic") or given.get("ExtendedStatistic")
    if not statistic or not given.get("MetricName") or not given.get("Namespace"):
        raise refused("an alarm needs Namespace, MetricName and a Statistic or ExtendedStatistic, or Metrics")
    metric = {"Namespace": given["Namespace"], "MetricName": given["MetricName"], "Dimensions": given.get("Dimensions")}
    stat = read_stat({"Metric": metric, "Stat": statistic, "Period": given.get("Period")})
    return [Query("m1", str(given["MetricName"]), shown=True, stat=stat)]


def _period(given: Mapping[str, Any], queries: Sequence[Query]) -> int:
    periods = {one.stat.period for one in queries if one.stat is not None}
    periods |= {one.period for one in queries if one.period is not None}
    if given.get("Period"):
        periods.add(read_period(given["Period"]))
    if len(periods) != 1:
        raise refused(f"the metrics of an alarm need one and the same Period here, not {sorted(periods)}")
    return periods.pop()


def _reason(rule: Rule, points: Sequence[float | None]) -> str:
    shown = ", ".join("missing" if one is None else f"{one:.6g}" for one in points[-rule.periods :])
    return (
        f"Threshold Crossed: of the last {rule.periods} data points [{shown}], {rule.breaching} are needed that are "
        f"{rule.comparison} {rule.threshold:.6g}; missing data is treated as {rule.missing}"
    )


def _shown(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
