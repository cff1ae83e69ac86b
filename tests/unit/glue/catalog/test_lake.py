"""The lake's Parquet: explicit schema, no drift, no coercion, readable by others."""

import io
from datetime import date, datetime
from decimal import Decimal
from itertools import accumulate, pairwise
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glue.catalog.lake import (
    FINGERPRINT_KEY,
    DriftError,
    fingerprint,
    read_schema,
    read_table,
    write_table,
    write_tables,
)
from glue.catalog.render.arrow import arrow_schema, arrow_type

SCHEMA = arrow_schema(
    [
        ("id", "string"),
        ("at", "timestamp"),
        ("day", "date"),
        ("score", "double"),
        ("price", "decimal(9,2)"),
        ("tags", "array<string>"),
        ("signals", "array<struct<label:string,score:double>>"),
        ("context", "map<string,int>"),
    ]
)
ROW = {
    "id": "é\u0000",
    "at": datetime(2026, 11, 20, 10, 0, 0, 123456),
    "day": date(2026, 11, 20),
    "score": 0.1,
    "price": Decimal("12.30"),
    "tags": ["a", None, ""],
    "signals": [{"label": "spam", "score": None}],
    "context": [("k", 1)],
}
EMPTY = dict.fromkeys(SCHEMA.names)


def table(*rows: dict[str, object]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=SCHEMA)


@pytest.mark.parametrize("compression", ["snappy", "zstd", "gzip", "none"])
def test_rows_come_back_as_they_were_written(compression: str) -> None:
    body = write_table(table(ROW, EMPTY), SCHEMA, compression=compression)  # type: ignore[arg-type]

    assert read_table(body, schema=SCHEMA).to_pylist() == [ROW, EMPTY]


def test_snappy_is_the_default_and_timestamps_are_int64_microseconds_without_a_zone() -> None:
    meta = pq.ParquetFile(io.BytesIO(write_table(table(ROW), SCHEMA))).metadata

    column = meta.schema.column(1)
    assert meta.row_group(0).column(0).compression == "SNAPPY"
    assert column.physical_type == "INT64"
    assert "timeUnit=microseconds" in str(column.logical_type)
    assert "isAdjustedToUTC=false" in str(column.logical_type)


def test_the_file_carries_the_fingerprint_of_its_schema() -> None:
    meta = pq.ParquetFile(io.BytesIO(write_table(table(ROW), SCHEMA))).metadata

    assert meta.metadata[FINGERPRINT_KEY.encode()].decode() == fingerprint(SCHEMA)


def test_another_reader_reads_the_same_values(tmp_path: Path) -> None:
    file = tmp_path / "rows.parquet"
    file.write_bytes(write_table(table(ROW), SCHEMA))

    with duckdb.connect() as connection:
        relation = connection.read_parquet(str(file))
        types = [str(kind) for kind in relation.types]
        found = relation.fetchall()[0]

    assert types[:5] == ["VARCHAR", "TIMESTAMP", "DATE", "DOUBLE", "DECIMAL(9,2)"]
    assert found == (*list(ROW.values())[:-1], {"k": 1})


def test_row_groups_have_statistics_that_prune() -> None:
    rows = [{**EMPTY, "id": f"{n:03d}"} for n in reversed(range(10))]

    body = write_table(table(*rows), SCHEMA, row_group_rows=5, sorted_by=["id"])

    meta = pq.ParquetFile(io.BytesIO(body)).metadata
    bounds = [meta.row_group(n).column(0).statistics for n in range(meta.num_row_groups)]
    assert [(b.min, b.max) for b in bounds] == [("000", "004"), ("005", "009")]


def test_a_table_with_another_type_is_refused_and_the_column_is_named() -> None:
    drifted = table(ROW).set_column(3, "score", pa.array([1], pa.int64()))

    with pytest.raises(DriftError, match="score: int64, not double"):
        write_table(drifted, SCHEMA)


def test_a_table_with_other_columns_is_refused() -> None:
    with pytest.raises(DriftError, match=r"missing \['day'\]"):
        write_table(table(ROW).drop_columns(["day"]), SCHEMA)


def test_columns_in_another_order_are_refused() -> None:
    with pytest.raises(DriftError, match="another order"):
        write_table(table(ROW).select(list(reversed(SCHEMA.names))), SCHEMA)


def test_a_null_in_a_required_column_is_refused() -> None:
    schema = pa.schema([pa.field("id", pa.string(), nullable=False)])

    with pytest.raises(ValueError, match="'id' is required and has 1 null"):
        write_table(pa.table({"id": [None]}, schema=schema), schema)


def test_a_file_of_another_schema_is_refused_when_one_is_asked_for() -> None:
    body = write_table(table(ROW), SCHEMA)

    with pytest.raises(DriftError):
        read_table(body, schema=arrow_schema([("id", "string")]))


def test_a_file_that_was_rewritten_under_its_fingerprint_is_refused() -> None:
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(sink, SCHEMA, store_schema=False) as writer:
        writer.write_table(table(ROW))
        writer.add_key_value_metadata({FINGERPRINT_KEY: "0" * 16})

    with pytest.raises(DriftError, match="rewritten"):
        read_table(sink.getvalue().to_pybytes())


def test_one_column_and_the_schema_are_read_without_the_rest() -> None:
    body = write_table(table(ROW), SCHEMA)

    assert read_table(body, columns=["id"]).to_pylist() == [{"id": ROW["id"]}]
    assert read_schema(body).names == SCHEMA.names
    assert read_table(io.BytesIO(body)).num_rows == 1


@given(
    st.lists(
        st.tuples(
            st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=8),
            st.datetimes(min_value=datetime(1, 1, 1), max_value=datetime(9999, 12, 31)),
            st.floats(allow_nan=False),
        ),
        max_size=20,
    )
)
def test_every_text_moment_and_number_survives_the_round_trip(values: list[tuple[str, datetime, float]]) -> None:
    rows = [{**EMPTY, "id": text, "at": at, "score": score} for text, at, score in values]

    assert read_table(write_table(table(*rows), SCHEMA)).to_pylist() == rows


GOLDEN_TYPES = {
    "string": pa.string(),
    "BIGINT": pa.int64(),
    "integer": pa.int32(),
    "timestamp": pa.timestamp("us"),
    "decimal": pa.decimal128(10, 0),
    "decimal(38, 9)": pa.decimal128(38, 9),
    "varchar(20)": pa.string(),
    "array < map<string, struct<a:int,b:array<double>>> >": pa.list_(
        pa.field(
            "element",
            pa.map_(
                pa.string(),
                pa.struct([("a", pa.int32()), ("b", pa.list_(pa.field("element", pa.float64())))]),
            ),
        )
    ),
}


@pytest.mark.parametrize(("hive", "expected"), GOLDEN_TYPES.items())
def test_a_hive_type_has_one_arrow_type(hive: str, expected: pa.DataType) -> None:
    assert arrow_type(hive).equals(expected)


@pytest.mark.parametrize(
    "hive",
    [
        *("", "text", "array", "array<", "array<int", "array<int>>", "map<int>", "struct<>", "struct<a>"),
        *("decimal(39,0)", "decimal(5,6)", "decimal(a,b)", "varchar(0)", "char(256)", "int int", "uniontype<int>"),
        "array<" * 40 + "int",
    ],
)
def test_a_hive_type_that_is_none_is_refused(hive: str) -> None:
    with pytest.raises(ValueError, match="Hive type"):
        arrow_type(hive)


def test_a_column_that_comes_twice_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\['a'\]"):
        arrow_schema([("a", "int"), ("a", "string")])


def test_fingerprints_differ_by_name_type_order_and_depth() -> None:
    variants = [
        [("a", "int"), ("b", "string")],
        [("b", "string"), ("a", "int")],
        [("a", "bigint"), ("b", "string")],
        [("a", "int"), ("c", "string")],
        [("a", "int"), ("b", "array<string>")],
        [("a", "int"), ("b", "array<array<string>>")],
        [("a", "int"), ("b", "struct<x:string>")],
        [("a", "int"), ("b", "struct<y:string>")],
        [("a", "int"), ("b", "map<string,string>")],
    ]

    assert len({fingerprint(arrow_schema(columns)) for columns in variants}) == len(variants)


@given(st.lists(st.integers(0, 4), max_size=6), st.integers(1, 5))
def test_rows_that_come_in_parts_are_the_same_file_as_rows_that_come_at_once(sizes: list[int], group: int) -> None:
    rows = [{**ROW, "id": f"id-{number}"} for number in range(sum(sizes))]
    ends = list(accumulate(sizes, initial=0))
    parts = [table(*rows[start:end]) for start, end in pairwise(ends)]

    body = write_tables(iter(parts), SCHEMA, row_group_rows=group)

    assert body == write_table(pa.concat_tables([table(), *parts]), SCHEMA, row_group_rows=group)
    meta = pq.ParquetFile(io.BytesIO(body)).metadata
    assert [meta.row_group(at).num_rows for at in range(meta.num_row_groups)] == [
        min(group, len(rows) - at) for at in range(0, len(rows), group)
    ]


def test_a_part_with_another_schema_is_refused() -> None:
    with pytest.raises(DriftError):
        write_tables([table(ROW), table(ROW).drop_columns(["day"])], SCHEMA)
