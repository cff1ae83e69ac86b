"""``make quality``: the default policy on the data folder, against what was asked for, as one table.

python -m benchmarks.quality --data FOLDER [--policy P] [--peers PYTHON] [--out docs/quality.md] [--check] [--json]

Exit codes: 0 every target met; 1 one is not met, or with --check the page differs; 2 wrong use.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.quality import attributes, disguised, held_out, labelled, peers, personal, streams
from benchmarks.quality.page import Measured, markdown
from consumers.moderation.moderator import Moderator
from consumers.policy_tools.loading import load

RECIPE = Path(__file__).parents[2] / "consumers" / "models" / "default.toml"


def measure(moderator: Moderator, folder: Path, python: Path | None = None) -> Measured:
    """The default policy, or another one, on the data folder.

    Args:
        moderator: the policy.
        folder: the data folder.
        python: the Python that has the tools of others; None: they are not asked.
    """
    model = moderator.policy.model
    print("held-out rows, by label and language", file=sys.stderr, flush=True)
    by_label, calm = held_out.measure(moderator, RECIPE, folder)
    print("attributes of Perspective's form", file=sys.stderr, flush=True)
    ordered = attributes.measure(moderator, RECIPE, folder)
    print("labelled sets", file=sys.stderr, flush=True)
    sets, by_sets, gaps = labelled.measure(moderator, folder)
    print("personal data, streams, disguises", file=sys.stderr, flush=True)
    by_kind, kinds = personal.measure(folder)
    by_stream, flags = streams.measure(moderator, folder)
    by_disguise, hidden = disguised.measure(moderator, folder)
    return Measured(
        f"{moderator.policy_id}@{moderator.policy_version}",
        "none" if model is None else model.weights,
        tuple(sets),
        (*by_sets, *by_kind, *by_stream, *by_disguise),
        (*gaps, *kinds, *hidden),
        tuple(flags),
        tuple(by_label),
        tuple(ordered),
        tuple(calm),
        tuple(peers.measure(moderator, folder, python)) if python is not None else (),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures, prints, writes the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the data folder: labelled/ and streams/ lie in it")
    parser.add_argument("--policy", default="default", help="a file, or a name in the bundle (default: default)")
    parser.add_argument("--peers", type=Path, help="the Python of an environment with the tools of others")
    parser.add_argument("--out", type=Path, help="write the page here")
    parser.add_argument("--check", action="store_true", help="write nothing; tell whether --out holds just this page")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of the table")
    options = parser.parse_args(arguments)
    if not (options.data / "labelled").is_dir():
        print(f"--data {options.data}: no folder labelled/ in it; give the data folder", file=sys.stderr)
        return 2
    measured = measure(load(options.policy)[1], options.data, options.peers)
    page = markdown(measured)
    if options.json:
        print(json.dumps(_document(measured), ensure_ascii=False, indent=1))
    else:
        print(page)
    if options.check:
        return 0 if options.out is not None and options.out.read_text("utf-8") == page else 1
    if options.out is not None:
        options.out.write_text(page, "utf-8")
    return 0 if all(row.is_met is not False for row in measured.rows) else 1


def _document(measured: Measured) -> dict[str, Any]:
    document: dict[str, Any] = msgspec.to_builtins(measured)
    for row, one in zip(document["rows"], measured.rows, strict=True):
        row["is_met"] = one.is_met
    return document


if __name__ == "__main__":
    sys.exit(main())
