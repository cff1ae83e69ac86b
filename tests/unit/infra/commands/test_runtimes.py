"""Which laptop runtime a command is about, when it is not told."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from glue.terminal.errors import WrongUseError
from infra.commands.runtimes import choose
from infra.local.runs import Announced, Run


@pytest.fixture(autouse=True)
def _two_runtimes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    made = [
        Announced(Run(pid=os.getpid(), port=port, started_at=1.0, stack="s", data=data))
        for port, data in ((4998, None), (4999, str(tmp_path)))
    ]
    yield
    for one in reversed(made):
        one.release()


def chosen(port: int | None = None, data: Path | None = None) -> int | None:
    found = choose(port, data)
    return found.port if found else None


def test_two_that_run_are_named_when_nothing_says_which() -> None:
    with pytest.raises(WrongUseError, match="2 runtimes run; say which one: --port 4998, --port 4999"):
        choose(None)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_the_one_that_the_environment_names_is_meant(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:4999")
    assert chosen() == 4999


def test_options_say_more_than_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4998")
    assert (chosen(port=4999), chosen(data=tmp_path), chosen(port=1)) == (4999, 4999, None)


@pytest.mark.parametrize("url", ["http://127.0.0.1:4997", "http://example.com:4998", "127.0.0.1:4998"])
def test_no_other_is_taken_for_the_one_that_the_environment_names(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    with pytest.raises(WrongUseError, match=r"no laptop runtime runs at AWS_ENDPOINT_URL.*--port 4998, --port 4999"):
        choose(None)
