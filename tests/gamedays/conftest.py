"""The stack of the game days, and their table at the end."""

from collections.abc import Iterator

import pytest

from infra.local.twin import Twin
from tests.gamedays.day import Day, GameTestbed, RefusedPuts

SEEN: list[tuple[str, str]] = []
"""By game day, what it came to."""


@pytest.fixture(scope="module")
def stack(request: pytest.FixtureRequest) -> Iterator[Day]:
    """A running stack, with the parameters of the module."""
    testbed, puts = GameTestbed(), RefusedPuts()
    parameters = getattr(request.module, "PARAMETERS", {})
    with (
        Twin(testbed=testbed, put_faults=puts, parameters=parameters) as twin,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("AWS_ENDPOINT_URL", twin.endpoint_url)
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.setenv("AWS_DEFAULT_REGION", twin.region)
        yield Day(twin, testbed, puts)


@pytest.fixture
def day(stack: Day) -> Day:
    """A new day of that stack."""
    stack.begin_anew()
    return stack


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints what each day came to."""
    for name, came_to in SEEN:
        terminalreporter.write_line(f"{name}: {came_to}")
    if SEEN:
        terminalreporter.write_line(f"game days: {len(SEEN)}")
