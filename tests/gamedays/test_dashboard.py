"""Every metric of the dashboard is one that the stack makes, by namespace, name and dimensions."""

import json
from typing import Any

from consumers.aws.metrics import label_metric
from consumers.moderation.policy import Policy
from consumers.policies import read_policy
from tests.gamedays.day import Day

LABELS = {label_metric(label) for label in Policy.load(read_policy("default")).labels}


def test_every_widget_shows_something(day: Day) -> None:
    cloudwatch = day.twin.client("cloudwatch")
    body = cloudwatch.get_dashboard(DashboardName=day.twin.stack.name)["DashboardBody"]
    widgets = json.loads(body)["widgets"]
    day.minutes(12)
    day.put([b"not an event"])
    # A queue that nobody has ever used has no metrics.
    sqs = day.twin.client("sqs")
    for url in sqs.list_queues()["QueueUrls"]:
        sqs.receive_message(QueueUrl=url)
    day.minutes(12)
    made: set[tuple[str, ...]] = set()
    for page in cloudwatch.get_paginator("list_metrics").paginate():
        made |= {_identity(one) for one in page["Metrics"]}
    shown = [tuple(metric) for one in widgets if one["type"] == "metric" for metric in one["properties"]["metrics"]]
    by_label = [one for one in shown if one[1].startswith("Label.")]
    assert {name for _, name, *_ in by_label} == LABELS
    assert made.intersection(by_label), "no verdict of this day has a label that is shown"
    assert [one for one in shown if one not in made and one not in by_label] == []


def test_every_alarm_that_is_always_there_is_shown(day: Day) -> None:
    body = day.twin.client("cloudwatch").get_dashboard(DashboardName=day.twin.stack.name)["DashboardBody"]
    [widget] = [one for one in json.loads(body)["widgets"] if one["type"] == "alarm"]
    alarms = {alarm.arn for alarm in day.twin.cloudwatch.alarms.all()}
    conditional = {one for one in alarms if "ProducersSilent" in one or "NoticesUnread" in one}
    assert set(widget["properties"]["alarms"]) == alarms - conditional


def _identity(metric: dict[str, Any]) -> tuple[str, ...]:
    [*dimensions] = metric["Dimensions"]
    return (metric["Namespace"], metric["MetricName"], *(one[key] for one in dimensions for key in ("Name", "Value")))
