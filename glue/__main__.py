"""``python -m glue render`` writes every rendering of the contract; with ``--check`` it names the stale ones.

The renderings are committed, so that a change of the contract shows in review in every language it is spoken in.
"""

import argparse
import json
import sys
from pathlib import Path

from glue.catalog.render.hive import ddl
from glue.catalog.render.json_schema import answer_schema, event_schema, message_schema
from glue.catalog.tables import ALL_TABLES, DATABASE, TABLES

HERE = Path(__file__).parent


def renderings() -> dict[Path, str]:
    """Each rendered file's path and what should be in it."""
    from glue.catalog.render.arrow import arrow_schema
    from glue.catalog.render.hive import columns

    schemas = {
        "content_event": event_schema(),
        "webhook_message": message_schema(),
        "webhook_answer": answer_schema(),
    }
    files = {
        HERE / "generated" / f"{name}.schema.json": json.dumps(schema, indent=2) + "\n"
        for name, schema in schemas.items()
    }
    for table in TABLES:
        pairs = [(column.name, column.type) for column in columns(table)]
        files[HERE / "generated" / f"{table.name}.columns.json"] = json.dumps(pairs, indent=1) + "\n"
        files[HERE / "generated" / f"{table.name}.arrow.txt"] = arrow_schema(pairs).to_string() + "\n"
    for table in ALL_TABLES:
        files[HERE / "generated" / f"{table.name}.ddl.sql"] = ddl(table, DATABASE, "LAKE_BUCKET")
    return files


def main(arguments: list[str] | None = None) -> int:
    """The exit code: 0 when all renderings are (or now are) up to date, 1 when ``--check`` found a stale one."""
    parser = argparse.ArgumentParser(
        prog="python -m glue", description=__doc__, epilog="example: python -m glue render --check"
    )
    parser.add_argument("command", choices=["render"])
    parser.add_argument("--check", action="store_true", help="write nothing; name the stale files and exit with 1")
    options = parser.parse_args(arguments)
    stale = [path for path, text in renderings().items() if not path.exists() or path.read_text("utf-8") != text]
    for path in stale:
        if not options.check:
            path.parent.mkdir(exist_ok=True)
            path.write_text(renderings()[path], encoding="utf-8")
        print(f"{'stale' if options.check else 'written'}: {path.relative_to(HERE.parent)}")
    if stale and options.check:
        print("Run: python -m glue render", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
