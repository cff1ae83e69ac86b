"""One line of metrics a batch, in CloudWatch's embedded metric format: written to the log, no call needed.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import msgspec

from consumers.report import Report
from glue.vocabulary import ACTIONS

NAMESPACE = "Streamkeeper"

_COUNTS = ("Records", "Events", "Bad", "Poison", "ToRetry", "Resent", "Notified", "Statuses")
_METRICS = [
    *({"Name": name, "Unit": "Count"} for name in _COUNTS),
    *({"Name": f"Verdicts{action.capitalize()}", "Unit": "Count"} for action in ACTIONS),
    {"Name": "PolicyRefused", "Unit": "Count"},
    {"Name": "IteratorAge", "Unit": "Milliseconds"},
    {"Name": "Duration", "Unit": "Milliseconds"},
]
# Only of batches in which managed AI was to be asked, or the look at the batch failed: else nobody pays for these.
_ASKED = {
    "ManagedCalls": "calls",
    "ManagedFailures": "failures",
    "ManagedOpened": "opened",
    "ManagedOverBudget": "over_budget",
    "Degraded": "degraded",
}
_METRICS_ASKED = [*_METRICS, *({"Name": name, "Unit": "Count"} for name in _ASKED)]


MOST_LABELS = 60
"""Of one line: CloudWatch takes 100 metrics of a document, and a policy names its labels itself."""


def label_metric(label: str) -> str:
    """The metric that counts verdicts other than allow with this top label.

    The label is a part of the name and no dimension: a metric is paid for by name and dimensions alike, and only in
    months in which it has data.

    >>> label_metric("self_harm")
    'Label.self_harm'
    """
    return f"Label.{label}"


def metric_names() -> list[str]:
    """The metrics of a function in which no managed AI is asked.

    >>> "Events" in metric_names()
    True
    """
    return [metric["Name"] for metric in _METRICS]


def metric_line(
    report: Report, *, function: str, policy: str, started: float, ended: float, policy_refused: bool = False
) -> str:
    """One JSON document with the batch's counts and times; no dimension but the function, no value from content.

    Args:
        report: what became of the batch.
        function: the function's name, the one dimension.
        policy: the policy's id and version, to find the line by.
        started, ended: seconds since 1970.
        policy_refused: whether the stored policy cannot be used, so that another one holds.
    """
    counts = (
        report.records,
        report.events,
        report.bad,
        report.poison,
        report.to_retry,
        report.resent,
        report.notified,
        report.statuses,
    )
    latest, asked = report.latest_arrival, report.asked
    metrics = _METRICS if asked is None else _METRICS_ASKED
    labels = {label_metric(label): count for label, count in sorted(report.labels.items())[:MOST_LABELS]}
    if labels:
        metrics = [*metrics, *({"Name": name, "Unit": "Count"} for name in labels)]
    document = {
        "_aws": {
            "Timestamp": int(ended * 1000),
            "CloudWatchMetrics": [{"Namespace": NAMESPACE, "Dimensions": [["Function"]], "Metrics": metrics}],
        },
        "Function": function,
        "Policy": policy,
        **dict(zip(_COUNTS, counts, strict=True)),
        **{f"Verdicts{action.capitalize()}": report.actions.get(action, 0) for action in ACTIONS},
        "PolicyRefused": int(policy_refused),
        "IteratorAge": 0 if latest is None else max(0, round((started - latest) * 1000)),
        "Duration": round((ended - started) * 1000, 3),
        **({} if asked is None else {name: getattr(asked, field) for name, field in _ASKED.items()}),
        **labels,
    }
    return msgspec.json.encode(document).decode()
