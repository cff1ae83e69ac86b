"""``python -m athena render`` writes the Grafana dashboard; with ``--check`` it says whether it is stale."""

import sys
from pathlib import Path

from athena import dashboards
from glue.terminal.renderings import keep_fresh

ROOT = Path(__file__).parent.parent
GRAFANA = ROOT / "athena" / "grafana" / "streamkeeper.json"


def main(arguments: list[str] | None = None) -> int:
    """The exit code: 0 when the dashboard is (or now is) up to date, 1 when ``--check`` found it stale."""
    files = {GRAFANA: dashboards.rendered()}
    return keep_fresh(files, arguments, command="python -m athena render", description=__doc__, root=ROOT)


if __name__ == "__main__":
    sys.exit(main())
