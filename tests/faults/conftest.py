"""The table at the end: runs, lost, doubled, leaked."""

import pytest

from tests.faults.scenario import RUNS


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints what all runs together came to."""
    if not RUNS:
        return
    accounts = [account for _, account in RUNS]
    kinds = ("lost", "ghosts", "doubled", "untold", "leaked")
    found = ", ".join(f"{sum(len(getattr(one, kind)) for one in accounts)} {kind}" for kind in kinds)
    terminalreporter.write_line(f"faults: {len(RUNS):,} runs: {found}")
