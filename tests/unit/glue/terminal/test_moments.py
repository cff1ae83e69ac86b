"""One grammar of moments, for every command."""

from datetime import UTC, datetime

import click
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from glue.terminal.commands import command
from glue.terminal.moment_option import MOMENT, Moment
from glue.terminal.moments import EARLIEST, LATEST, moment
from infra.cli import streamkeeper

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now", "2026-11-20T09:30:00+00:00"),
        ("24h", "2026-11-19T09:30:00+00:00"),
        ("7d", "2026-11-13T09:30:00+00:00"),
        ("2w", "2026-11-06T09:30:00+00:00"),
        ("30m", "2026-11-20T09:00:00+00:00"),
        ("1.5h", "2026-11-20T08:00:00+00:00"),
        ("0.5w", "2026-11-16T21:30:00+00:00"),
        ("2026-11-01T10:00:00", "2026-11-01T10:00:00+00:00"),
        ("2026-11-01t10:00:00.125000000z", "2026-11-01T10:00:00.125000+00:00"),
        ("2026-11-01", "2026-11-01T00:00:00+00:00"),
        ("2026-11-01T10:00:00Z", "2026-11-01T10:00:00+00:00"),
        ("2026-11-01T10:00:00.125+14:00", "2026-10-31T20:00:00.125000+00:00"),
        ("2026-11-01 10:00z", "2026-11-01T10:00:00+00:00"),
    ],
)
def test_moments_are_read_as_people_write_them(text: str, expected: str) -> None:
    assert moment(text, now=NOW).isoformat() == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2026-02-29", "not a valid time"),
        ("2026-11-01T24:00:00Z", "not a valid time"),
        ("2026-11-01T23:59:60Z", "not a valid time"),
        ("2026-11-01T10:00:00.123456Z", "finer than a millisecond"),
        ("9999-12-31", "outside 2000 to 2100"),
        ("999999w", "not a valid time"),
        ("1d' OR '1'='1", "not a time"),
        ("٧d", "not a time"),
        ("2026-11-01\n", "not a time"),
        ("", "not a time"),
    ],
)
def test_what_is_not_a_time_is_refused_with_what_is_allowed(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        moment(text, now=NOW)


@given(st.text(max_size=30))
def test_no_text_breaks_the_reading_of_moments(text: str) -> None:
    try:
        found = moment(text, now=NOW)
    except ValueError:
        return
    assert EARLIEST <= found <= LATEST


@command()
@click.option("--since", type=MOMENT)
@click.option("--until", type=MOMENT)
def show(since: Moment | None, until: Moment | None) -> None:
    for one in (since, until):
        if one is not None:
            click.echo(one.at(NOW).isoformat())


def test_a_time_without_a_zone_is_utc_and_that_is_said_once() -> None:
    answer = CliRunner().invoke(show, ["--since", "2026-11-01T10:00", "--until", "2026-11-02T10:00"])
    assert answer.stdout == "2026-11-01T10:00:00+00:00\n2026-11-02T10:00:00+00:00\n"
    assert answer.stderr == ("2026-11-01T10:00 has no zone and is taken as UTC; add Z, or an offset such as +01:00\n")


@pytest.mark.parametrize("text", ["2026-11-01", "24h", "now", "2026-11-01T10:00:00+02:00"])
def test_where_the_zone_is_clear_nothing_is_said(text: str) -> None:
    assert CliRunner().invoke(show, ["--since", text]).stderr == ""


COMMANDS = {
    "report": ("report", "top_authors"),
    "dashboard": ("dashboard", "--export", "site"),
    "audit": ("audit",),
    "replay": ("replay", "--dry-run"),
    "quarantine": ("redrive", "quarantine", "--list"),
    "dead-letters": ("redrive", "dead-letters", "--list"),
}


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("text", ["2w", "1.5h", "90m", "24h", "2026-03-01", "2026-03-01T10:00:00", "2026-03-01T10:00Z"])
def test_every_command_takes_every_form_of_since(name: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    answer = CliRunner().invoke(streamkeeper, [*COMMANDS[name], "--since", text])
    # It is read: what is missing then is a region to ask.
    assert answer.exit_code == 3, answer.output
    assert "no region is set" in answer.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_refuses_another_form_with_the_same_words(name: str) -> None:
    answer = CliRunner().invoke(streamkeeper, [*COMMANDS[name], "--since", "5 days"])
    assert answer.exit_code == 2
    assert answer.stderr == (
        "Error: --since: '5 days' is not a time; allowed: a date 2026-11-20, a time 2026-11-20T09:30:00Z, "
        "how long ago as 90m, 1.5h, 24h, 7d or 2w, or now\n"
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_no_message_about_a_time_names_an_option_that_the_command_lacks(name: str) -> None:
    for text in ("5 days", "2026-03-01T10:00:00", "2026-13-01", "1e9h", "2026-03-01T10:00:00.0001Z"):
        answer = CliRunner().invoke(streamkeeper, [*COMMANDS[name], "--since", text])
        assert "--assume-utc" not in answer.output
