"""How a command ends that cannot write: with one line, and no stack trace."""

import errno
import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from glue.terminal.commands import command


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES])
@pytest.mark.parametrize("path", ["/data/x.jsonl", None])
def test_what_cannot_be_written_ends_a_command_in_one_line(code: int, path: str | None) -> None:
    @command()
    def writing() -> None:
        raise OSError(code, os.strerror(code), path)

    answer = CliRunner().invoke(writing)
    assert answer.exit_code == 1
    assert answer.stderr.count("\n") == 1
    assert answer.stderr.startswith(f"Error: {path or 'the output'} cannot be written: {os.strerror(code)}; make room")


def test_other_errors_of_the_system_are_defects() -> None:
    @command()
    def asking() -> None:
        raise OSError(errno.EBADF, "bad")

    assert isinstance(CliRunner().invoke(asking).exception, OSError)


@pytest.mark.parametrize(
    "arguments", [("--help",), ("cost", "--help"), ("check", "--rules"), ("check", "--rules", "--json")]
)
def test_an_output_that_takes_nothing_is_one_line(arguments: tuple[str, ...]) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "infra", *arguments], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert "the output cannot be written" in done.stderr
