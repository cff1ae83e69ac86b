"""``python -m infra.supply_chain``: the whole audit, step by step; exit code 1 when one fails."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from infra.supply_chain.advisories import advisories
from infra.supply_chain.code import bandit, checkov
from infra.supply_chain.licences import licences
from infra.supply_chain.steps import Step, exit_code
from infra.supply_chain.target import parts_list, target

ROOT = Path(__file__).parent.parent.parent


def main(arguments: list[str] | None = None) -> int:
    """Runs every step and prints what it comes to; 0, or 1 when one failed (with ``--strict``: or did not run)."""
    parser = argparse.ArgumentParser(
        prog="python -m infra.supply_chain",
        description="Known vulnerabilities, risky code, licences, the template, the bundle's parts and its target.",
        epilog="Example: make audit ADVISORIES=../advisory-database AARCH64=/srv/trixie-arm64",
    )
    parser.add_argument("--tools", type=Path, default=ROOT / ".venv-audit/bin", help="where pip-audit and the like are")
    parser.add_argument("--advisories", type=Path, help="a copy of the PyPA advisory database, for work offline")
    parser.add_argument("--aarch64", type=Path, help="the root of an aarch64 system with Lambda's Python in usr/bin")
    parser.add_argument("--strict", action="store_true", help="a step that did not run counts as failed")
    given = parser.parse_args(arguments)
    tools = given.tools.absolute()
    parts: list[tuple[str, Callable[[], Step]]] = [
        ("licences", lambda: licences(ROOT)),
        ("bandit", lambda: bandit(ROOT, tools)),
        ("SBOM", lambda: parts_list(ROOT, tools)),
        ("imports on aarch64", lambda: target(ROOT, given.aarch64)),
        ("checkov (a minute)", lambda: checkov(ROOT, tools)),
        ("pip-audit (minutes)", lambda: advisories(ROOT, tools, given.advisories)),
    ]
    steps: list[Step] = []
    for name, part in parts:
        print(f"looking at {name} ...", file=sys.stderr, flush=True)
        step = part()
        steps.append(step)
        print(f"{step.outcome:<8} {step.name}: {step.said}", flush=True)
        for one in step.found:
            print(f"           {one}", flush=True)
    return exit_code(steps, strict=given.strict)


if __name__ == "__main__":
    sys.exit(main())
