"""The contract's other languages are up to date, and fit what was released."""

import json
from pathlib import Path

import msgspec
import pytest

from glue.__main__ import renderings
from glue.catalog.render.hive import columns, hive_type
from glue.catalog.render.json_schema import event_schema
from glue.catalog.tables import TABLES, Table
from glue.contract import BadRow, Signal, VerdictRow
from glue.evolution import incompatible_columns, incompatible_events

ROOT = Path(__file__).parents[2]
RELEASED = sorted((ROOT / "glue" / "released").iterdir())


@pytest.mark.parametrize("path", renderings(), ids=lambda path: path.name)
def test_a_committed_rendering_is_what_the_contract_renders(path: Path) -> None:
    assert path.read_text("utf-8") == renderings()[path], "stale: run python -m glue render"


@pytest.mark.parametrize("released", RELEASED, ids=lambda path: path.name)
def test_every_released_event_and_row_can_still_be_read(released: Path) -> None:
    assert incompatible_events(json.loads((released / "content_event.schema.json").read_text()), event_schema()) == []
    # A table that came later is in no older release.
    for table in [table for table in TABLES if (released / f"{table.name}.columns.json").exists()]:
        old = [(name, kind) for name, kind in json.loads((released / f"{table.name}.columns.json").read_text())]
        assert incompatible_columns(old, [(column.name, column.type) for column in columns(table)]) == []


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_column_says_what_it_holds_and_its_day_and_key_are_columns(table: Table) -> None:
    assert [column.name for column in columns(table) if not column.comment] == []
    assert {table.day_of, table.key} <= {column.name for column in columns(table)}


def test_records_become_hive_types_and_what_has_none_is_refused() -> None:
    assert hive_type(dict[str, int]) == "map<string,bigint>"
    assert hive_type(tuple[Signal, ...]) == "array<struct<detector:string,label:string,score:double,rule:string>>"
    assert hive_type(bool | None) == "boolean"
    with pytest.raises(TypeError, match="no Hive type holds it"):
        hive_type(complex)


def test_every_timestamp_column_is_written_as_a_timestamp() -> None:
    for record in (VerdictRow, BadRow):
        names = {name for name in record.__struct_fields__ if name.endswith("_at")}
        table = next(table for table in TABLES if table.record is record)
        assert {column.name for column in columns(table) if column.type == "timestamp"} == names


def test_rows_are_json_objects_with_the_columns_in_order() -> None:
    for table in TABLES:
        fields = [field.name for field in msgspec.structs.fields(table.record)]
        assert fields == [column.name for column in columns(table)]
