"""Tests of one planted defect at a time, in a process of its own and in a copy of the tree."""

import builtins
import contextlib
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import pytest

_MEMORY: Final = 8 << 30
_IDLE_SECONDS: Final = 60.0
"""How long a run may compute nothing at all: it waits for what never comes."""
_WAIT_SECONDS: Final = 900.0
"""How long it may take; how long it computes is bounded besides."""

PACKAGES: Final = ("glue", "producers", "consumers", "athena", "infra", "tests")


class Clean(NamedTuple):
    """What the tests do when no defect is planted.

    Args:
        callers: of each function, by file and line, the tests that run it.
        seconds: of each test.
    """

    callers: Mapping[tuple[str, int], frozenset[str]]
    seconds: Mapping[str, float]


class Watching:
    """A pytest plugin: which test runs which function of what :func:`tests.mutation.operators.watched` gave."""

    def __init__(self) -> None:
        self._test = ""
        self.callers: dict[tuple[str, int], set[str]] = defaultdict(set)
        self.seconds: dict[str, float] = defaultdict(float)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self._test = item.nodeid
        builtins.planted_here = self._called  # type: ignore[attr-defined]
        return (yield)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.seconds[report.nodeid] += report.duration

    def _called(self, module: str, line: int) -> None:
        self.callers[module, line].add(self._test)


class Chosen:
    """A pytest plugin: only these tests, the quickest first."""

    def __init__(self, tests: frozenset[str], seconds: Mapping[str, float]) -> None:
        self._tests = tests
        self._seconds = seconds

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [item for item in items if not self._tests or item.nodeid in self._tests]
        items.sort(key=lambda item: self._seconds.get(item.nodeid, 0.0))


def copy_tree(root: Path, to: Path) -> None:
    """Copies what the repository has, and what would be added to it."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(listed, cwd=root, capture_output=True, check=True).stdout.decode().split("\0"):
        if name and (root / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, to / name)


class Run:
    """A process that runs tests, forked from one that has read the libraries they need.

    Args:
        tree: where the tests lie.
        tests: files and folders.
        plugin: of pytest.
        seconds: how long it may compute.
        render: a module to run before.
        report: called in the process when the tests have ended.
    """

    def __init__(
        self,
        tree: Path,
        tests: Sequence[str],
        plugin: object,
        *,
        seconds: float,
        render: str = "",
        report: Callable[[], None] = lambda: None,
    ) -> None:
        self._until = time.monotonic() + _WAIT_SECONDS + seconds
        self._computed, self._moved_at = b"", time.monotonic()
        self.log = tree.parent / f"{tree.name}.log"
        self._temporary = tree.parent / f"{tree.name}.tmp"
        shutil.rmtree(self._temporary, ignore_errors=True)
        self._temporary.mkdir()
        self.pid = os.fork()
        if not self.pid:
            code = 70
            try:
                code = self._child(tree, tests, plugin, seconds, render)
                if report is not None:
                    report()
            except BaseException:  # what comes here would go on as a second parent
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(code)

    def _child(self, tree: Path, tests: Sequence[str], plugin: object, seconds: float, render: str) -> int:
        os.setsid()
        log = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for descriptor in (1, 2):
            os.dup2(log, descriptor)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        resource.setrlimit(resource.RLIMIT_CPU, (int(seconds) + 1, int(seconds) + 5))
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
        os.chdir(tree)
        os.environ |= {"PYTHONPATH": f"{tree}", "TMPDIR": f"{self._temporary}"}
        sys.path[:] = [f"{tree}", *(one for one in sys.path if one not in {"", f"{Path(__file__).parents[2]}"})]
        for name in [name for name in sys.modules if name.partition(".")[0] in PACKAGES]:
            del sys.modules[name]
        if render:
            # One that cannot be rendered is noticed, too.
            subprocess.run([sys.executable, "-m", render], check=True)
        options = ["-x", "--assert=plain", "--hypothesis-profile=planted", "-p", "no:xdist", "--timeout=0"]
        return int(pytest.main([*options, *tests], plugins=[plugin]))

    def ended(self) -> int | None:
        """Its exit code, negative for a signal; None while it runs."""
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if not pid:
            if not self._is_stuck(time.monotonic()):
                return None
            self._kill()
            _, status = os.waitpid(self.pid, 0)
        self._kill()
        shutil.rmtree(self._temporary, ignore_errors=True)
        return os.waitstatus_to_exitcode(status)

    def _is_stuck(self, now: float) -> bool:
        if now - self._moved_at < _IDLE_SECONDS / 4:
            return False
        with contextlib.suppress(OSError):  # not every system says how long a process has computed
            # utime and stime, and those of its children
            computed = b" ".join(Path(f"/proc/{self.pid}/stat").read_bytes().rpartition(b")")[2].split()[11:15])
            if computed != self._computed:
                self._computed, self._moved_at = computed, now
        return now - self._moved_at > _IDLE_SECONDS or now > self._until

    def _kill(self) -> None:
        """Ends it and whatever it started."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            return


def read_libraries() -> None:
    """Imports what the tests need and no defect is planted in."""
    import ahocorasick_rs  # noqa: F401
    import boto3  # noqa: F401
    import botocore.client  # noqa: F401
    import click  # noqa: F401
    import duckdb  # noqa: F401
    import hypothesis  # noqa: F401
    import msgspec  # noqa: F401
    import phonenumbers  # noqa: F401
    import pyarrow.parquet  # noqa: F401
    import re2  # noqa: F401
    import sqlglot  # noqa: F401
