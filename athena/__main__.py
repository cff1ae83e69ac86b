"""``python -m athena render`` writes the Grafana dashboard; with ``--check`` it says whether it is stale."""

import argparse
import sys
from pathlib import Path

from athena import dashboards

ROOT = Path(__file__).parent.parent
GRAFANA = ROOT / "athena" / "grafana" / "streamkeeper.json"


def main(arguments: list[str] | None = None) -> int:
    """The exit code: 0 when the dashboard is (or now is) up to date, 1 when ``--check`` found it stale."""
    parser = argparse.ArgumentParser(
        prog="python -m athena", description=__doc__, epilog="example: python -m athena render --check"
    )
    parser.add_argument("command", choices=["render"])
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 when the dashboard is stale")
    options = parser.parse_args(arguments)
    wanted = dashboards.rendered()
    if GRAFANA.exists() and GRAFANA.read_text(encoding="utf-8") == wanted:
        return 0
    name = GRAFANA.relative_to(ROOT)
    if options.check:
        print(f"{name} is stale. Run: python -m athena render", file=sys.stderr)
        return 1
    GRAFANA.write_text(wanted, encoding="utf-8")
    print(f"written: {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
