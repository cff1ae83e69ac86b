"""Which laptop runtime a command is about."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from glue.aws.settings import ALLOWED_ENDPOINT, is_endpoint
from glue.terminal.errors import UnreachableError, WrongUseError
from infra.local.asking import NotThereError, Runtime
from infra.local.runs import Run, running

_HERE = ("127.0.0.1", "localhost")
START = "start one with: streamkeeper up --detach"

which: Any = click.option(
    "--port",
    type=click.IntRange(1, 65535),
    help="The runtime's port.  [default: that of AWS_ENDPOINT_URL, else of the only one that runs]",
)


def choose(port: int | None, data: Path | None = None) -> Run | None:
    """The one runtime that is meant, of those that run on this machine; None when none runs.

    Without arguments it is the one that AWS_ENDPOINT_URL names, else the only one.

    Raises:
        WrongUseError: several run and nothing says which, or none of them is the one that AWS_ENDPOINT_URL names.
    """
    there = found = running()
    url = os.environ.get("AWS_ENDPOINT_URL")
    if port is not None:
        found = [run for run in found if run.port == port]
    if data is not None:
        found = [run for run in found if run.data and Path(run.data) == data.resolve()]
    if there and url and port is None and data is None:
        found = [run for run in found if _is_at(run, url)]
        if not found:
            raise WrongUseError(f"no laptop runtime runs at AWS_ENDPOINT_URL, {url!r}; say which one: {_ports(there)}")
    if len(found) > 1:
        raise WrongUseError(f"{len(found)} runtimes run; say which one: {_ports(found)}")
    return found[0] if found else None


def _ports(runs: Sequence[Run]) -> str:
    return ", ".join(f"--port {run.port}" for run in runs)


def _is_at(run: Run, url: str) -> bool:
    """Whether a URL is that of a runtime; a runtime listens on this machine alone."""
    parts = urlsplit(url) if is_endpoint(url) else None
    return parts is not None and parts.hostname in _HERE and parts.port == run.port


def reach(port: int | None) -> Runtime:
    """The runtime that is meant, to be asked.

    Raises:
        UnreachableError: none runs.
        WrongUseError: several run and nothing says which, or AWS_ENDPOINT_URL is no URL.
    """
    url = os.environ.get("AWS_ENDPOINT_URL")
    if port is not None:
        return Runtime(f"http://127.0.0.1:{port}")
    if url:
        if not is_endpoint(url):
            raise WrongUseError(f"AWS_ENDPOINT_URL is {url!r}; allowed: {ALLOWED_ENDPOINT}")
        return Runtime(url)
    run = choose(None)
    if run is None:
        raise UnreachableError(f"no laptop runtime runs here; {START}")
    return Runtime(run.endpoint_url)


def state_of(runtime: Runtime) -> dict[str, Any]:
    """What is in a runtime.

    Raises:
        UnreachableError: it does not answer.
    """
    try:
        return runtime.state()
    except NotThereError as error:
        raise unreachable(error) from error


def unreachable(error: NotThereError) -> UnreachableError:
    """What a command says when no runtime answers."""
    return UnreachableError(f"{error}; {START}, or name another with --port")
