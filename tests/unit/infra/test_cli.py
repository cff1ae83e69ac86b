"""The command line as a whole: what holds for every command, and for a package without its extras."""

import importlib
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from glue.terminal.errors import EXIT_CODES
from glue.terminal.extras import EXTRAS
from infra.commands import COMMANDS


def commands_of(made: click.Command, path: tuple[str, ...]) -> list[tuple[tuple[str, ...], click.Command]]:
    """A command and all below it."""
    below = made.commands.items() if isinstance(made, click.Group) else ()
    return [(path, made), *(one for name, sub in below for one in commands_of(sub, (*path, name)))]


EVERY = [
    pytest.param(made, id=" ".join(path))
    for name in COMMANDS
    for path, made in commands_of(getattr(importlib.import_module(f"infra.commands.{name}"), name), (name,))
]


@pytest.mark.parametrize("made", EVERY)
def test_every_command_lists_its_exit_codes_from_the_table(made: click.Command) -> None:
    if isinstance(made, click.Group):
        return
    answer = CliRunner().invoke(made, ["--help"])
    said = " ".join(answer.output.split()).partition("Exit codes: ")[2]
    assert said, "no exit codes"
    codes = [int(part.split()[0]) for part in said.rstrip(".").split("; ") if part.split()[0].isdigit()]
    assert codes[:3] == [0, 1, 2]
    assert set(codes) <= set(EXIT_CODES)


@pytest.mark.parametrize("made", EVERY)
def test_every_command_has_an_example_and_json(made: click.Command) -> None:
    answer = CliRunner().invoke(made, ["--help"])
    assert "Example" in answer.output
    assert isinstance(made, click.Group) or any("--json" in one.opts for one in made.params)


def without(modules: tuple[str, ...], *arguments: str) -> subprocess.CompletedProcess[str]:
    """What the command line says where these modules are not installed."""
    code = (
        "import sys\n"
        "class Blocked:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name.partition('.')[0] in {modules!r}:\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
        "sys.meta_path.insert(0, Blocked())\n"
        f"sys.argv = ['streamkeeper', *{arguments!r}]\n"
        "from infra.entry import main\n"
        "main()\n"
    )
    return subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)


BASE = tuple(module for modules in EXTRAS.values() for module in modules)
CLI = tuple(module for extra, modules in EXTRAS.items() if extra != "cli" for module in modules)


def test_the_base_package_lists_the_commands_and_says_what_to_install() -> None:
    answer = without(BASE, "--help")
    assert answer.returncode == 0, answer.stderr
    assert all(name in answer.stdout for name in COMMANDS)
    assert "pip install 'streamkeeper[cli]'" in answer.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_of_the_base_package_says_in_one_line_what_to_install(name: str) -> None:
    answer = without(BASE, name)
    assert answer.returncode == 1
    assert answer.stderr.count("\n") == 1
    assert "pip install 'streamkeeper[cli]'" in answer.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_with_the_command_line_alone_every_help_works_or_names_its_extra(name: str) -> None:
    answer = without(CLI, name, "--help")
    if answer.returncode:
        assert answer.stderr.count("\n") == 1
        assert "pip install 'streamkeeper[l" in answer.stderr
    else:
        assert "Example" in answer.stdout


def test_a_command_that_finds_its_extra_missing_when_it_runs_names_it_in_one_line() -> None:
    answer = without(CLI, "up")
    assert answer.returncode == 1
    assert answer.stderr.count("\n") == 1
    assert answer.stderr.endswith("pip install 'streamkeeper[local]'\n")


def test_the_extras_bring_the_modules_that_the_messages_name() -> None:
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["project"]
    brought = {
        extra: {re.split(r"[^A-Za-z0-9-]", one)[0] for one in wanted}
        for extra, wanted in project["optional-dependencies"].items()
    }
    named = {"yaml": "pyyaml", "samtranslator": "aws-sam-translator", "botocore": "boto3", "pandas": "awswrangler"}
    for extra, modules in EXTRAS.items():
        there = brought[extra] | brought["aws"]
        assert {named.get(module, module) for module in modules} <= there
