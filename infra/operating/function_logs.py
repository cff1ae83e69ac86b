"""What functions write, as it comes, from CloudWatch Logs: the same on AWS and on the laptop runtime."""

from collections.abc import Callable, Iterator
from typing import Any

from msgspec import Struct

FOLLOW_SECONDS = 1.0
"""Between two looks. CloudWatch Logs allows five FilterLogEvents a second for an account.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html
"""
_LATE_MILLISECONDS = 30_000
"""What is ingested may be older than what was shown: so far back each look goes again."""


class LogLine(Struct, frozen=True):
    """One line.

    Args:
        at: epoch milliseconds.
        stream: the log stream, one for each process of a function.
    """

    at: int
    stream: str
    message: str


def log_group(functions: Any, name: str) -> str:
    """The log group of a function.

    Raises:
        botocore.exceptions.ClientError: there is no such function, or no right to look at it.
    """
    settings = functions.get_function_configuration(FunctionName=name)
    return str(settings.get("LoggingConfig", {}).get("LogGroup") or f"/aws/lambda/{name}")


def log_lines(
    logs: Any,
    group: str,
    *,
    since: int,
    pattern: str = "",
    following: Callable[[], bool] = lambda: False,
    sleep: Callable[[float], object] = lambda _: None,
) -> Iterator[LogLine]:
    """The lines of a group from a moment on, in the order of their times, each once; then those that come.

    Args:
        logs: boto3's client of CloudWatch Logs.
        since: epoch milliseconds.
        pattern: CloudWatch's filter pattern.
        following: asked after each look, whether to look again.
        sleep: waits so many seconds.

    Raises:
        botocore.exceptions.ClientError: there is no such group, or no right to read it.
    """
    seen: dict[str, int] = {}
    newest = since
    while True:
        found = list(_events(logs, group, max(since, newest - _LATE_MILLISECONDS), pattern))
        for event in sorted(found, key=lambda one: (one["timestamp"], one["eventId"])):
            if event["eventId"] not in seen:
                seen[event["eventId"]] = event["timestamp"]
                newest = max(newest, event["timestamp"])
                yield LogLine(event["timestamp"], str(event["logStreamName"]), str(event["message"]).rstrip("\n"))
        seen = {name: at for name, at in seen.items() if at >= newest - _LATE_MILLISECONDS}
        if not following():
            return
        sleep(FOLLOW_SECONDS)


def _events(logs: Any, group: str, start: int, pattern: str) -> Iterator[dict[str, Any]]:
    request: dict[str, Any] = {"logGroupName": group, "startTime": start}
    if pattern:
        request["filterPattern"] = pattern
    while True:
        answer = logs.filter_log_events(**request)
        yield from answer["events"]
        if not answer.get("nextToken"):
            return
        request["nextToken"] = answer["nextToken"]
