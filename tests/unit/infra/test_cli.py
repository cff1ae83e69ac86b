"""The command line as a whole: what holds for every command, and for a package without its extras."""

import importlib
import re
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from glue.terminal.errors import EXIT_CODES
from glue.terminal.extras import EXTRAS
from infra.cli import streamkeeper
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
def test_every_command_that_does_something_has_json(made: click.Command) -> None:
    assert isinstance(made, click.Group) or any("--json" in one.opts for one in made.params)


@pytest.mark.parametrize("made", EVERY)
def test_a_group_lists_its_commands_with_their_whole_first_sentence(made: click.Command) -> None:
    if isinstance(made, click.Group):
        assert "..." not in CliRunner().invoke(made, ["--help"], terminal_width=80).output.partition("Commands:")[2]


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
    answer = without(CLI, "up", "--port", "0")
    assert answer.returncode == 1
    assert answer.stderr.count("\n") == 1
    assert answer.stderr.endswith("pip install 'streamkeeper[local]'\n")


def test_the_extras_bring_the_modules_that_the_messages_name() -> None:
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["project"]
    brought = {
        extra: {re.split(r"[^A-Za-z0-9-]", one)[0] for one in wanted}
        for extra, wanted in project["optional-dependencies"].items()
    }
    named = {
        "yaml": "pyyaml",
        "samtranslator": "aws-sam-translator",
        "botocore": "boto3",
        "pandas": "awswrangler",
        "prometheus_client": "prometheus-client",
    }
    for extra, modules in EXTRAS.items():
        there = brought[extra] | brought["aws"]
        assert {named.get(module, module) for module in modules} <= there


def leaves() -> list[Any]:
    """Every command that does something, with how it is called."""
    return [
        pytest.param(path, made, id=" ".join(path))
        for name in COMMANDS
        for path, made in commands_of(getattr(importlib.import_module(f"infra.commands.{name}"), name), (name,))
        if not isinstance(made, click.Group)
    ]


KEYS_OF_SERVE = {("serve", "keys", name) for name in ("add", "list", "revoke")}
WITHOUT_AWS = {
    *(("demo",), ("up",), ("drain",), ("down",), ("tail",), ("check",), ("cost",), ("train",)),
    ("spool", "status"),
    *KEYS_OF_SERVE,
}
"""These reach no AWS: two bring their own, some are about that, and templates and tables of prices are files."""


@pytest.mark.parametrize(("path", "made"), leaves())
def test_every_command_that_talks_to_aws_takes_region_endpoint_and_profile(
    path: tuple[str, ...], made: click.Command
) -> None:
    options = {opt for one in made.params for opt in one.opts}
    wanted = {"--region", "--endpoint-url", "--profile"}
    assert wanted & options == (set() if path in WITHOUT_AWS else wanted)


NAMED = ("--database", "d", "--workgroup", "w")
ALL = ("--since", "1h", "--stream", "s", "--lake", "lll", *NAMED)
TALKING = [
    ("produce", "--synthetic", "1", "--stream", "content"),
    ("produce", "--synthetic", "1"),
    ("load", "--rate", "1", "--duration", "1s", "--stream", "content", "--in-flight", "1"),
    ("load", "--rate", "10", "--duration", "1s", "--stream", "content", "--processes", "2"),
    ("replay", "--since", "1h"),
    ("replay", *ALL),
    ("redrive", "quarantine", "--list"),
    ("redrive", "dead-letters", "--list", "--lake", "lll", "--stream", "s", "--bucket", "bbb"),
    ("query", "SELECT 1"),
    ("query", "SELECT 1", *NAMED),
    ("report", "top_authors"),
    ("dashboard", "--export", "site"),
    ("audit", "--since", "7d"),
    ("explain",),
    ("explain", "--function", "f"),
    ("logs", "--since", "1h"),
    ("logs", "f"),
    ("policy", "check", "s3://bucket/policy.toml"),
    ("policy", "publish", "default"),
    ("evaluate", "--policy", "s3://bucket/policy.toml", "--negatives", "x.csv"),
]


class Refusing(BaseHTTPRequestHandler):
    """Refuses every call, as AWS does when a role may do nothing."""

    def refuse(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b'{"__type": "AccessDeniedException", "message": "no"}'
        if "X-Amz-Target" not in self.headers:
            error = "<Error><Code>AccessDenied</Code><Message>no</Message></Error>"
            # S3 is asked by path, CloudFormation by a form.
            body = (error if self.path != "/" else f"<ErrorResponse>{error}</ErrorResponse>").encode()
        self.send_response(403)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body if self.command != "HEAD" else b"")

    do_GET = do_POST = do_PUT = do_HEAD = refuse

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Says nothing."""


@pytest.fixture(scope="module")
def refusing() -> Iterator[str]:
    """The address of an AWS that refuses everything."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def only_aws_region(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, refusing: str) -> None:
    """An environment of credentials, a region by AWS_REGION alone, and an AWS that refuses everything."""
    for name in ("AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in (
        ("AWS_ACCESS_KEY_ID", "x"),
        ("AWS_SECRET_ACCESS_KEY", "x"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ENDPOINT_URL", refusing),
        ("AWS_CONFIG_FILE", "/nonexistent"),
    ):
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.csv").write_text("text\nhello\n")


@pytest.mark.usefixtures("only_aws_region")
@pytest.mark.parametrize("arguments", TALKING, ids=" ".join)
def test_with_aws_region_alone_every_command_reaches_aws(arguments: tuple[str, ...]) -> None:
    answer = CliRunner().invoke(streamkeeper, list(arguments))
    assert answer.exit_code == 3, answer.output
    assert re.search("AccessDenied|403", answer.output), answer.output


@pytest.mark.usefixtures("only_aws_region")
def test_an_endpoint_that_is_not_aws_is_one_line() -> None:
    class Greeting(Refusing):
        def refuse(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "5")
            self.end_headers()
            self.wfile.write(b"hello")

        do_GET = do_POST = do_PUT = do_HEAD = refuse

    with ThreadingHTTPServer(("127.0.0.1", 0), Greeting) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        answer = CliRunner().invoke(streamkeeper, ["report", "top_authors", "--endpoint-url", url])
        server.shutdown()
    assert answer.exit_code == 3, answer.output
    assert "is not AWS, or is a laptop runtime that is still starting" in answer.stderr.splitlines()[-1]


@pytest.mark.usefixtures("only_aws_region")
@pytest.mark.parametrize("arguments", TALKING, ids=" ".join)
@pytest.mark.parametrize("by_option", [True, False], ids=["option", "environment"])
def test_an_endpoint_without_a_scheme_is_one_line_that_says_what_is_allowed(
    arguments: tuple[str, ...], by_option: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not by_option:
        monkeypatch.setenv("AWS_ENDPOINT_URL", "localhost:4566")
    given = ["--endpoint-url", "localhost:4566"] if by_option else []
    answer = CliRunner().invoke(streamkeeper, [*arguments, *given])
    assert answer.exit_code == 2, answer.output
    assert answer.stderr.splitlines()[-1].startswith("Error: ")
    assert answer.stderr.splitlines()[-1].endswith("allowed: a URL with its scheme, such as http://localhost:4566")


def test_every_variable_that_an_option_reads_is_on_the_page_about_them() -> None:
    page = (Path(__file__).parents[3] / "docs" / "environment.md").read_text()
    read = {
        str(one.envvar)
        for parameter in leaves()
        for one in parameter.values[1].params
        if isinstance(one, click.Option) and one.envvar
    }
    assert read
    assert {name for name in read if f"`{name}`" not in page} == set()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_there_as_the_page_says(shell: str) -> None:
    page = (Path(__file__).parents[3] / "docs" / "environment.md").read_text()
    assert f"_STREAMKEEPER_COMPLETE={shell}_source streamkeeper" in page
    answer = CliRunner().invoke(
        streamkeeper, prog_name="streamkeeper", env={"_STREAMKEEPER_COMPLETE": f"{shell}_source"}
    )
    assert "_STREAMKEEPER_COMPLETE" in answer.stdout


RENAMED = [
    (("evaluate", "x.csv", "--text", "nope"), "'nope'"),
    (("evaluate", "x.csv", "--text=nope"), "'nope'"),
    (("evaluate", "x.csv", "--map", "nope"), "--label-map: received 'nope'"),
    (("evaluate", "x.csv", "--finds", "nope"), "received label 'nope'"),
    (("train", "x.csv", "--data", "nope", "--out", "w.bin"), "nope/x.csv"),
    (("train", "x.csv", "--text", "nope", "--out", "w.bin"), "'nope'"),
]


@pytest.mark.usefixtures("only_aws_region")
@pytest.mark.parametrize(("arguments", "said"), RENAMED)
def test_an_option_is_understood_by_its_former_name(arguments: tuple[str, ...], said: str) -> None:
    answer = CliRunner().invoke(streamkeeper, list(arguments))
    assert answer.exit_code == 2, answer.output
    assert said in answer.stderr


def test_an_option_means_the_same_in_every_command_that_has_it() -> None:
    shown: dict[str, set[str | None]] = {}
    for parameter in leaves():
        for one in parameter.values[1].params:
            for name in ("--map", "--text-column", "--label-map", "--since", "--until", "--profile", "--region"):
                if name in one.opts:
                    shown.setdefault(name, set()).add(f"{one.metavar or one.type.name}")
    assert shown.keys() >= {"--map", "--text-column", "--label-map", "--since"}
    assert {name: kinds for name, kinds in shown.items() if len(kinds) > 1} == {}
