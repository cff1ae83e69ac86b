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
