"""Athena's API: what it takes, what it answers, and how queries live and end."""

# ruff: noqa: E501 - a case is a line

import threading
from collections.abc import Iterator
from typing import Any, cast

import pyarrow as pa
import pytest

from glue.catalog import lake
from infra.local.athena.api import AthenaApi
from infra.local.athena.errors import QueryError
from infra.local.athena.results import from_csv, to_csv
from infra.local.athena.statements import read_statement
from infra.local.errors import ApiError
from tests.fakes.query_ports import FakeCatalog, FakeObjects, parquet_table
from tests.fakes.until import until

NOW = 1_704_888_000.0  # 2024-01-10 12:00:00


class StillClock:
    def now(self) -> float:
        return NOW


class SlowObjects(FakeObjects):
    """A store whose reads wait until they are let through."""

    def __init__(self) -> None:
        super().__init__()
        self.reached = threading.Event()
        self.gate = threading.Event()
        self.gate.set()

    def get(self, bucket: str, key: str, *, start: int = 0, length: int | None = None) -> bytes:
        self.reached.set()
        assert self.gate.wait(600)
        return super().get(bucket, key, start=start, length=length)


class Athena:
    """The API over a store and a catalog with one table of three rows."""

    def __init__(self) -> None:
        self.objects = SlowObjects()
        self.catalog = FakeCatalog()
        self.api = AthenaApi(objects=self.objects, catalog=self.catalog, clock=StillClock())
        schema = lake.arrow_schema([("id", "bigint"), ("name", "string")])
        rows = pa.table({"id": [1, 2, 3], "name": ["a", None, 'say "hi", you']}, schema=schema)
        self.objects.put("lake", "t/a.parquet", lake.write_table(rows, schema))
        self.catalog.create_table(
            "default", parquet_table("t", {"id": "bigint", "name": "string"}, location="s3://lake/t/")
        )

    def call(self, action: str, **body: Any) -> dict[str, Any]:
        return self.api.call(action, body)

    def error(self, action: str, **body: Any) -> ApiError:
        with pytest.raises(ApiError) as caught:
            self.api.call(action, body)
        return caught.value

    def start(self, sql: str, **body: Any) -> str:
        given = {"ResultConfiguration": {"OutputLocation": "s3://results/here/"}, **body}
        return str(self.call("StartQueryExecution", QueryString=sql, **given)["QueryExecutionId"])

    def wait(self, key: str) -> dict[str, Any]:
        def execution() -> dict[str, Any]:
            return cast("dict[str, Any]", self.call("GetQueryExecution", QueryExecutionId=key)["QueryExecution"])

        until(lambda: execution()["Status"]["State"] not in {"QUEUED", "RUNNING"}, "the end of the query")
        return execution()

    def run(self, sql: str, **body: Any) -> dict[str, Any]:
        execution = self.wait(self.start(sql, **body))
        assert execution["Status"]["State"] == "SUCCEEDED", execution["Status"]
        return execution

    def rows(self, key: str, **body: Any) -> list[list[str | None]]:
        page = self.call("GetQueryResults", QueryExecutionId=key, **body)
        return [[cell.get("VarCharValue") for cell in row["Data"]] for row in page["ResultSet"]["Rows"]]

    def answer(self, sql: str, **body: Any) -> list[list[str | None]]:
        return self.rows(self.run(sql, **body)["QueryExecutionId"])


@pytest.fixture
def athena() -> Iterator[Athena]:
    made = Athena()
    yield made
    made.objects.gate.set()
    made.api.close()


def test_a_query_ends_with_its_rows_statistics_and_objects(athena: Athena) -> None:
    execution = athena.run("SELECT id, name FROM t ORDER BY id")
    key = execution["QueryExecutionId"]
    assert execution["StatementType"] == "DML"
    assert execution["ResultConfiguration"]["OutputLocation"] == f"s3://results/here/{key}.csv"
    assert execution["Statistics"]["DataScannedInBytes"] > 0
    assert execution["Status"]["SubmissionDateTime"] == NOW
    assert athena.rows(key) == [["id", "name"], ["1", "a"], ["2", None], ["3", 'say "hi", you']]
    written = athena.objects.get("results", f"here/{key}.csv")
    assert written == b'"id","name"\n"1","a"\n"2",\n"3","say ""hi"", you"\n'
    assert ("results", f"here/{key}.csv.metadata") in athena.objects.stored


def test_columns_are_described_as_athena_does(athena: Athena) -> None:
    key = athena.run("SELECT 1, CAST(1.5 AS decimal(5,2)) AS d, name, true FROM t LIMIT 1")["QueryExecutionId"]
    found = athena.call("GetQueryResults", QueryExecutionId=key)["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]
    assert [(c["Name"], c["Type"], c["Precision"], c["Scale"], c["CaseSensitive"]) for c in found] == [
        ("_col0", "integer", 10, 0, False),
        ("d", "decimal", 5, 2, False),
        ("name", "varchar", 2147483647, 0, True),
        ("_col3", "boolean", 0, 0, False),
    ]


def test_pages_hold_the_header_once(athena: Athena) -> None:
    key = athena.run("SELECT x FROM UNNEST(sequence(1, 5)) AS t(x)")["QueryExecutionId"]
    pages, token = [], None
    while True:
        body = {"NextToken": token} if token else {}
        page = athena.call("GetQueryResults", QueryExecutionId=key, MaxResults=2, **body)
        pages.append([row["Data"][0]["VarCharValue"] for row in page["ResultSet"]["Rows"]])
        token = page.get("NextToken")
        if token is None:
            break
    assert pages == [["x", "1"], ["2", "3"], ["4", "5"]]
    assert "MaxResults is 1 to 1000" in athena.error("GetQueryResults", QueryExecutionId=key, MaxResults=1001).message
    assert "NextToken" in athena.error("GetQueryResults", QueryExecutionId=key, NextToken="other:1").message


def test_results_are_read_from_s3_when_they_are_not_at_hand(athena: Athena) -> None:
    key = athena.run("SELECT id, name FROM t ORDER BY id")["QueryExecutionId"]
    athena.api._queries()._results._recent.clear()
    assert athena.rows(key)[2] == ["2", None]
    athena.api._queries()._results._recent.clear()
    athena.objects.delete("results", f"here/{key}.csv")
    assert athena.error("GetQueryResults", QueryExecutionId=key).code == "InvalidRequestException"


def test_a_csv_keeps_null_apart_from_the_empty_text() -> None:
    rows: list[list[str | None]] = [["", None, "a,b"], ['"', "line\nbreak", "é"]]
    assert from_csv(to_csv(["a", "b", "c"], rows))[1:] == rows


def test_parameters_are_literals_in_their_order(athena: Athena) -> None:
    sql = "SELECT '?', ? || name, id FROM t WHERE id = ? -- ?"
    assert athena.answer(sql, ExecutionParameters=["'it''s '", "1"])[1:] == [["?", "it's a", "1"]]
    bad = {
        "1 OR 1 = 1": "is not one literal",
        "name": "is not one literal",
        "2024-01-01": "is not one literal",
        "1; DROP TABLE t": "Only one sql statement",
        "'a' -- ": None,
    }
    for value, wanted in bad.items():
        status = athena.wait(athena.start("SELECT 1 FROM t WHERE ? = 'a'", ExecutionParameters=[value]))["Status"]
        assert wanted is None or wanted in status["StateChangeReason"]
    too_few = athena.wait(athena.start("SELECT ?, ?", ExecutionParameters=["1"]))["Status"]["StateChangeReason"]
    assert "Incorrect number of parameters: expected 2 but found 1" in too_few


def test_a_failed_query_says_why_in_athenas_words(athena: Athena) -> None:
    status = athena.wait(athena.start("SELECT nope FROM t"))["Status"]
    assert status["State"] == "FAILED"
    assert status["StateChangeReason"] == "COLUMN_NOT_FOUND: line 1:8: Column 'nope' cannot be resolved"
    assert status["AthenaError"]["ErrorCategory"] == 2
    assert status["AthenaError"]["ErrorMessage"] == status["StateChangeReason"]


def test_results_of_a_failed_query_are_refused(athena: Athena) -> None:
    key = athena.start("SELECT 1 / 0")
    athena.wait(key)
    assert athena.error("GetQueryResults", QueryExecutionId=key).message.endswith("Final query state: FAILED")


AT_START: dict[str, tuple[dict[str, Any], str]] = {
    "two statements": ({"QueryString": "SELECT 1; SELECT 2"}, "Only one sql statement is allowed. Got: SELECT 1; SELECT 2"),
    "nothing": ({"QueryString": " "}, "QueryString is missing"),
    "a word that is none": ({"QueryString": "SELEC 1"}, "mismatched input 'SELEC'. Expecting: "),
    "too much": ({"QueryString": "SELECT " + "1" * 262_144}, "262144"),
    "an unknown workgroup": ({"QueryString": "SELECT 1", "WorkGroup": "nope"}, "WorkGroup nope is not found."),
    "another catalog": ({"QueryString": "SELECT 1", "QueryExecutionContext": {"Catalog": "x"}}, "one data catalog"),
    "a short token": ({"QueryString": "SELECT 1", "ClientRequestToken": "x"}, "32 to 128"),
    "an age": ({"QueryString": "SELECT 1", "ResultReuseConfiguration": {"ResultReuseByAgeConfiguration": {"Enabled": True, "MaxAgeInMinutes": 10081}}}, "0 to 10080"),
    **{word: ({"QueryString": f"{word} x"}, f"the statement {word}") for word in ("MERGE", "VACUUM", "OPTIMIZE", "UPDATE", "DELETE")},
}  # fmt: skip


@pytest.mark.parametrize("case", AT_START)
def test_what_cannot_be_started_is_refused_at_once(athena: Athena, case: str) -> None:
    body, wanted = AT_START[case]
    error = athena.error("StartQueryExecution", ResultConfiguration={"OutputLocation": "s3://results/x/"}, **body)
    assert error.code == "InvalidRequestException"
    assert wanted in error.message


def test_a_place_for_results_is_needed(athena: Athena) -> None:
    assert athena.error("StartQueryExecution", QueryString="SELECT 1").message.startswith("No output location provided")


def test_one_token_is_one_query(athena: Athena) -> None:
    token = "t" * 32
    assert athena.start("SELECT 1", ClientRequestToken=token) == athena.start("SELECT 1", ClientRequestToken=token)
    with pytest.raises(ApiError, match="Idempotent parameters do not match"):
        athena.start("SELECT 2", ClientRequestToken=token)


def test_a_running_query_can_be_stopped(athena: Athena) -> None:
    athena.objects.gate.clear()
    key = athena.start("SELECT sum(id) FROM t")
    assert athena.objects.reached.wait(600)
    assert athena.error("GetQueryResults", QueryExecutionId=key).message.endswith("Current state: RUNNING")
    assert not athena.api.idle()
    athena.call("StopQueryExecution", QueryExecutionId=key)
    status = athena.wait(key)["Status"]
    assert (status["State"], status["StateChangeReason"]) == ("CANCELLED", "Query was cancelled by user")
    athena.objects.gate.set()
    athena.call("StopQueryExecution", QueryExecutionId=key)


def test_a_query_ends_at_the_workgroups_limit(athena: Athena) -> None:
    schema = lake.arrow_schema([("id", "bigint")])
    ids = pa.table({"id": pa.array([(n * 2_654_435_761) % 2**61 for n in range(1_600_000)])}, schema=schema)
    athena.objects.put("lake", "big/a.parquet", lake.write_table(ids, schema, compression="none"))
    athena.catalog.create_table("default", parquet_table("big", {"id": "bigint"}, location="s3://lake/big/"))
    athena.call("CreateWorkGroup", Name="small", Configuration={"BytesScannedCutoffPerQuery": 10_000_000})
    status = athena.wait(athena.start("SELECT sum(id % 7) FROM big", WorkGroup="small"))["Status"]
    assert (status["State"], status["StateChangeReason"]) == ("CANCELLED", "Bytes scanned limit was exceeded")


def test_a_workgroup_that_insists_decides_where_results_go(athena: Athena) -> None:
    settings = {"ResultConfiguration": {"OutputLocation": "s3://results/group/"}}
    athena.call("CreateWorkGroup", Name="g", Configuration=settings)
    execution = athena.run("SELECT 1", WorkGroup="g")
    assert execution["ResultConfiguration"]["OutputLocation"].startswith("s3://results/group/")
    athena.call("UpdateWorkGroup", WorkGroup="g", ConfigurationUpdates={"EnforceWorkGroupConfiguration": False})
    execution = athena.run("SELECT 1", WorkGroup="g")
    assert execution["ResultConfiguration"]["OutputLocation"].startswith("s3://results/here/")
    athena.call("UpdateWorkGroup", WorkGroup="g", State="DISABLED")
    with pytest.raises(ApiError, match="is disabled"):
        athena.start("SELECT 1", WorkGroup="g")


def test_workgroups_come_and_go(athena: Athena) -> None:
    athena.call("CreateWorkGroup", Name="g", Description="a group")
    group = athena.call("GetWorkGroup", WorkGroup="g")["WorkGroup"]
    assert group["Configuration"]["EnforceWorkGroupConfiguration"] is True
    assert group["Configuration"]["EngineVersion"]["EffectiveEngineVersion"] == "Athena engine version 3"
    assert [g["Name"] for g in athena.call("ListWorkGroups")["WorkGroups"]] == ["g", "primary"]
    assert "already created" in athena.error("CreateWorkGroup", Name="g").message
    assert "at least 10000000" in athena.error(
        "CreateWorkGroup", Name="h", Configuration={"BytesScannedCutoffPerQuery": 5}
    ).message  # fmt: skip
    athena.call("DeleteWorkGroup", WorkGroup="g")
    assert athena.error("GetWorkGroup", WorkGroup="g").code == "InvalidRequestException"
    assert "primary" in athena.error("DeleteWorkGroup", WorkGroup="primary").message


def test_named_queries_are_kept(athena: Athena) -> None:
    key = athena.call("CreateNamedQuery", Name="n", Database="default", QueryString="SELECT 1")["NamedQueryId"]
    assert athena.call("GetNamedQuery", NamedQueryId=key)["NamedQuery"]["QueryString"] == "SELECT 1"
    assert athena.call("ListNamedQueries")["NamedQueryIds"] == [key]
    found = athena.call("BatchGetNamedQuery", NamedQueryIds=[key, "x"])
    assert (len(found["NamedQueries"]), len(found["UnprocessedNamedQueryIds"])) == (1, 1)
    athena.call("DeleteNamedQuery", NamedQueryId=key)
    assert athena.error("GetNamedQuery", NamedQueryId=key).code == "InvalidRequestException"


def test_prepared_statements_are_executed(athena: Athena) -> None:
    athena.call(
        "CreatePreparedStatement",
        StatementName="p",
        WorkGroup="primary",
        QueryStatement="SELECT name FROM t WHERE id = ?",
    )
    assert athena.answer("EXECUTE p USING 1") == [["name"], ["a"]]
    assert athena.answer("EXECUTE p", ExecutionParameters=["2"]) == [["name"], [None]]
    athena.run("PREPARE q FROM SELECT ? AS x")
    assert athena.answer("EXECUTE q USING 'it, (is)'") == [["x"], ["it, (is)"]]
    listed = athena.call("ListPreparedStatements", WorkGroup="primary")["PreparedStatements"]
    assert [statement["StatementName"] for statement in listed] == ["p", "q"]
    athena.run("DEALLOCATE PREPARE q")
    assert (
        athena.error("GetPreparedStatement", StatementName="q", WorkGroup="primary").code == "ResourceNotFoundException"
    )


def test_executions_are_listed_the_newest_first(athena: Athena) -> None:
    keys = [athena.run(f"SELECT {number}")["QueryExecutionId"] for number in range(3)]
    page = athena.call("ListQueryExecutions", MaxResults=2)
    assert page["QueryExecutionIds"] == [keys[2], keys[1]]
    rest = athena.call("ListQueryExecutions", MaxResults=2, NextToken=page["NextToken"])
    assert rest["QueryExecutionIds"] == [keys[0]]
    found = athena.call("BatchGetQueryExecution", QueryExecutionIds=[keys[0], "nope"])
    assert [execution["Query"] for execution in found["QueryExecutions"]] == ["SELECT 0"]
    assert found["UnprocessedQueryExecutionIds"][0]["QueryExecutionId"] == "nope"
    assert "was not found" in athena.error("GetQueryExecution", QueryExecutionId="nope").message


def test_a_view_is_made_as_athena_keeps_it_and_replaced(athena: Athena) -> None:
    athena.run("CREATE VIEW v AS SELECT id, upper(name) AS name FROM t")
    stored = athena.catalog.get_table("default", "v")
    assert stored["TableType"] == "VIRTUAL_VIEW"
    assert stored["ViewOriginalText"].startswith("/* Presto View: ")
    assert [column["Type"] for column in stored["StorageDescriptor"]["Columns"]] == ["bigint", "string"]
    assert athena.answer("SELECT name FROM v WHERE id = 1")[1:] == [["A"]]
    again = athena.wait(athena.start("CREATE VIEW v AS SELECT 1 AS x"))["Status"]
    assert "already exists" in again["StateChangeReason"]
    athena.run("CREATE OR REPLACE VIEW v AS SELECT 1 AS x")
    assert athena.answer("SELECT * FROM v") == [["x"], ["1"]]
    assert athena.answer("SHOW VIEWS") == [["v"]]
    unnamed = athena.wait(athena.start("CREATE VIEW w AS SELECT 1"))["Status"]["StateChangeReason"]
    assert unnamed.startswith("MISSING_COLUMN_NAME")
    athena.run("DROP VIEW v")
    athena.run("DROP VIEW IF EXISTS v")
    assert "TABLE_NOT_FOUND" in athena.wait(athena.start("DROP VIEW v"))["Status"]["StateChangeReason"]


def test_the_catalog_is_shown_and_described(athena: Athena) -> None:
    assert athena.answer("SHOW TABLES") == [["t"]]
    assert athena.answer("SHOW TABLES IN default 'x*'") == []
    assert athena.answer("SHOW DATABASES") == [["default"]]
    assert athena.answer("SHOW COLUMNS IN t") == [["id                  "], ["name                "]]
    line = athena.answer("DESCRIBE `default`.`t`")[0][0]
    assert line is not None
    assert [part.strip() for part in line.split("\t")] == ["id", "bigint", ""]
    execution = athena.run("DESCRIBE t")
    assert execution["StatementType"] == "UTILITY"
    assert execution["ResultConfiguration"]["OutputLocation"].endswith(".txt")
    athena.run("CREATE DATABASE IF NOT EXISTS other")
    assert athena.answer("SHOW DATABASES LIKE 'o*'") == [["other"]]
    athena.run("DROP DATABASE other")


def test_partitions_that_are_registered_are_shown_and_projected_ones_are_not(athena: Athena) -> None:
    parameters = {"projection.enabled": "true", "projection.p.type": "enum", "projection.p.values": "a,b"}
    table = parquet_table(
        "e", {"id": "bigint"}, location="s3://lake/e/", partitions={"p": "string"}, parameters=parameters
    )
    athena.catalog.create_table("default", table)
    assert athena.answer("SHOW PARTITIONS e") == []
    athena.catalog.partitions["default", "e"] = [{"Values": ["a"], "StorageDescriptor": {"Location": "s3://lake/e/a"}}]
    assert athena.answer("SHOW PARTITIONS e") == [["p=a"]]


def test_a_table_is_made_of_a_query(athena: Athena) -> None:
    sql = "CREATE TABLE made WITH (format = 'PARQUET', external_location = 's3://lake/made/') AS SELECT id, ARRAY[ROW(name)] AS r FROM t"
    execution = athena.run(sql)
    manifest = execution["Statistics"]["DataManifestLocation"]
    bucket, _, key = manifest.removeprefix("s3://").partition("/")
    listed = athena.objects.get(bucket, key).decode().split()
    assert len(listed) == 1
    assert listed[0].startswith("s3://lake/made/")
    assert execution["SubstatementType"] == "CREATE_TABLE_AS_SELECT"
    assert athena.answer("SELECT count(*), max(r[1].field0) FROM made")[1:] == [["3", 'say "hi", you']]
    again = athena.wait(athena.start(sql))["Status"]["StateChangeReason"]
    assert again.startswith("TABLE_ALREADY_EXISTS")
    elsewhere = athena.wait(athena.start(sql.replace("TABLE made", "TABLE made2")))["Status"]["StateChangeReason"]
    assert elsewhere.startswith("HIVE_PATH_ALREADY_EXISTS")
    other = athena.wait(athena.start("CREATE TABLE x WITH (format = 'ORC') AS SELECT 1 AS a"))["Status"]
    assert "format ORC" in other["StateChangeReason"]
    athena.run("DROP TABLE made")


def test_an_answer_is_unloaded(athena: Athena) -> None:
    execution = athena.run("UNLOAD (SELECT id, name FROM t WHERE id > 1) TO 's3://lake/out/' WITH (format = 'PARQUET')")
    bucket, _, key = execution["Statistics"]["DataManifestLocation"].removeprefix("s3://").partition("/")
    path = athena.objects.get(bucket, key).decode().strip()
    body = athena.objects.get("lake", path.removeprefix("s3://lake/"))
    assert lake.read_table(body).to_pylist() == [{"id": 2, "name": None}, {"id": 3, "name": 'say "hi", you'}]


def test_the_catalog_answers_through_athenas_api(athena: Athena) -> None:
    catalog = {"CatalogName": "AwsDataCatalog"}
    assert athena.call("ListDataCatalogs")["DataCatalogsSummary"][0]["CatalogName"] == "AwsDataCatalog"
    assert athena.call("ListDatabases", **catalog)["DatabaseList"] == [{"Name": "default"}]
    assert athena.call("GetDatabase", DatabaseName="default", **catalog)["Database"]["Name"] == "default"
    table = athena.call("GetTableMetadata", DatabaseName="default", TableName="T", **catalog)["TableMetadata"]
    assert [column["Name"] for column in table["Columns"]] == ["id", "name"]
    listed = athena.call("ListTableMetadata", DatabaseName="default", **catalog)["TableMetadataList"]
    assert [found["Name"] for found in listed] == ["t"]
    error = athena.error("GetTableMetadata", DatabaseName="default", TableName="nope", **catalog)
    assert error.code == "MetadataException"
    assert "(Service: AmazonDataCatalog; Status Code: 400; Error Code: EntityNotFoundException; " in error.message
    assert athena.error("GetDatabase", DatabaseName="nope", **catalog).code == "MetadataException"


def test_an_unknown_action_is_named(athena: Athena) -> None:
    error = athena.error("StartSession")
    assert error.code == "UnknownOperationException"
    assert "StartSession" in error.message


def test_a_defect_of_the_twin_ends_the_query_and_says_no_value(athena: Athena, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> dict[str, Any]:
        raise KeyError("a secret")

    athena.catalog.get_database = broken  # type: ignore[method-assign]
    athena.catalog.get_table = broken  # type: ignore[method-assign, assignment]
    reason = athena.wait(athena.start("SELECT * FROM t"))["Status"]["StateChangeReason"]
    assert "KeyError" in reason
    assert "secret" not in reason


STATEMENTS = {
    "SELECT 1": ("SELECT", ""),
    " with a as (select 1) select * from a ;": ("SELECT", ""),
    "CREATE OR REPLACE VIEW a.b AS SELECT 1": ("CREATE VIEW", "b"),
    'CREATE TABLE "d"."t" WITH(external_location = \'s3://b/t\', format = \'PARQUET\') AS SELECT 1 AS a': ("CREATE TABLE AS", "t"),
    "drop table if exists `d`.`t`": ("DROP TABLE", "t"),
    "show tables in x": ("SHOW TABLES", ""),
    "UNLOAD (SELECT ')' AS a) TO 's3://b/' WITH (format='PARQUET')": ("UNLOAD", ""),
}  # fmt: skip


@pytest.mark.parametrize("sql", STATEMENTS)
def test_a_statement_is_told_by_its_words(sql: str) -> None:
    statement = read_statement(sql)
    assert (statement.action, statement.name) == STATEMENTS[sql]


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE EXTERNAL TABLE t (a int) STORED AS AVRO",
        "CREATE TABLE t (a int)",
        "DROP FUNCTION f",
        "SHOW FUNCTIONS",
        "ALTER TABLE t CHANGE a b int",
    ],
)
def test_other_statements_are_refused_by_name(sql: str) -> None:
    with pytest.raises(QueryError, match="NOT_SUPPORTED"):
        read_statement(sql)
