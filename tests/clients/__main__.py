"""Runs each client against one laptop runtime and prints what became of it.

python -m tests.clients                 all of them
python -m tests.clients kpl kcl         these
python -m tests.clients --markdown      a table for a page
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from tests.clients import analysts, deployments, libraries, sdks
from tests.clients.environments import NotInstalledError
from tests.clients.runtime import Runtime, running

CLIENTS: dict[str, tuple[str, Callable[[Runtime], str]]] = {
    "boto3": ("boto3", sdks.boto3),
    "aws-cli-1": ("AWS CLI 1", sdks.aws_cli_1),
    "aws-cli-2": ("AWS CLI 2", sdks.aws_cli_2),
    "sam": ("SAM CLI, by streamkeeper deploy", deployments.sam),
    "java": ("AWS SDK for Java 2", sdks.java),
    "javascript": ("AWS SDK for JavaScript 3", sdks.javascript),
    "go": ("AWS SDK for Go 2", sdks.go),
    "kpl": ("Kinesis Producer Library 1", libraries.kpl),
    "kcl": ("Kinesis Client Library 3", libraries.kcl),
    "kcl-fan-out": ("Kinesis Client Library 3, enhanced fan-out", libraries.kcl_fan_out),
    "awswrangler": ("awswrangler", analysts.awswrangler),
    "pyathena": ("PyAthena", analysts.pyathena),
    "sqlalchemy": ("SQLAlchemy and pandas", analysts.sqlalchemy),
    "dbt": ("dbt-athena", analysts.dbt),
    "polars": ("polars", analysts.polars),
    "pyarrow": ("pyarrow", analysts.pyarrow),
    "duckdb": ("DuckDB", analysts.duckdb),
    "spark": ("Spark over s3a", analysts.spark),
    "trino": ("Trino's Hive connector", analysts.trino),
}


class Outcome(Struct, frozen=True):
    """What became of one client."""

    client: str
    state: str
    seconds: float
    said: str


def main() -> int:
    """The exit code: 1 when a client failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.clients", description=__doc__)
    parser.add_argument("clients", nargs="*", metavar="CLIENT", help=f"of {', '.join(CLIENTS)}")
    parser.add_argument("--markdown", action="store_true", help="print the table as Markdown")
    given = parser.parse_args()
    if unknown := set(given.clients) - set(CLIENTS):
        parser.error(f"no such client: {', '.join(sorted(unknown))}; there are {', '.join(CLIENTS)}")
    scratch = Path(tempfile.mkdtemp(prefix="streamkeeper-clients-"))
    print(f"what the clients write is in {scratch}", file=sys.stderr)
    with running(scratch) as runtime:
        outcomes = [_outcome(name, runtime) for name in given.clients or CLIENTS]
    _show(outcomes, markdown=given.markdown)
    return int(any(one.state == "failed" for one in outcomes))


def _outcome(name: str, runtime: Runtime) -> Outcome:
    title, check = CLIENTS[name]
    print(f"{title} ...", file=sys.stderr)
    started = time.monotonic()
    try:
        state, said = "passed", check(runtime)
    except NotInstalledError as error:
        state, said = "not run", str(error)
    except (AssertionError, OSError, subprocess.TimeoutExpired) as error:
        state, said = "failed", f"{type(error).__name__}: {error}"
        print(said, file=sys.stderr)
    return Outcome(title, state, time.monotonic() - started, said)


def _show(outcomes: list[Outcome], *, markdown: bool) -> None:
    if markdown:
        print("| client | | what it did |\n|---|---|---|")
    for one in outcomes:
        said = " ".join(one.said.split())[:160]
        if markdown:
            print(f"| {one.client} | {one.state} | {said} |")
        else:
            print(f"{one.client:<27} {one.state:<8} {one.seconds:6.0f} s  {said}")
    count = {state: sum(one.state == state for one in outcomes) for state in ("passed", "failed", "not run")}
    print(f"\n{count['not run']} not run\n{count['passed']} passed, {count['failed']} failed")


if __name__ == "__main__":
    sys.exit(main())
