"""How the producers' commands find the parts of a stack and its limits."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import click
import pytest
from click.testing import CliRunner

from glue.codec import Lateness
from glue.terminal.commands import command
from glue.terminal.errors import WrongUseError
from glue.terminal.requests import make_request, takes
from producers.commands.stack_options import LAKE_OPTIONS, LATENESS_OPTIONS, Limits, StackNames


def names(**said: str) -> StackNames:
    none = dict.fromkeys(("stream", "lake", "database", "workgroup"))
    return StackNames(**{**none, "stack": "streamkeeper", **said})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("said", "outputs", "expected"),
    [
        (Limits(None, None), {}, (30, 24)),
        (Limits(None, None), {"MaxLateDays": "7", "MaxAheadHours": "0"}, (7, 0)),
        (Limits(60, 12), {"MaxLateDays": "7", "MaxAheadHours": "0"}, (60, 12)),
        (Limits(None, None), {"MaxLateDays": "many"}, (30, 24)),
    ],
)
def test_limits_are_those_said_then_the_stacks_then_the_contracts(
    said: Limits, outputs: Mapping[str, str], expected: tuple[int, int]
) -> None:
    days, hours = expected
    assert said.lateness(outputs) == Lateness(timedelta(days=days), timedelta(hours=hours))


def test_what_was_said_counts_more_than_what_the_stack_has() -> None:
    found = names(stream="mine").found(
        {"ContentStreamName": "mine", "LakeBucketName": None},
        lambda stack: {"ContentStreamName": "its", "LakeBucketName": f"lake-of-{stack}"},
        command="replay",
    )
    assert found == {"ContentStreamName": "mine", "LakeBucketName": "lake-of-streamkeeper"}


def test_a_stack_is_not_asked_when_everything_was_said() -> None:
    def outputs(stack: str) -> dict[str, str]:
        pytest.fail(f"{stack} was asked")

    assert names().found({"LakeBucketName": "l"}, outputs, command="replay") == {"LakeBucketName": "l"}


def test_what_is_not_known_is_named_with_the_option_that_says_it() -> None:
    with pytest.raises(WrongUseError, match="DatabaseName, LakeBucketName: not known; give --database, --lake"):
        names().found({"LakeBucketName": None, "DatabaseName": None}, lambda stack: {}, command="replay")


@pytest.mark.parametrize("given", [["--stream", "a", "--stack", "b"], []])
def test_stream_and_stack_come_from_options_or_the_environment(given: list[str]) -> None:
    seen: list[Any] = []

    @command()
    @takes(StackNames, *LAKE_OPTIONS)
    def shows(context: click.Context, request: StackNames) -> None:
        seen.append(request)

    environment = {} if given else {"STREAMKEEPER_STREAM": "a", "STREAMKEEPER_STACK": "b"}
    assert CliRunner().invoke(shows, given, env=environment).exit_code == 0
    assert seen == [names(stream="a", stack="b")]


def test_an_option_without_a_field_is_a_defect() -> None:
    with pytest.raises(TypeError, match="Limits has no field surprise"):
        make_request(Limits, {"max_late_days": 1, "max_ahead_hours": 1, "surprise": 1})


def test_a_group_of_options_becomes_a_struct_of_its_own() -> None:
    class Asked(StackNames, frozen=True):
        limits: Limits

    seen: list[Any] = []

    @command()
    @takes(Asked, *LAKE_OPTIONS, *LATENESS_OPTIONS)
    def shows(context: click.Context, request: Asked) -> None:
        seen.append(request.limits)

    assert CliRunner().invoke(shows, ["--max-late-days", "3"], env={"STREAMKEEPER_STACK": "s"}).exit_code == 0
    assert seen == [Limits(3, None)]
