"""Tables of Parquet objects: which partitions are listed, what is read, and what files of several schemas give."""

# ruff: noqa: E501 - a case is a line

import base64
import datetime as dt
import json
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glue.catalog import lake
from infra.local.athena.engine import QueryEngine, Running
from infra.local.athena.errors import QueryError
from infra.local.athena.files import Meter
from infra.local.athena.projection import Limits, location, projected
from infra.local.athena.rendering import text_of
from tests.fakes.query_ports import SESSIONS, FakeCatalog, FakeObjects, parquet_table

NOW = dt.datetime(2024, 1, 10, 12, tzinfo=dt.UTC).timestamp()
PROJECTED = {
    "projection.enabled": "true",
    "projection.dt.type": "date",
    "projection.dt.format": "yyyy-MM-dd",
    "projection.dt.range": "2024-01-01,NOW+2DAYS",
    "storage.location.template": "s3://lake/t/dt=${dt}/",
}
COLUMNS = {"id": "bigint", "name": "string", "ts": "timestamp"}
DAYS = [f"2024-01-{day:02d}" for day in range(1, 13)]


def parquet(columns: dict[str, tuple[str, list[Any]]], *, rows_in_group: int = 1000) -> bytes:
    schema = lake.arrow_schema([(name, kind) for name, (kind, _) in columns.items()])
    arrays = [pa.array(values, field.type) for field, (_, values) in zip(schema, columns.values(), strict=True)]
    return lake.write_table(pa.table(arrays, schema=schema), schema, row_group_rows=rows_in_group)


def rows_of(day: str, count: int = 3, *, rows_in_group: int = 1000) -> bytes:
    start = dt.datetime.fromisoformat(day)
    ids = [int(day[-2:]) * 100_000 + number for number in range(count)]
    return parquet(
        {
            "id": ("bigint", ids),
            "name": ("string", [f"name {number}" for number in ids]),
            "ts": ("timestamp", [start + dt.timedelta(seconds=number) for number in range(count)]),
        },
        rows_in_group=rows_in_group,
    )


class Lake:
    """A store, a catalog and an engine over them."""

    def __init__(self) -> None:
        self.objects = FakeObjects()
        self.catalog = FakeCatalog()
        self.engine = QueryEngine(objects=self.objects, catalog=self.catalog, sessions=SESSIONS)
        self.scanned = 0

    def table(self, name: str, columns: dict[str, str], **more: Any) -> None:
        self.catalog.create_table("default", parquet_table(name, columns, location=f"s3://lake/{name}/", **more))

    def ask(self, sql: str, *, now: float = NOW) -> list[list[str | None]]:
        self.objects.listed.clear()
        running = Running()
        query = self.engine.translate(sql, database="default", now=now)
        rows = [row for batch in self.engine.rows(query, running, now=now) for row in batch]
        self.scanned = running.meter.total
        return [[text_of(value, c.type) for value, c in zip(row, query.columns, strict=True)] for row in rows]

    def days(self) -> list[str]:
        """The days whose prefixes were listed."""
        return sorted(prefix.split("dt=")[1].strip("/") for prefix in self.objects.listed)

    def failure(self, sql: str) -> QueryError:
        with pytest.raises(QueryError) as caught:
            self.ask(sql)
        return caught.value


@pytest.fixture
def days() -> Lake:
    lake = Lake()
    lake.table("t", COLUMNS, partitions={"dt": "string"}, parameters=PROJECTED)
    for day in DAYS:
        lake.objects.put("lake", f"t/dt={day}/part-0.parquet", rows_of(day))
    return lake


PRUNED: dict[str, tuple[str, list[str]]] = {
    "one day": ("dt = '2024-01-03'", ["2024-01-03"]),
    "from both sides": ("'2024-01-11' <= dt", ["2024-01-11", "2024-01-12"]),
    "a range": ("dt BETWEEN '2024-01-02' AND '2024-01-03'", ["2024-01-02", "2024-01-03"]),
    "a list": ("dt IN ('2024-01-02', '2024-01-09', '2023-01-01')", ["2024-01-02", "2024-01-09"]),
    "either": ("dt = '2024-01-02' OR dt > '2024-01-11'", ["2024-01-02", "2024-01-12"]),
    "neither": ("NOT (dt > '2024-01-02')", ["2024-01-01", "2024-01-02"]),
    "a date": ("date(dt) >= date '2024-01-11'", ["2024-01-11", "2024-01-12"]),
    "before today": ("dt >= cast(current_date - INTERVAL '1' DAY AS varchar)", ["2024-01-09", "2024-01-10", "2024-01-11", "2024-01-12"]),
    "a function": ("substr(dt, 9) = '05'", ["2024-01-05"]),
    "with another column": ("dt = '2024-01-03' AND id > 0", ["2024-01-03"]),
    "another column": ("id > 0", DAYS),
    "either of two columns": ("dt = '2024-01-03' OR id > 0", DAYS),
    "none": ("dt = '2023-01-01'", []),
    "a partition that is not projected": ("dt = '2024-02-01'", []),
}  # fmt: skip


@pytest.mark.parametrize("case", PRUNED)
def test_only_the_days_that_a_condition_asks_for_are_listed(days: Lake, case: str) -> None:
    condition, wanted = PRUNED[case]
    days.ask(f"SELECT count(*) FROM t WHERE {condition}")
    assert days.days() == wanted


THROUGH: dict[str, tuple[str, list[str]]] = {
    "a subquery": ("SELECT * FROM (SELECT id, dt AS day FROM t) WHERE day = '2024-01-03'", ["2024-01-03"]),
    "WITH": ("WITH a AS (SELECT * FROM t), b AS (SELECT * FROM a) SELECT * FROM b WHERE dt = '2024-01-03'", ["2024-01-03"]),
    "a union": ("SELECT * FROM (SELECT dt FROM t UNION ALL SELECT dt FROM t) WHERE dt = '2024-01-03'", ["2024-01-03", "2024-01-03"]),
    "a grouped subquery": ("SELECT * FROM (SELECT dt, count(*) FROM t GROUP BY dt) WHERE dt = '2024-01-03'", ["2024-01-03"]),
    "a window by day": ("SELECT * FROM (SELECT dt, row_number() OVER (PARTITION BY dt, id ORDER BY ts) n FROM t) WHERE dt = '2024-01-03' AND n = 1",
                        ["2024-01-03"]),
    "not a window over days": ("SELECT * FROM (SELECT dt, row_number() OVER (PARTITION BY id ORDER BY ts) n FROM t) WHERE dt = '2024-01-03'", DAYS),
    "not one of two windows": ("SELECT * FROM (SELECT dt, row_number() OVER (PARTITION BY dt) n, sum(id) OVER () s FROM t) WHERE dt = '2024-01-03'", DAYS),
    "not a limit": ("SELECT * FROM (SELECT dt FROM t ORDER BY dt LIMIT 3) WHERE dt = '2024-01-01'", DAYS),
    "not grouping sets": ("SELECT * FROM (SELECT dt, count(*) FROM t GROUP BY ROLLUP (dt)) WHERE dt = '2024-01-01'", DAYS),
    "not an aggregate": ("SELECT * FROM (SELECT max(dt) AS dt FROM t) WHERE dt = '2024-01-01'", DAYS),
    "a join": ("SELECT a.id FROM t a JOIN t b ON a.id = b.id AND b.dt = '2024-01-02' WHERE a.dt = '2024-01-03'", ["2024-01-02", "2024-01-03"]),
    "the right of a left join": ("SELECT a.id FROM t a LEFT JOIN t b ON a.id = b.id AND b.dt = '2024-01-02' WHERE a.dt = '2024-01-03'",
                                 ["2024-01-02", "2024-01-03"]),
    "not the left of a left join": ("SELECT a.id FROM t a LEFT JOIN t b ON a.id = b.id AND a.dt = '2024-01-02' WHERE b.dt = '2024-01-03'",
                                    sorted([*DAYS, "2024-01-03"])),
    "not where NULL is asked for": ("SELECT a.id FROM (VALUES 1) a(id) LEFT JOIN t b ON a.id = b.id WHERE b.dt IS NULL", DAYS),
}  # fmt: skip


@pytest.mark.parametrize("case", THROUGH)
def test_a_condition_goes_down_as_far_as_it_may(days: Lake, case: str) -> None:
    sql, wanted = THROUGH[case]
    days.ask(sql)
    assert days.days() == wanted


def test_a_left_join_that_asks_for_missing_rows_finds_them(days: Lake) -> None:
    sql = "SELECT a.id FROM (VALUES 300000, 5) a(id) LEFT JOIN t b ON a.id = b.id WHERE b.dt IS NULL"
    assert days.ask(sql) == [["5"]]


CONDITIONS = st.deferred(
    lambda: st.one_of(
        st.builds(
            "{} {} '{}'".format,
            st.just("dt"),
            st.sampled_from(["=", "<", "<=", ">", ">=", "<>"]),
            st.sampled_from(DAYS),
        ),
        st.builds("dt IN ('{}', '{}')".format, st.sampled_from(DAYS), st.sampled_from(DAYS)),
        st.builds("dt BETWEEN '{}' AND '{}'".format, st.sampled_from(DAYS), st.sampled_from(DAYS)),
        st.builds("id % {} = 0".format, st.integers(2, 4)),
        st.just("dt IS NULL"),
        st.just("true"),
        st.just("coalesce(nullif(dt, '2024-01-02'), '2024-01-05') = '2024-01-05'"),
        st.builds("({} AND {})".format, CONDITIONS, CONDITIONS),
        st.builds("({} OR {})".format, CONDITIONS, CONDITIONS),
        st.builds("NOT ({})".format, CONDITIONS),
    )
)
SHAPES = [
    "SELECT count(*), sum(id) FROM t WHERE {0}",
    "SELECT count(*), sum(n) FROM (SELECT dt, id, row_number() OVER (PARTITION BY dt ORDER BY id) n FROM t) WHERE {0}",
    "SELECT count(*), sum(n) FROM (SELECT dt, id, row_number() OVER (ORDER BY id) n FROM t) WHERE {0}",
    "SELECT count(*), sum(n) FROM (SELECT dt, max(id) AS id, count(*) n FROM t GROUP BY dt) WHERE {0}",
    "SELECT count(*), sum(b.id) FROM (SELECT 100000 AS k) a LEFT JOIN (SELECT *, 100000 AS k FROM t) b ON a.k = b.k WHERE {0}",
]


@given(condition=CONDITIONS, shape=st.sampled_from(SHAPES))
def test_the_pruned_answer_is_the_unpruned_answer(condition: str, shape: str) -> None:
    pruned = Lake()
    pruned.table("t", COLUMNS, partitions={"dt": "string"}, parameters=PROJECTED)
    for day in DAYS[:6]:
        pruned.objects.put("lake", f"t/dt={day}/part-0.parquet", rows_of(day))
    found = pruned.ask(shape.format(condition))
    # Without partitions there is nothing to leave out: the day is a column of the files.
    whole = Lake()
    whole.table("t", {**COLUMNS, "dt": "string"})
    for day in DAYS[:6]:
        ids = [int(day[-2:]) * 100_000 + number for number in range(3)]
        body = parquet(
            {
                "id": ("bigint", ids),
                "name": ("string", ["x"] * 3),
                "ts": ("timestamp", [dt.datetime.fromisoformat(day) + dt.timedelta(seconds=n) for n in range(3)]),
                "dt": ("string", [day] * 3),
            }
        )
        whole.objects.put("lake", f"t/{day}.parquet", body)
    assert found == whole.ask(shape.format(condition))


def test_many_days_are_one_listing_and_the_same_answer(days: Lake) -> None:
    table = days.catalog.get_table("default", "t")
    table["Parameters"] = {**PROJECTED, "projection.dt.range": "2020-01-01,NOW+2DAYS"}
    assert days.ask("SELECT count(*) FROM t") == [["36"]]
    assert days.objects.listed == ["t/dt=202"]


def test_bytes_are_those_that_were_read(days: Lake) -> None:
    body = rows_of("2024-01-03", count=60_000, rows_in_group=10_000)
    days.objects.put("lake", "t/dt=2024-01-03/part-0.parquet", body)
    where = "FROM t WHERE dt = '2024-01-03'"
    days.ask(f"SELECT max(length(name)), sum(id), sum(second(ts)) {where}")
    everything = days.scanned
    days.ask(f"SELECT sum(id) {where}")
    one_column = days.scanned
    days.ask(f"SELECT sum(id) {where} AND id < 300500")
    one_group = days.scanned
    days.ask(f"SELECT count(*) {where} AND ts < timestamp '2024-01-03 00:00:01'")
    by_time = days.scanned
    assert len(body) * 0.9 <= everything <= len(body)
    assert one_group < one_column < everything
    assert by_time < one_column


def test_a_byte_counts_once() -> None:
    meter = Meter()
    for start, length in [(0, 10), (5, 10), (20, 5), (0, 100), (50, 10)]:
        meter.read("a", start, length)
    meter.read("b", 0, 1)
    assert meter.total == 101


def test_hidden_and_empty_objects_are_left_out(days: Lake) -> None:
    for name in ("_SUCCESS", ".part.crc", "_temporary/part.parquet"):
        days.objects.put("lake", f"t/dt=2024-01-03/{name}", b"not parquet")
    days.objects.put("lake", "t/dt=2024-01-03/", b"")
    days.objects.put("lake", "t/dt=2024-01-03/inner/part-1.parquet", rows_of("2024-01-03"))
    assert days.ask("SELECT count(*) FROM t WHERE dt = '2024-01-03'") == [["6"]]


def test_what_is_no_parquet_file_fails_with_its_name(days: Lake) -> None:
    days.objects.put("lake", "t/dt=2024-01-03/bad.parquet", b"PAR1 not really")
    error = days.failure("SELECT count(id) FROM t WHERE dt = '2024-01-03'")
    assert error.name == "HIVE_CURSOR_ERROR"
    assert "s3://lake/t/dt=2024-01-03/bad.parquet" in error.message


def test_a_column_that_a_file_lacks_is_null_and_columns_go_by_name(days: Lake) -> None:
    body = parquet({"extra": ("string", ["x"]), "id": ("bigint", [7])})
    days.objects.put("lake", "t/dt=2024-01-03/part-0.parquet", body)
    days.objects.put("lake", "t/dt=2024-01-03/part-1.parquet", rows_of("2024-01-03", count=1))
    sql = "SELECT id, name FROM t WHERE dt = '2024-01-03' ORDER BY 1"
    assert days.ask(sql) == [["7", None], ["300000", "name 300000"]]


def test_another_type_is_bad_data_only_when_the_column_is_asked_for(days: Lake) -> None:
    body = parquet({"id": ("string", ["x"]), "name": ("string", ["y"])})
    days.objects.put("lake", "t/dt=2024-01-03/part-0.parquet", body)
    assert days.ask("SELECT name FROM t WHERE dt = '2024-01-03'") == [["y"]]
    error = days.failure("SELECT id FROM t WHERE dt = '2024-01-03'")
    assert str(error) == (
        "HIVE_BAD_DATA: Field id's type BINARY in parquet file s3://lake/t/dt=2024-01-03/part-0.parquet is incompatible "
        "with type bigint defined in table schema"
    )


def test_timestamps_are_read_to_the_millisecond() -> None:
    found = Lake()
    found.table("m", {"ts": "timestamp"})
    moments = [dt.datetime(2024, 1, 1, 0, 0, 0, micros) for micros in (1499, 1500)]
    found.objects.put("lake", "m/a.parquet", parquet({"ts": ("timestamp", moments)}))
    assert found.ask("SELECT ts, typeof(ts) FROM m ORDER BY 1") == [
        ["2024-01-01 00:00:00.001", "timestamp(3)"],
        ["2024-01-01 00:00:00.002", "timestamp(3)"],
    ]
    assert found.ask("SELECT count(*) FROM m WHERE ts = timestamp '2024-01-01 00:00:00.002'") == [["1"]]


def test_nested_values_are_written_as_athena_writes_them() -> None:
    found = Lake()
    kinds = {
        "signals": "array<struct<label:string,score:double>>",
        "context": "map<string,string>",
        "tags": "array<string>",
    }
    found.table("n", kinds)
    values: dict[str, tuple[str, list[Any]]] = {
        "signals": (kinds["signals"], [[{"label": "spam", "score": 1.0}, None], None]),
        "context": (kinds["context"], [[("a", "b"), ("c", None)], []]),
        "tags": (kinds["tags"], [["x", None, "y"], []]),
    }
    found.objects.put("lake", "n/a.parquet", parquet(values))
    assert found.ask("SELECT * FROM n") == [
        ["[{label=spam, score=1.0}, null]", "{a=b, c=null}", "[x, null, y]"],
        [None, "{}", "[]"],
    ]
    assert found.ask(
        "SELECT s.label, s.score FROM n CROSS JOIN UNNEST(signals) AS u(label, score), UNNEST(signals) s(label, score) LIMIT 1"
    )
    assert found.ask("SELECT signals[1].label, context['a'] FROM n WHERE signals IS NOT NULL") == [["spam", "b"]]


def test_the_path_of_a_row_can_be_asked_for(days: Lake) -> None:
    sql = "SELECT \"$path\", count(*) FROM t WHERE dt = '2024-01-03' GROUP BY 1"
    assert days.ask(sql) == [["s3://lake/t/dt=2024-01-03/part-0.parquet", "3"]]


def test_partitions_in_the_catalog_are_used_without_projection() -> None:
    found = Lake()
    found.table("h", {"id": "bigint"}, partitions={"region": "string", "hour": "int"})
    found.catalog.partitions["default", "h"] = [
        {"Values": [region, str(hour)], "StorageDescriptor": {"Location": f"s3://lake/elsewhere/{region}/{hour}"}}
        for region in ("eu", "us")
        for hour in (1, 2, 10)
    ]
    for region in ("eu", "us"):
        for hour in (1, 2, 10):
            found.objects.put("lake", f"elsewhere/{region}/{hour}/a.parquet", parquet({"id": ("bigint", [hour])}))
    assert found.ask("SELECT region, hour, id FROM h WHERE hour > 2 AND region = 'eu'") == [["eu", "10", "10"]]
    assert found.objects.listed == ["elsewhere/eu/10/"]


def test_an_injected_column_needs_a_constant() -> None:
    found = Lake()
    parameters = {"projection.enabled": "true", "projection.tenant.type": "injected"}
    found.table("i", {"id": "bigint"}, partitions={"tenant": "string"}, parameters=parameters)
    found.objects.put("lake", "i/tenant=a/x.parquet", parquet({"id": ("bigint", [1])}))
    assert found.failure("SELECT * FROM i").name == "CONSTRAINT_VIOLATION"
    assert found.ask("SELECT id, tenant FROM i WHERE tenant IN ('a', 'b')") == [["1", "a"]]
    assert found.objects.listed == ["i/tenant=a/", "i/tenant=b/"]


PROJECTIONS: dict[str, tuple[dict[str, str], list[str]]] = {
    "enum": ({"type": "enum", "values": "a,b"}, ["a", "b"]),
    "integer": ({"type": "integer", "range": "1,10", "interval": "4", "digits": "3"}, ["001", "005", "009"]),
    "months": ({"type": "date", "format": "yyyy-MM", "range": "2023-11,NOW"}, ["2023-11", "2023-12", "2024-01"]),
    "hours": ({"type": "date", "format": "yyyy/MM/dd/HH", "range": "NOW-2HOURS,NOW", "interval": "1", "interval.unit": "HOURS"},
              ["2024/01/10/10", "2024/01/10/11", "2024/01/10/12"]),
    "every other day": ({"type": "date", "format": "yyyyMMdd", "range": "20240101,20240106", "interval": "2", "interval.unit": "DAYS"},
                        ["20240101", "20240103", "20240105"]),
}  # fmt: skip


@pytest.mark.parametrize("case", PROJECTIONS)
def test_a_projection_names_its_partitions(case: str) -> None:
    settings_, wanted = PROJECTIONS[case]
    parameters = {f"projection.p.{name}": value for name, value in settings_.items()}
    assert [values[0] for values in projected(parameters, ["p"], {}, NOW)] == wanted


def test_a_projected_integer_is_only_counted_where_it_is_asked_for() -> None:
    parameters = {"projection.n.type": "integer", "projection.n.range": "0,1000000000"}
    assert projected(parameters, ["n"], {"n": Limits(low="5", high="7")}, NOW) == [("5",), ("6",), ("7",)]
    with pytest.raises(QueryError, match="narrow n by WHERE"):
        projected(parameters, ["n"], {}, NOW)


BAD_PROJECTIONS = [{"type": "crawled"}, {"type": "enum"}, {"type": "date", "format": "yyyy-MM-dd", "range": "2024-01-01"},
                   {"type": "date", "format": "yyyy-QQ", "range": "2024-01,NOW"}, {"type": "integer", "range": "a,b"}]  # fmt: skip


@pytest.mark.parametrize("wrong", BAD_PROJECTIONS)
def test_a_wrong_projection_is_named(wrong: dict[str, str]) -> None:
    parameters = {f"projection.p.{name}": value for name, value in wrong.items()}
    with pytest.raises(QueryError, match="INVALID_TABLE_PROPERTY"):
        projected(parameters, ["p"], {}, NOW)


def test_a_template_that_names_no_partition_column_is_refused() -> None:
    with pytest.raises(QueryError, match="no partition column"):
        location("s3://b/${day}/", "", ["dt"], ["2024-01-01"])


def test_tables_of_other_formats_are_refused_by_name(days: Lake) -> None:
    table = parquet_table("j", {"id": "bigint"}, location="s3://lake/j/")
    table["StorageDescriptor"]["SerdeInfo"] = {"SerializationLibrary": "com.amazonaws.glue.serde.GrokSerDe"}
    days.catalog.create_table("default", table)
    error = days.failure("SELECT * FROM j")
    assert error.name == "NOT_SUPPORTED"
    assert "com.amazonaws.glue.serde.GrokSerDe" in error.message


def a_view(sql: str, columns: list[dict[str, str]]) -> dict[str, Any]:
    document = {"originalSql": sql, "catalog": "awsdatacatalog", "schema": "default", "columns": columns}
    encoded = base64.b64encode(json.dumps(document).encode()).decode()
    return {
        "Name": "v",
        "TableType": "VIRTUAL_VIEW",
        "StorageDescriptor": {"Columns": [{"Name": c["name"], "Type": "string"} for c in columns]},
        "ViewOriginalText": f"/* Presto View: {encoded} */",
    }


def test_a_view_is_read_where_it_was_written_and_prunes(days: Lake) -> None:
    sql = "SELECT id, dt, row_number() OVER (PARTITION BY dt, id ORDER BY ts) AS n FROM t"
    kinds = [{"name": "id", "type": "bigint"}, {"name": "dt", "type": "varchar"}, {"name": "n", "type": "bigint"}]
    days.catalog.create_table("default", a_view(sql, kinds))
    assert days.ask("SELECT count(*) FROM default.v WHERE dt = '2024-01-03' AND n = 1") == [["3"]]
    assert days.days() == ["2024-01-03"]


def test_a_view_that_its_table_left_behind_is_invalid(days: Lake) -> None:
    wrong = [{"name": "id", "type": "varchar"}]
    days.catalog.create_table("default", a_view("SELECT id FROM t", wrong))
    assert days.failure("SELECT * FROM v").name == "INVALID_VIEW"
    days.catalog.update_table("default", a_view("SELECT gone FROM t", wrong))
    assert "Column 'gone' cannot be resolved" in str(days.failure("SELECT * FROM v"))


def test_a_query_stops_at_its_limit_of_bytes(days: Lake) -> None:
    running = Running(meter=Meter(limit=100))
    query = days.engine.translate("SELECT max(id) FROM t", database="default", now=NOW)
    with pytest.raises(QueryError, match="Bytes scanned limit was exceeded"):
        list(days.engine.rows(query, running, now=NOW))


def test_nothing_but_the_chosen_objects_can_be_read(days: Lake) -> None:
    for sql in ("SELECT * FROM read_csv('/etc/passwd')", "SELECT * FROM '/etc/passwd'", "SELECT * FROM scan_1"):
        assert days.failure(sql).name in {"NOT_SUPPORTED", "SYNTAX_ERROR", "TABLE_NOT_FOUND"}
