"""CloudWatch on a virtual clock: metrics of calls and of functions' output, alarms minute by minute, topics told."""

import json
import time
from typing import Any

import pytest

from infra.local.cloudwatch.service import CloudWatch
from infra.local.errors import ApiError

START = 1_795_000_020.0 // 60 * 60
TOPIC = "arn:aws:sns:us-east-1:000000000000:alarms"


class Clock:
    def __init__(self) -> None:
        self.time = START

    def now(self) -> float:
        return self.time


class World:
    def __init__(self) -> None:
        self.clock = Clock()
        self.told: list[dict[str, Any]] = []
        self.cloudwatch = CloudWatch(
            account="000000000000",
            region="us-east-1",
            clock=self.clock,
            ahead=lambda: self.clock.time - time.time(),
            publish=lambda topic, subject, text: self.told.append({"topic": topic, **json.loads(text)}),
        )

    def call(self, action: str, **body: Any) -> dict[str, Any]:
        return self.cloudwatch.api.call(action, body)

    def alarm(self, **body: Any) -> None:
        given = {
            "AlarmName": "a",
            "Namespace": "N",
            "MetricName": "M",
            "Statistic": "Sum",
            "Period": 60,
            "EvaluationPeriods": 1,
            "ComparisonOperator": "GreaterThanThreshold",
            "Threshold": 0,
            "TreatMissingData": "notBreaching",
            "AlarmActions": [TOPIC],
            "OKActions": [TOPIC],
        }
        self.call("PutMetricAlarm", **given | body)

    def put(self, value: float, **body: Any) -> None:
        self.call("PutMetricData", Namespace="N", MetricData=[{"MetricName": "M", "Value": value, **body}])

    def minute(self, value: float | None = None) -> str:
        if value is not None:
            self.put(value)
        self.clock.time += 60
        self.cloudwatch.watch.look()
        return str(self.call("DescribeAlarms")["MetricAlarms"][0]["StateValue"])


def test_an_alarm_goes_off_is_told_and_comes_back_when_the_data_has_left_its_range() -> None:
    world = World()
    world.alarm()
    states = [world.minute(value) for value in (0.0, 5.0, None, None, None)]
    assert states == ["OK", "ALARM", "ALARM", "ALARM", "OK"]
    assert [(one["topic"], one["OldStateValue"], one["NewStateValue"]) for one in world.told] == [
        (TOPIC, "INSUFFICIENT_DATA", "OK"),
        (TOPIC, "OK", "ALARM"),
        (TOPIC, "ALARM", "OK"),
    ]
    history = world.call("DescribeAlarmHistory", AlarmName="a", ScanBy="TimestampAscending")["AlarmHistoryItems"]
    assert [one["HistorySummary"] for one in history][1] == "Alarm updated from OK to ALARM"


def test_nobody_is_told_while_actions_are_switched_off() -> None:
    world = World()
    world.alarm()
    world.call("DisableAlarmActions", AlarmNames=["a"])
    assert world.minute(5.0) == "ALARM"
    assert world.told == []


def test_periods_slide_by_the_minute() -> None:
    world = World()
    world.alarm(Period=300, EvaluationPeriods=2, DatapointsToAlarm=2)
    assert [world.minute(1.0) for _ in range(6)] == ["OK"] * 5 + ["ALARM"]


def test_an_alarm_on_an_expression_sees_silence() -> None:
    world = World()
    world.alarm(
        Namespace=None,
        MetricName=None,
        Statistic=None,
        Period=None,
        TreatMissingData="breaching",
        Metrics=[
            {"Id": "silent", "Expression": "IF(FILL(m, 0) == 0, 1, 0)", "ReturnData": True},
            {
                "Id": "m",
                "ReturnData": False,
                "MetricStat": {"Metric": {"Namespace": "N", "MetricName": "M"}, "Period": 60, "Stat": "Sum"},
            },
        ],
    )
    assert [world.minute(1.0), world.minute(), world.minute(1.0)] == ["OK", "ALARM", "OK"]


def test_metrics_in_a_functions_output_are_taken_and_follow_the_runtimes_clock() -> None:
    world = World()
    line = {
        "_aws": {
            "Timestamp": int(time.time() * 1000),
            "CloudWatchMetrics": [
                {"Namespace": "Own", "Dimensions": [["F"], []], "Metrics": [{"Name": "Bad", "Unit": "Count"}]}
            ],
        },
        "F": "moderate",
        "Bad": [2, 3],
    }
    world.cloudwatch.lines(["plain text", json.dumps(line), '{"_aws": 1}'])
    found = world.call("ListMetrics", Namespace="Own")["Metrics"]
    assert [one["Dimensions"] for one in found] == [[], [{"Name": "F", "Value": "moderate"}]]
    answer = world.call(
        "GetMetricStatistics",
        Namespace="Own",
        MetricName="Bad",
        Dimensions=[{"Name": "F", "Value": "moderate"}],
        StartTime=START - 60,
        EndTime=START + 60,
        Period=120,
        Statistics=["Sum", "Maximum", "SampleCount"],
        ExtendedStatistics=["p50"],
    )
    [point] = answer["Datapoints"]
    assert (point["Sum"], point["Maximum"], point["SampleCount"]) == (5.0, 3.0, 2.0)
    assert point["ExtendedStatistics"] == {"p50": 2.0}


def test_get_metric_data_gives_metrics_and_expressions_newest_first_as_asked() -> None:
    world = World()
    world.put(4.0)
    world.clock.time += 60
    world.put(6.0)
    stat = {"Metric": {"Namespace": "N", "MetricName": "M"}, "Period": 60, "Stat": "Sum"}
    answer = world.call(
        "GetMetricData",
        MetricDataQueries=[{"Id": "m", "MetricStat": stat}, {"Id": "twice", "Expression": "m * 2"}],
        StartTime=START,
        EndTime=START + 120,
    )
    assert {one["Id"]: (one["Timestamps"], one["Values"]) for one in answer["MetricDataResults"]} == {
        "m": ([START + 60, START], [6.0, 4.0]),
        "twice": ([START + 60, START], [12.0, 8.0]),
    }


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"Period": 10}, "high resolution is not modelled"),
        (
            {"EvaluateLowSampleCountPercentile": "ignore"},
            "EvaluateLowSampleCountPercentile of an alarm",
        ),
        ({"ComparisonOperator": "GreaterThanUpperThreshold"}, "is not modelled"),
        ({"DatapointsToAlarm": 2}, "1 to EvaluationPeriods, 1"),
        ({"TreatMissingData": "fine"}, "allowed: missing, notBreaching, breaching, ignore"),
        ({"Statistic": "tm99"}, "statistic 'tm99' is not modelled"),
        ({"Metrics": [{"Id": "e", "Expression": "x + 1"}]}, "names x, and there is no such Id"),
        ({"Metrics": [{"Id": "e", "Expression": "ANOMALY_DETECTION_BAND(m)"}]}, "is not modelled"),
    ],
)
def test_what_an_alarm_cannot_be_is_refused_by_name(body: dict[str, Any], said: str) -> None:
    with pytest.raises(ApiError) as error:
        World().alarm(**body)
    assert said in error.value.message


def test_a_clock_that_jumps_evaluates_its_last_minutes() -> None:
    world = World()
    world.alarm()
    world.put(1.0)
    world.clock.time += 7 * 86_400
    world.cloudwatch.watch.look()
    assert world.call("DescribeAlarms")["MetricAlarms"][0]["StateValue"] == "OK"
