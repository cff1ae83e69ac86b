"""The table at the end: runs, and what was wrong in them."""

import pytest

from tests.faults.account import Account
from tests.faults.scenario import RUNS


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints what all runs together came to."""
    if not RUNS:
        return
    accounts = [account for _, account in RUNS]
    found = ", ".join(
        f"{sum(len(getattr(one, kind)) for one in accounts)} {kind.replace('_', ' ')}"
        for kind in Account.__struct_fields__
    )
    terminalreporter.write_line(f"faults: {len(RUNS):,} runs: {found}")
