"""The libraries and tools of analysts."""

import os
import re
import subprocess
from pathlib import Path

from tests.clients import environments
from tests.clients.environments import PROGRAMS, NotInstalledError
from tests.clients.libraries import query
from tests.clients.runtime import Runtime
from tests.clients.sdks import SECONDS, output_of

# The others are counted in the table, and their names are in pyathena.txt of the scratch folder.
LEAST_PASSED = 90


def _python(client: str, runtime: Runtime, *requirements: str) -> str:
    program = environments.python(client, *requirements)
    names = [runtime.outputs[name] for name in ("LakeBucketName", "DatabaseName", "WorkGroupName", "ResultBucketName")]
    said = output_of(
        [str(program), str(PROGRAMS / "python" / "analysts.py"), client, *names],
        runtime.environment(),
        cwd=runtime.scratch,
    )
    return said.strip().splitlines()[-1]


def awswrangler(runtime: Runtime) -> str:
    return _python("awswrangler", runtime, "awswrangler")


def sqlalchemy(runtime: Runtime) -> str:
    return _python("sqlalchemy", runtime, "pyathena[sqlalchemy,pandas]")


def polars(runtime: Runtime) -> str:
    return _python("polars", runtime, "polars")


def pyarrow(runtime: Runtime) -> str:
    return _python("pyarrow", runtime, "pyarrow")


def duckdb(runtime: Runtime) -> str:
    return _python("duckdb", runtime, "duckdb", "duckdb-extension-httpfs")


def spark(runtime: Runtime) -> str:
    """PySpark reads partitions that Athena wrote over s3a, and writes some that Athena reads."""
    environments.needed("java")
    jars = environments.java("spark")
    program = environments.python("spark", "pyspark==3.5.4")
    lake = runtime.outputs["LakeBucketName"]
    _made_by_athena(runtime, "made_for_spark", f"s3://{lake}/for-spark/")
    command = [str(program), str(PROGRAMS / "python" / "spark.py"), jars, lake]
    said = output_of(command, runtime.environment(), cwd=runtime.scratch).strip().splitlines()[-1]
    define = "CREATE EXTERNAL TABLE made_by_spark (id bigint) PARTITIONED BY (kind string) STORED AS PARQUET LOCATION"
    query(runtime, f"{define} 's3://{lake}/spark/'")
    query(runtime, "MSCK REPAIR TABLE made_by_spark")
    assert query(runtime, "SELECT count(*), max(id) FROM made_by_spark WHERE kind = '1'") == [["666", "997"]]
    return f"{said}: partitions of Parquet over s3a, written and read on both sides"


def trino(runtime: Runtime) -> str:
    """Trino reads a table of Athena's by Glue and S3, makes one and inserts into it; Athena reads that."""
    classes, lake = environments.java("trino"), runtime.outputs["LakeBucketName"]
    _made_by_athena(runtime, "made_by_athena", f"s3://{lake}/for-trino/")
    where = [runtime.url, str(runtime.ready["region"]), runtime.outputs["DatabaseName"], lake]
    output_of(["java", "-Xmx1g", "-cp", classes, "Hive", *where], runtime.environment(), cwd=runtime.scratch)
    assert query(runtime, "SELECT day, id, name FROM made_by_trino ORDER BY id") == [
        ["x", "10", "a"],
        ["y", "20", ""],
        ["x", "30", "c"],
        ["z", "90", "more"],
    ]
    return "the Hive connector: a table of Athena's read, one made and added to, which Athena reads"


def _made_by_athena(runtime: Runtime, table: str, location: str) -> None:
    rows = "(1, 'a', timestamp '2026-11-30 10:00:01', 'x'), (2, NULL, NULL, 'y'), "
    rows += "(3, 'c', timestamp '2026-11-30 10:00:03', 'x')"
    form = f"format = 'PARQUET', partitioned_by = ARRAY['day'], external_location = '{location}'"
    columns = "CAST(id AS bigint) AS id, CAST(name AS varchar) AS name, at, CAST(day AS varchar) AS day"
    query(runtime, f"CREATE TABLE {table} WITH ({form}) AS SELECT {columns} FROM (VALUES {rows}) t(id, name, at, day)")


def pyathena(runtime: Runtime) -> str:
    """PyAthena's own tests of its cursor, unmodified."""
    given = os.environ.get("PYATHENA", "")
    if not (Path(given) / "tests/pyathena/test_cursor.py").is_file():
        raise NotInstalledError("its tests are in its repository only: make test-clients PYATHENA=folder")
    program = environments.python("pyathena", "pyathena[sqlalchemy,pandas,arrow]", "pytest", "jinja2", "greenlet")
    bucket = runtime.outputs["ResultBucketName"]
    athena = runtime.client("athena")
    for name in ("pyathena", "pyathena-spark"):
        output = {"OutputLocation": f"s3://{bucket}/{name}/"}
        athena.create_work_group(Name=name, Configuration={"ResultConfiguration": output})
    told = runtime.environment(
        AWS_ATHENA_S3_STAGING_DIR=f"s3://{bucket}/pyathena/",
        AWS_ATHENA_WORKGROUP="pyathena",
        AWS_ATHENA_SPARK_WORKGROUP="pyathena-spark",
    )
    done = subprocess.run(
        [str(program), "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/pyathena/test_cursor.py"],
        cwd=given,
        env=told,
        capture_output=True,
        text=True,
        timeout=2 * SECONDS,
    )
    (runtime.scratch / "pyathena.txt").write_text(done.stdout + done.stderr)
    passed = re.search(r"(\d+) passed", done.stdout)
    failed = re.search(r"(\d+) failed", done.stdout)
    count = int(passed[1]) if passed else 0
    said = f"{count} of {count + int(failed[1] if failed else 0)} of its own cursor tests"
    assert count >= LEAST_PASSED, f"{said}; {(done.stdout + done.stderr).strip()[-1500:]}"
    return said


def dbt(runtime: Runtime) -> str:
    """dbt runs a table, an incremental model (twice) and a view, and its tests."""
    program = environments.python("dbt", "dbt-core<1.11", "dbt-athena").with_name("dbt")
    folder = runtime.scratch / "dbt"
    for path in (PROGRAMS / "dbt").rglob("*.*"):
        into = folder / path.relative_to(PROGRAMS / "dbt")
        into.parent.mkdir(parents=True, exist_ok=True)
        into.write_text(path.read_text())
    database = runtime.outputs["DatabaseName"]
    told = runtime.environment(
        DBT_BUCKET=runtime.outputs["ResultBucketName"],
        DBT_SCHEMA=database,
        DBT_SEND_ANONYMOUS_USAGE_STATS="false",
        DBT_PROFILES_DIR=str(folder),
    )
    for command in (["run"], ["run"], ["test"], ["docs", "generate"]):
        output_of([str(program), "--no-use-colors", *command], told, cwd=folder)
    counted = "SELECT (SELECT count(*) FROM days), (SELECT count(*) FROM growing), (SELECT count(*) FROM both)"
    assert query(runtime, counted) == [["3", "2", "5"]]
    return "a table, an incremental model run twice, a view, tests, docs"
