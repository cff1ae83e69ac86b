"""``streamkeeper serve``: keys, and what is said where it cannot begin."""

import json
import socket
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from infra.cli import streamkeeper
from infra.serving.keys_file import KeysFile


def run(*arguments: str, given: str | None = None) -> Result:
    return CliRunner().invoke(streamkeeper, ["serve", *arguments], input=given)


@pytest.fixture
def keys(tmp_path: Path) -> str:
    return str(tmp_path / "keys.json")


def test_a_key_is_made_listed_and_taken_back(keys: str) -> None:
    made = json.loads(run("keys", "add", "web", "--per-minute", "600", "--json", "--keys", keys).output)
    client = KeysFile(Path(keys)).find(made["key"])
    assert client is not None
    assert (client.name, client.per_minute) == ("web", 600)
    assert "web  600 texts a minute" in run("keys", "list", "--keys", keys).output
    assert made["key"] not in run("keys", "list", "--json", "--keys", keys).output
    assert run("keys", "revoke", "web", "--keys", keys).exit_code == 0
    assert "No keys" in run("keys", "list", "--keys", keys).output


def test_a_key_may_be_brought_along_and_is_not_shown(keys: str) -> None:
    answer = run("keys", "add", "old", "--key-from", "-", "--keys", keys, given="a-key-of-old-clients\n")
    assert (answer.exit_code, "a-key-of-old-clients" in answer.output) == (0, False)
    assert KeysFile(Path(keys)).find("a-key-of-old-clients") is not None


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["keys", "add", "a b"], 2, "allowed: 1 to 64"),
        (["keys", "revoke", "nobody"], 1, "there are: none"),
        ([], 1, "serve keys add"),
        (["--default-language", "English!"], 2, "--default-language"),
    ],
)
def test_what_cannot_be_done_is_said_with_the_next_step(keys: str, arguments: list[str], code: int, said: str) -> None:
    answer = run(*arguments, "--keys", keys)
    assert answer.exit_code == code
    assert said in answer.output


def test_a_port_that_is_taken_and_a_policy_that_is_none_are_named(keys: str) -> None:
    run("keys", "add", "web", "--keys", keys)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        answer = run("--port", str(taken.getsockname()[1]), "--keys", keys)
        assert (answer.exit_code, "is taken" in answer.output) == (1, True)
    assert "no such file" in run("--port", "0", "--policy", "nowhere.toml", "--keys", keys).output


def test_a_file_that_holds_no_keys_is_named(keys: str) -> None:
    Path(keys).write_text("[1]")
    for arguments in ([], ["keys", "list"], ["keys", "add", "web"]):
        answer = run(*arguments, "--keys", keys)
        assert (answer.exit_code, "is no file of keys" in answer.output) == (1, True)
