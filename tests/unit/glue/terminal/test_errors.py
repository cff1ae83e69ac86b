"""How commands end: one table of codes, plain exceptions, one line on standard error."""

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from glue.terminal import errors
from glue.terminal.commands import command, group
from glue.terminal.errors import EXIT_CODES, CommandError, exit_codes_help

_FAMILY = [
    (errors.CommandError, 1),
    (errors.WrongUseError, 2),
    (errors.UnreachableError, 3),
    (errors.GateMissedError, 4),
    (errors.InUseError, 5),
    (errors.NothingToJudgeError, 6),
]


@pytest.mark.parametrize(("kind", "code"), _FAMILY)
def test_an_error_ends_a_command_with_its_own_code_and_one_line(kind: type[CommandError], code: int) -> None:
    @command()
    def fails() -> None:
        raise kind("first\nsecond \x1b[31m")

    answer = CliRunner().invoke(fails)
    assert answer.exit_code == code
    assert answer.stderr == "Error: first\\nsecond \\x1b[31m\n"
    assert answer.stdout == ""


def test_details_are_lines_below_it_that_do_no_more_harm_than_the_first() -> None:
    @command()
    def fails() -> None:
        raise CommandError("two things are wrong:", details=["one\nmore", "another \x1b[31m"])

    answer = CliRunner().invoke(fails)
    assert answer.stderr == "Error: two things are wrong:\n  one\\nmore\n  another \\x1b[31m\n"


@pytest.mark.parametrize(("kind", "code"), _FAMILY)
def test_an_error_below_groups_keeps_its_code(kind: type[CommandError], code: int) -> None:
    @group()
    def outer() -> None: ...

    @outer.group()
    def inner() -> None: ...

    @inner.command()
    def fails() -> None:
        raise kind("why")

    answer = CliRunner().invoke(outer, ["inner", "fails"])
    assert (answer.exit_code, answer.stderr) == (code, "Error: why\n")


def test_each_code_belongs_to_one_error() -> None:
    assert len({code for _, code in _FAMILY}) == len(_FAMILY)
    assert {code for _, code in _FAMILY} | {0, 130} == set(EXIT_CODES)


def test_ctrl_c_ends_with_130_and_no_stack_trace() -> None:
    @command()
    def waits() -> None:
        raise KeyboardInterrupt

    answer = CliRunner().invoke(waits)
    assert (answer.exit_code, answer.stderr) == (130, "Stopped.\n")


def test_a_defect_is_not_hidden() -> None:
    @command()
    def breaks() -> None:
        raise ZeroDivisionError

    assert isinstance(CliRunner().invoke(breaks).exception, ZeroDivisionError)


@pytest.mark.parametrize("module", ["duckdb", "moto.server", "pyarrow"])
def test_a_module_that_an_extra_brings_is_named_with_what_to_install(module: str) -> None:
    @command()
    def needs() -> None:
        raise ModuleNotFoundError(f"No module named {module!r}", name=module)

    answer = CliRunner().invoke(needs)
    assert answer.exit_code == 1
    assert answer.stderr.count("\n") == 1
    assert "pip install 'streamkeeper[l" in answer.stderr


def test_a_missing_module_of_ours_is_a_defect() -> None:
    @command()
    def needs() -> None:
        raise ModuleNotFoundError("No module named 'glue.nothing'", name="glue.nothing")

    assert isinstance(CliRunner().invoke(needs).exception, ModuleNotFoundError)


def test_the_page_about_exit_codes_is_the_table() -> None:
    page = (Path(__file__).parents[4] / "docs" / "exit-codes.md").read_text()
    for code, meaning in EXIT_CODES.items():
        assert f"| {code} | {meaning} |" in page


def test_a_help_text_of_codes_takes_only_codes_of_the_table() -> None:
    with pytest.raises(KeyError):
        exit_codes_help(also=(17,))


def test_errors_can_be_raised_where_click_is_not_installed() -> None:
    code = (
        "import sys; sys.modules['click'] = None\n"
        "from glue.terminal.errors import WrongUseError\n"
        "from glue.terminal import extras, sanitize, moments\n"
        "raise SystemExit(WrongUseError('x').exit_code)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 2
