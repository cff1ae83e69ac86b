"""``python -m glue render`` writes every rendering of the contract; with ``--check`` it names the stale ones.

The renderings are committed, so that a change of the contract shows in review in every language it is spoken in.
"""

import json
import sys
from pathlib import Path

from glue.catalog.render.hive import ddl
from glue.catalog.render.json_schema import answer_schema, event_schema, message_schema
from glue.catalog.tables import ALL_TABLES, DATABASE, TABLES
from glue.terminal.renderings import keep_fresh

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
    return keep_fresh(renderings(), arguments, command="python -m glue render", description=__doc__, root=HERE.parent)


if __name__ == "__main__":
    sys.exit(main())
