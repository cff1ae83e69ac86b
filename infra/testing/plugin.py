"""The pytest plugin: ``streamkeeper_stack`` for the session, ``stack`` for a test.

Nothing is imported and started before a test asks for one of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from infra.testing.stack import Stack


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options and settings of the plugin."""
    group = parser.getgroup("streamkeeper", "a pipeline on this machine")
    group.addoption(
        "--streamkeeper-template",
        metavar="FILE",
        help="The SAM or CloudFormation template of the stack; overrides the setting streamkeeper_template.",
    )
    group.addoption(
        "--streamkeeper-parameter",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="A parameter of the template. Repeatable; added to the setting streamkeeper_parameters.",
    )
    parser.addini("streamkeeper_template", "The template, from the folder of this file.")
    parser.addini("streamkeeper_parameters", "Parameters of the template, NAME=VALUE, one a line.", type="linelist")


@pytest.fixture(scope="session")
def streamkeeper_options(pytestconfig: pytest.Config) -> dict[str, Any]:
    """What the stack is made of: ``template`` and ``parameters``. Override it to have others in a folder of tests."""
    given = pytestconfig.getoption("streamkeeper_template") or pytestconfig.getini("streamkeeper_template")
    pairs = [*pytestconfig.getini("streamkeeper_parameters"), *pytestconfig.getoption("streamkeeper_parameter")]
    wrong = [pair for pair in pairs if not pair.partition("=")[0] or "=" not in pair]
    if wrong:
        raise pytest.UsageError(f"streamkeeper parameter {wrong[0]!r} is no NAME=VALUE")
    return {
        "template": pytestconfig.rootpath / Path(given) if given else None,
        "parameters": {name: value for name, _, value in (pair.partition("=") for pair in pairs)},
    }


class _Started:
    """The runtime of a session, started anew when a test has broken the stack for good."""

    def __init__(self, options: dict[str, Any]) -> None:
        self._options = options
        self._start()

    def _start(self) -> None:
        from infra.testing.runtime import TestRuntime
        from infra.testing.stack import Stack

        self.runtime = TestRuntime(**self._options)
        self.stack = Stack(self.runtime)

    def clean(self) -> Stack:
        from infra.testing.runtime import RuntimeFailed

        try:
            self.stack.clear()
        except RuntimeFailed:
            self.runtime.stop()
            self._start()
        return self.stack


@pytest.fixture(scope="session")
def _streamkeeper_started(streamkeeper_options: dict[str, Any]) -> Iterator[_Started]:
    started = _Started(streamkeeper_options)
    yield started
    started.runtime.stop()


@pytest.fixture(scope="session")
def streamkeeper_stack(_streamkeeper_started: _Started) -> Stack:
    """The pipeline of the whole session: what one test leaves, the next one finds."""
    return _streamkeeper_started.stack


@pytest.fixture
def stack(_streamkeeper_started: _Started, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    """The pipeline, empty for each test: streams, buffers, buckets, tables and queues as the template makes them.

    The environment names it, so that boto3, awswrangler and the code under test reach it by themselves.
    """
    clean = _streamkeeper_started.clean()
    for name, value in clean.environment.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    yield clean
    clean.faults.off()
