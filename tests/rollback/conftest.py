"""The stack that is deployed to, made once, and the table of what became of each build."""

from collections.abc import Iterator

import pytest

from infra.local.twin import Twin
from tests.rollback.stack import FIRST, BuildTestbed, Gated

SEEN: list[tuple[str, str]] = []
"""By build, what became of it."""


@pytest.fixture(scope="session")
def gated() -> Iterator[Gated]:
    """A stack with a good build, and traffic."""
    testbed = BuildTestbed()
    with Twin(testbed=testbed, template=FIRST, rights="enforced") as twin, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", twin.endpoint_url)
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.setenv("AWS_DEFAULT_REGION", twin.region)
        made = Gated(twin, testbed)
        assert made.deploy("good") == "CREATE_COMPLETE"
        made.minute()
        yield made


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints what became of each build."""
    for name, came_to in SEEN:
        terminalreporter.write_line(f"{name}: {came_to}")
