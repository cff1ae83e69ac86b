"""Lines of a function's log: each once and in order, however they come in."""

from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from infra.operating.function_logs import LogLine, log_group, log_lines


class Functions:
    def __init__(self, settings: dict[str, Any]) -> None:
        self.settings = settings

    def get_function_configuration(self, *, FunctionName: str) -> dict[str, Any]:
        return self.settings


class Logs:
    """CloudWatch Logs with two events to a page; at each look more have come in."""

    def __init__(self, *arriving: list[tuple[int, str]]) -> None:
        self.arriving: Iterator[list[tuple[int, str]]] = iter(arriving)
        self.there: list[tuple[int, str]] = []
        self.asked: list[dict[str, Any]] = []

    def filter_log_events(self, **request: Any) -> dict[str, Any]:
        self.asked.append(request)
        if "nextToken" not in request:
            self.there += next(self.arriving, [])
        at = int(request.get("nextToken", 0))
        found = [one for one in self.there if one[0] >= request["startTime"]]
        page = found[at : at + 2]
        events = [{"timestamp": t, "eventId": name, "logStreamName": "s", "message": name + "\n"} for t, name in page]
        return {"events": events, **({"nextToken": str(at + 2)} if at + 2 < len(found) else {})}


def turns(count: int) -> Any:
    left = iter(range(count))
    return lambda: next(left, None) is not None


def test_a_log_is_read_page_by_page_from_the_moment_on() -> None:
    logs = Logs([(5, "a"), (10, "b"), (11, "c"), (12, "d")])
    assert list(log_lines(logs, "/g", since=10)) == [
        LogLine(10, "s", "b"),
        LogLine(11, "s", "c"),
        LogLine(12, "s", "d"),
    ]
    assert {request["logGroupName"] for request in logs.asked} == {"/g"}
    assert all("filterPattern" not in request for request in logs.asked)


def test_what_comes_in_late_is_shown_when_it_comes() -> None:
    logs, waits = Logs([(10, "a"), (20, "c")], [(15, "b")], [(21, "d")]), list[float]()
    found = log_lines(logs, "/g", since=0, pattern="ERROR", following=turns(2), sleep=waits.append)
    assert [line.message for line in found] == ["a", "c", "b", "d"]
    assert waits == [1.0, 1.0]
    assert all(request["filterPattern"] == "ERROR" for request in logs.asked)


@given(st.lists(st.lists(st.integers(0, 29_000), max_size=6), min_size=1, max_size=5))
def test_each_line_is_shown_once_in_whatever_order_lines_come_in(arriving: list[list[int]]) -> None:
    numbered = [[(at, f"{turn}-{n}") for n, at in enumerate(times)] for turn, times in enumerate(arriving)]
    shown = [line.message for line in log_lines(Logs(*numbered), "/g", since=0, following=turns(len(arriving)))]
    assert sorted(shown) == sorted(name for batch in numbered for _, name in batch)


def test_a_function_may_write_to_a_group_of_another_name() -> None:
    assert log_group(Functions({}), "f") == "/aws/lambda/f"
    assert log_group(Functions({"LoggingConfig": {"LogGroup": "/mine"}}), "f") == "/mine"
