"""Analysts' libraries as they are, each told by the environment where AWS is; prints what it saw."""

import datetime
import os
import pathlib
import sys


def awswrangler(bucket: str, database: str, workgroup: str, results: str) -> str:
    import awswrangler as wr
    import pandas as pd

    frame = pd.DataFrame(
        {
            "id": [1, 2, 3],
            "name": ["a", None, "ü"],
            "price": [1.5, 2.0, None],
            "at": pd.to_datetime(["2026-11-30 10:00:00", "2026-11-30 11:00:00", None]),
            "day": ["x", "x", "y"],
        }
    )
    path = f"s3://{bucket}/wrangler/"
    wr.s3.to_parquet(frame, path=path, dataset=True, database=database, table="wrangled", partition_cols=["day"])
    assert wr.catalog.does_table_exist(database, "wrangled")
    assert wr.catalog.get_table_types(database, "wrangled")["price"] == "double"
    assert len(wr.catalog.get_partitions(database, "wrangled")) == 2
    assert len(wr.s3.read_parquet(path, dataset=True)) == 3
    sql = "SELECT id, name, price, at, day FROM wrangled ORDER BY id"
    for mode in (
        {"ctas_approach": True},
        {"ctas_approach": False},
        {"ctas_approach": False, "unload_approach": True, "s3_output": f"s3://{results}/unloaded/"},
    ):
        got = wr.athena.read_sql_query(sql, database=database, workgroup=workgroup, **mode).sort_values("id")
        assert got["id"].tolist() == [1, 2, 3], (mode, got)
        assert got["name"].isna().tolist() == [False, True, False], (mode, got)
        assert got["price"].tolist()[:2] == [1.5, 2.0], (mode, got)
        assert got["at"].tolist()[0] == pd.Timestamp("2026-11-30 10:00:00"), (mode, got)
    wr.s3.to_parquet(frame, path=path, dataset=True, database=database, table="wrangled", mode="append",
                     partition_cols=["day"])  # fmt: skip
    [count] = wr.athena.read_sql_query("SELECT count(*) AS n FROM wrangled", database=database, workgroup=workgroup)[
        "n"
    ]
    assert count == 6
    return "to_parquet, catalog, three read modes"


def sqlalchemy(bucket: str, database: str, workgroup: str, results: str) -> str:
    import pandas as pd
    import sqlalchemy as sa

    staging = f"s3://{bucket}/sqlalchemy/"
    engine = sa.create_engine(
        f"awsathena+rest://:@athena.us-east-1.amazonaws.com:443/{database}"
        f"?s3_staging_dir={staging}&location={staging}tables/&work_group={workgroup}"
    )
    frame = pd.DataFrame({"id": [1, 2, 3], "name": ["a", "b", None], "price": [1.5, None, 2.5]})
    frame.to_sql("sold", engine, schema=database, index=False, if_exists="replace", method="multi")
    got = pd.read_sql("SELECT * FROM sold ORDER BY id", engine)
    assert got["id"].tolist() == [1, 2, 3]
    assert got["price"].tolist()[::2] == [1.5, 2.5]
    inspector = sa.inspect(engine)
    assert "sold" in inspector.get_table_names(schema=database)
    columns = {one["name"]: str(one["type"]) for one in inspector.get_columns("sold", schema=database)}
    assert set(columns) == {"id", "name", "price"}, columns
    with engine.connect() as connection:
        table = sa.Table("sold", sa.MetaData(schema=database), autoload_with=connection)
        query = sa.select(sa.func.count(), sa.func.max(table.c.price)).where(table.c.id > sa.bindparam("least"))
        assert tuple(connection.execute(query, {"least": 1}).one()) == (2, 2.5)
    return "create_engine, reflection, bound parameters, pd.to_sql"


def polars(bucket: str, database: str, workgroup: str, results: str) -> str:
    import polars as pl

    options = {"aws_endpoint_url": os.environ["AWS_ENDPOINT_URL"], "aws_allow_http": "true"}
    frame = pl.DataFrame({"id": range(100_000), "at": [datetime.datetime(2026, 11, 30)] * 100_000})
    path = f"s3://{bucket}/polars/part.parquet"
    frame.write_parquet(path, storage_options=options)
    got = pl.scan_parquet(f"s3://{bucket}/polars/*.parquet", storage_options=options).filter(pl.col("id") > 99_997)
    assert got.collect()["id"].to_list() == [99_998, 99_999]
    return "write_parquet, scan_parquet over a pattern"


def pyarrow(bucket: str, database: str, workgroup: str, results: str) -> str:
    import pyarrow as pa
    import pyarrow.dataset as ds
    from pyarrow import fs

    scheme, _, place = os.environ["AWS_ENDPOINT_URL"].partition("://")
    files = fs.S3FileSystem(endpoint_override=place, scheme=scheme)
    table = pa.table({"id": range(1000), "day": ["x", "y"] * 500})
    ds.write_dataset(
        table, f"{bucket}/arrow", format="parquet", partitioning=["day"], filesystem=files, partitioning_flavor="hive"
    )
    got = ds.dataset(f"{bucket}/arrow", filesystem=files, partitioning="hive").to_table(filter=ds.field("day") == "x")
    assert got.num_rows == 500
    return "a dataset in partitions, written and read with a filter"


def duckdb(bucket: str, database: str, workgroup: str, results: str) -> str:
    import duckdb as db
    import duckdb_extension_httpfs as packaged

    _, _, place = os.environ["AWS_ENDPOINT_URL"].partition("://")
    connection = db.connect()
    # From PyPI, as INSTALL would fetch it from DuckDB's own host.
    [extension] = pathlib.Path(packaged.__file__).parent.rglob("httpfs.duckdb_extension")
    connection.load_extension(str(extension))
    connection.execute(
        f"CREATE SECRET (TYPE s3, KEY_ID '{os.environ['AWS_ACCESS_KEY_ID']}', "
        f"SECRET '{os.environ['AWS_SECRET_ACCESS_KEY']}', REGION 'us-east-1', ENDPOINT '{place}', "
        "URL_STYLE 'path', USE_SSL false)"
    )
    connection.execute(
        "COPY (SELECT range AS id, CASE range % 2 WHEN 0 THEN 'x' ELSE 'y' END AS day FROM range(100000)) "
        f"TO 's3://{bucket}/duck' (FORMAT parquet, PARTITION_BY (day))"
    )
    found = f"read_parquet('s3://{bucket}/duck/*/*.parquet', hive_partitioning = true)"
    assert connection.sql(f"SELECT count(*), max(id) FROM {found} WHERE day = 'y'").fetchall() == [(50_000, 99_999)]
    connection.execute(f"COPY (SELECT 'ä' AS a, 1 AS b) TO 's3://{bucket}/duck.csv' (HEADER)")
    assert connection.sql(f"SELECT * FROM read_csv('s3://{bucket}/duck.csv')").fetchall() == [("ä", 1)]
    return f"DuckDB {db.__version__}: partitions of Parquet and CSV, written and read with a filter"


if __name__ == "__main__":
    print(globals()[sys.argv[1]](*sys.argv[2:6]))
