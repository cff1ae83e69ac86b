"""Clients as they are sold, against the laptop runtime's Athena: boto3, awswrangler, PyAthena."""

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import awswrangler as wr
import pandas as pd
import pyathena
import pytest

from infra.local.twin import Twin

# awswrangler's own, with the pandas it is installed with.
pytestmark = pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning")

BUCKET = "client-bucket"
OUTPUT = f"s3://{BUCKET}/results/"


@pytest.fixture(scope="module")
def twin() -> Iterator[Twin]:
    with Twin() as running:
        yield running


@pytest.fixture(scope="module")
def environment(twin: Twin) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", twin.endpoint_url)
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.setenv("AWS_DEFAULT_REGION", twin.region)
        yield


@pytest.fixture(scope="module")
def frame(twin: Twin, environment: None) -> pd.DataFrame:
    """Rows of every kind, written by awswrangler as a partitioned Glue table ``clients.t``."""
    twin.client("s3").create_bucket(Bucket=BUCKET)
    wr.catalog.create_database("clients")
    frame = pd.DataFrame(
        {
            "id": pd.array([1, 2, None], dtype="Int64"),
            "name": pd.array(["a", None, 'x"y, é'], dtype="string"),
            "score": [1.5, None, 1e10],
            "hidden": pd.array([True, False, None], dtype="boolean"),
            "at": pd.to_datetime(["2024-01-01T10:00:00.123", "2024-01-02T00:00:00.000", None]),
            "dt": pd.array(["2024-01-01", "2024-01-01", "2024-01-02"], dtype="string"),
        }
    )
    wr.s3.to_parquet(frame, f"s3://{BUCKET}/t/", dataset=True, database="clients", table="t", partition_cols=["dt"])
    return frame


WAYS: dict[str, dict[str, Any]] = {
    "csv": {"ctas_approach": False},
    "ctas": {"ctas_approach": True},
    "unload": {"ctas_approach": False, "unload_approach": True, "s3_output": f"s3://{BUCKET}/unloaded/"},
}


@pytest.mark.parametrize("way", WAYS)
def test_awswrangler_reads_what_it_wrote(frame: pd.DataFrame, way: str) -> None:
    given = {"database": "clients", "s3_output": OUTPUT, **WAYS[way]}
    found = wr.athena.read_sql_query("SELECT id, name, score, hidden, at, dt FROM t ORDER BY id", **given)
    assert found["id"].tolist()[:2] == [1, 2]
    assert found["id"].isna().tolist() == [False, False, True]
    assert found["name"].fillna("NULL").tolist() == ["a", "NULL", 'x"y, é']
    assert found["score"].fillna(-1.0).tolist() == [1.5, -1.0, 1e10]
    assert found["hidden"].fillna(False).tolist() == [True, False, False]
    assert found["at"][0] == pd.Timestamp("2024-01-01 10:00:00.123")
    assert found["dt"].tolist() == frame["dt"].tolist()


def test_awswrangler_gives_parameters_on_either_side(frame: pd.DataFrame) -> None:
    given: dict[str, Any] = {"database": "clients", "s3_output": OUTPUT, "ctas_approach": False}
    server = wr.athena.read_sql_query(
        "SELECT count(*) AS n FROM t WHERE dt = ?", params=["'2024-01-01'"], paramstyle="qmark", **given
    )
    client = wr.athena.read_sql_query(
        "SELECT count(*) AS n FROM t WHERE dt = :day", params={"day": "2024-01-01"}, **given
    )
    assert (server["n"][0], client["n"][0]) == (2, 2)


def test_awswrangler_finds_an_earlier_answer(frame: pd.DataFrame, twin: Twin) -> None:
    given: dict[str, Any] = {"database": "clients", "s3_output": OUTPUT, "ctas_approach": False}
    cached = {"athena_cache_settings": {"max_cache_seconds": 900}}
    first = wr.athena.read_sql_query("SELECT 41 + 1 AS n", **given, **cached)
    before = len(twin.client("athena").list_query_executions()["QueryExecutionIds"])
    again = wr.athena.read_sql_query("SELECT 41 + 1 AS n", **given, **cached)
    assert first["n"][0] == again["n"][0] == 42
    assert len(twin.client("athena").list_query_executions()["QueryExecutionIds"]) == before


def test_awswrangler_describes_a_table(frame: pd.DataFrame) -> None:
    found = wr.athena.describe_table("t", database="clients", s3_output=OUTPUT)
    assert found["Column Name"].tolist() == ["id", "name", "score", "hidden", "at", "dt"]


@pytest.fixture
def cursor(frame: pd.DataFrame, twin: Twin) -> Iterator[Any]:
    connection = pyathena.connect(
        s3_staging_dir=OUTPUT, schema_name="clients", region_name=twin.region, poll_interval=0.02
    )
    with connection, connection.cursor() as cursor:
        yield cursor


def test_pyathena_gets_typed_values(cursor: Any) -> None:
    items = {
        "1": 1,
        "CAST(1.50 AS decimal(5,2))": Decimal("1.50"),
        "true": True,
        "date '2024-01-01'": dt.date(2024, 1, 1),
        "timestamp '2024-01-01 10:00:00.123'": dt.datetime(2024, 1, 1, 10, 0, 0, 123000),
        "CAST(null AS varchar)": None,
        "''": "",
        "ARRAY[1, 2]": [1, 2],
        "1e10": 1e10,
        "x'0aff'": b"\n\xff",
    }
    row = cursor.execute(f"SELECT {', '.join(items)}").fetchone()
    assert row == tuple(items.values())
    assert [column[1] for column in cursor.description][:3] == ["integer", "decimal", "boolean"]


def test_pyathena_pages_through_many_rows(cursor: Any) -> None:
    rows = cursor.execute("SELECT x FROM UNNEST(sequence(1, 2501)) AS t(x)").fetchall()
    assert [row[0] for row in rows] == list(range(1, 2502))


def test_pyathena_hears_why_a_query_failed(cursor: Any) -> None:
    with pytest.raises(pyathena.error.OperationalError, match=r"TABLE_NOT_FOUND: line 1:15: Table .*clients\.nope"):
        cursor.execute("SELECT * FROM nope")
