"""The stack of the game days, and their table at the end."""

from collections.abc import Iterator

import pytest

from infra.local.twin import Twin
from tests.gamedays.day import Day, GameTestbed, RefusedPuts

CAME_TO = "came to"


def came_to(request: pytest.FixtureRequest, said: str) -> None:
    """Keeps what a day came to, for the table at the end."""
    request.node.user_properties.append((CAME_TO, said))


def seen(request: pytest.FixtureRequest, minutes: float) -> None:
    """Keeps how long an alarm took."""
    came_to(request, f"{minutes:.0f} minutes")


@pytest.fixture(scope="module")
def stack(request: pytest.FixtureRequest) -> Iterator[Day]:
    """A running stack, with the parameters of the module."""
    testbed, puts = GameTestbed(), RefusedPuts()
    parameters = getattr(request.module, "PARAMETERS", {})
    with (
        Twin(testbed=testbed, put_faults=puts, parameters=parameters) as twin,
        pytest.MonkeyPatch.context() as patch,
    ):
        # Messages of queues are hidden and grow old on the game day's clock, too.
        patch.setattr("moto.sqs.models.unix_time_millis", lambda: testbed.time.now() * 1000)
        patch.setattr("moto.sqs.models.unix_time", testbed.time.now)
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
    passed = [one for one in terminalreporter.getreports("passed") if one.when == "call"]
    days = [(one.nodeid.rpartition("::test_")[2], dict(one.user_properties)) for one in passed]
    table = [f"{name.replace('_', ' ')}: {kept[CAME_TO]}" for name, kept in days if CAME_TO in kept]
    for line in table:
        terminalreporter.write_line(line)
    if table:
        terminalreporter.write_line(f"game days: {len(table)}")
