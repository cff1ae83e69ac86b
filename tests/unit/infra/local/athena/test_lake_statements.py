"""The statements of lake scripts: external tables in each format, their partitions, INSERT, UNLOAD and what shows them."""

# ruff: noqa: E501 - a statement is a line

import gzip
from collections.abc import Iterator

import pytest

from tests.unit.infra.local.athena.test_api import Athena

OPENX = "org.openx.data.jsonserde.JsonSerDe"
HIVE = "org.apache.hive.hcatalog.data.JsonSerDe"


@pytest.fixture
def athena() -> Iterator[Athena]:
    made = Athena()
    yield made
    made.objects.gate.set()
    made.api.close()


def failure(athena: Athena, sql: str) -> str:
    status = athena.wait(athena.start(sql))["Status"]
    assert status["State"] == "FAILED", status
    return str(status["StateChangeReason"])


@pytest.mark.parametrize("serde", [OPENX, HIVE])
def test_json_lines_are_read_with_their_nested_columns(athena: Athena, serde: str) -> None:
    athena.objects.put(
        "lake",
        "j/a.json",
        b'{"ID": 1, "tags": ["a", "b"], "who": {"name": "ann", "age": 31}, "t": "2024-01-05 10:00:00"}\n{"id": 2}\n',
    )
    athena.run(
        "CREATE EXTERNAL TABLE IF NOT EXISTS j (id int, tags array<string>, who struct<name:string,age:int>, t timestamp) "
        f"ROW FORMAT SERDE '{serde}' LOCATION 's3://lake/j/'"
    )
    assert athena.answer("SELECT id, tags[2], who.name, who.age + 1, t FROM j WHERE id = 1")[1:] == [
        ["1", "b", "ann", "32", "2024-01-05 10:00:00.000"]
    ]
    assert athena.answer("SELECT count(*), count(tags), count(who) FROM j")[1:] == [["2", "1", "1"]]


def test_a_line_that_is_not_json_fails_or_is_empty_as_the_table_says(athena: Athena) -> None:
    athena.objects.put("lake", "b/a.json", b'{"id": 1}\nnot json\n')
    text = f"(id int) ROW FORMAT SERDE '{OPENX}' "
    athena.run(f"CREATE EXTERNAL TABLE strict {text} LOCATION 's3://lake/b/'")
    athena.run(
        f"CREATE EXTERNAL TABLE mild {text} WITH SERDEPROPERTIES ('ignore.malformed.json' = 'true') LOCATION 's3://lake/b/'"
    )
    assert failure(athena, "SELECT * FROM strict").startswith("HIVE_CURSOR_ERROR: Row is not a valid JSON Object")
    assert athena.answer("SELECT id FROM mild ORDER BY id")[1:] == [["1"], [None]]


def test_delimited_text_is_read_with_types_headers_and_nulls(athena: Athena) -> None:
    athena.objects.put("lake", "c/a.csv.gz", gzip.compress(b"id,name,price\n1,ann,1.50\n2,\\N,x\n3\n", mtime=0))
    athena.run(
        "CREATE EXTERNAL TABLE c (id bigint, name string, price decimal(5,2)) ROW FORMAT DELIMITED FIELDS TERMINATED BY ',' "
        "STORED AS TEXTFILE LOCATION 's3://lake/c/' TBLPROPERTIES ('skip.header.line.count' = '1')"
    )
    assert athena.answer("SELECT * FROM c ORDER BY id")[1:] == [
        ["1", "ann", "1.50"],
        ["2", None, None],
        ["3", None, None],
    ]


def test_delimited_text_holds_nested_columns_and_bytes(athena: Athena) -> None:
    athena.objects.put("lake", "n/a", b"1\t1\x022\t1\x032\x023\x034\tx\x027\tMTIz\tplain!\n2\t\t\\N\tx\n3\tz\x025\n")
    athena.run(
        "CREATE EXTERNAL TABLE n (id int, items array<int>, pairs map<int,int>, who struct<a:string,b:int>, code binary, "
        "raw binary) ROW FORMAT DELIMITED FIELDS TERMINATED BY '\\t' STORED AS TEXTFILE LOCATION 's3://lake/n/'"
    )
    assert athena.answer("SELECT items, pairs, who, code, raw FROM n ORDER BY id")[1:] == [
        ["[1, 2]", "{1=2, 3=4}", "{a=x, b=7}", "31 32 33", "70 6c 61 69 6e 21"],
        ["[]", None, "{a=x, b=null}", None, None],
        ["[null, 5]", None, None, None, None],
    ]


def test_delimited_text_has_delimiters_of_its_own(athena: Athena) -> None:
    athena.objects.put("lake", "m/a", b"a;b=1,c=2|3,4\n")
    athena.run(
        "CREATE EXTERNAL TABLE m (id string, x map<string,int>) ROW FORMAT DELIMITED FIELDS TERMINATED BY ';' "
        "COLLECTION ITEMS TERMINATED BY ',' MAP KEYS TERMINATED BY '=' LINES TERMINATED BY '\\n' LOCATION 's3://lake/m/'"
    )
    assert athena.answer("SELECT id, x['b'], x['c'] FROM m")[1:] == [["a", "1", None]]


def test_rows_are_inserted_into_delimited_text(athena: Athena) -> None:
    athena.run(
        "CREATE EXTERNAL TABLE d (id int, name string, price double, at timestamp, day date, raw binary, ok boolean) "
        "PARTITIONED BY (dt string) ROW FORMAT DELIMITED FIELDS TERMINATED BY ',' LOCATION 's3://lake/d/'"
    )
    athena.run(
        "INSERT INTO d VALUES (1, 'ann', 1.5e0, timestamp '2024-01-05 10:00:00.25', date '2024-01-05', X'00ff', true, 'x'), "
        "(2, NULL, NULL, timestamp '2024-01-05 10:00:00', NULL, NULL, false, 'x')"
    )
    [(key, body)] = [(key, body) for (_, key), body in athena.objects.stored.items() if key.startswith("d/dt=x/")]
    assert key.endswith(".gz")
    assert gzip.decompress(body) == (
        b"1,ann,1.5,2024-01-05 10:00:00.25,2024-01-05,AP8=,true\n2,\\N,\\N,2024-01-05 10:00:00,\\N,\\N,false\n"
    )
    assert athena.answer("SELECT * FROM d ORDER BY id")[1:] == [
        ["1", "ann", "1.5", "2024-01-05 10:00:00.250", "2024-01-05", "00 ff", "true", "x"],
        ["2", None, None, "2024-01-05 10:00:00.000", None, None, "false", "x"],
    ]
    athena.run("CREATE EXTERNAL TABLE e (id int, tags array<string>) LOCATION 's3://lake/e/'")
    assert failure(athena, "INSERT INTO e VALUES (1, ARRAY['a'])").startswith("NOT_SUPPORTED")


def test_a_table_is_altered(athena: Athena) -> None:
    athena.run("CREATE EXTERNAL TABLE a (id int) PARTITIONED BY (dt string) STORED AS PARQUET LOCATION 's3://lake/a/'")
    athena.run("ALTER TABLE a SET TBLPROPERTIES ('owner' = 'ann', 'a b' = '1')")
    athena.run("ALTER TABLE a ADD COLUMNS (name string COMMENT 'whose', tags array<string>)")
    athena.run("ALTER TABLE a SET LOCATION 's3://lake/elsewhere/'")
    assert ["owner\tann"] in athena.answer("SHOW TBLPROPERTIES a")
    assert "  's3://lake/elsewhere/'" in [line for [line] in athena.answer("SHOW CREATE TABLE a")]
    assert athena.answer("SELECT column_name, comment FROM information_schema.columns WHERE table_name = 'a'")[1:] == [
        ["id", None], ["name", "whose"], ["tags", None], ["dt", None]
    ]  # fmt: skip
    assert failure(athena, "ALTER TABLE a ADD COLUMNS (dt int)").startswith("FAILED: SemanticException: Duplicate")
    athena.run("ALTER TABLE a REPLACE COLUMNS (only bigint)")
    assert athena.answer("SELECT * FROM a")[0] == ["only", "dt"]


def test_what_was_written_is_counted(athena: Athena) -> None:
    def count(sql: str) -> object:
        return athena.call("GetQueryResults", QueryExecutionId=athena.run(sql)["QueryExecutionId"])["UpdateCount"]

    assert count("CREATE TABLE two WITH (format = 'PARQUET') AS SELECT * FROM (VALUES 1, 2) t(x)") == 2
    assert count("INSERT INTO two SELECT x FROM two UNION ALL SELECT 3") == 3
    assert count("SELECT x FROM two") == 0


def test_a_table_is_made_of_the_type_hive_and_no_other(athena: Athena) -> None:
    athena.run("CREATE TABLE hive WITH (table_type = 'HIVE', is_external = true, format = 'parquet') AS SELECT 1 AS x")
    assert athena.answer("SELECT x FROM hive")[1:] == [["1"]]
    assert "ICEBERG" in failure(athena, "CREATE TABLE i WITH (table_type = 'ICEBERG') AS SELECT 1 AS x")


def test_quoted_csv_is_read_by_opencsv(athena: Athena) -> None:
    athena.objects.put("lake", "o/a.csv", b'"1","a, b","say ""hi"""\n"2","",""\n')
    athena.run(
        "CREATE EXTERNAL TABLE o (id string, a string, b string) ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.OpenCSVSerde' "
        "WITH SERDEPROPERTIES ('separatorChar' = ',', 'quoteChar' = '\"', 'escapeChar' = '\\\\') LOCATION 's3://lake/o/'"
    )
    assert athena.answer("SELECT * FROM o ORDER BY id")[1:] == [["1", "a, b", 'say "hi"'], ["2", "", ""]]


def test_log_lines_are_read_by_a_pattern(athena: Athena) -> None:
    athena.objects.put("lake", "r/a.log", b'10.0.0.1 - "GET /x HTTP/1.1" 200\nno log line\n')
    athena.run(
        "CREATE EXTERNAL TABLE r (ip string, request string, status int) ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.RegexSerDe' "
        r"""WITH SERDEPROPERTIES ('input.regex' = '([^ ]*) - "([^"]*)" (\\d+)') LOCATION 's3://lake/r/'"""
    )
    assert athena.answer("SELECT * FROM r ORDER BY status")[1:] == [
        ["10.0.0.1", "GET /x HTTP/1.1", "200"],
        [None, None, None],
    ]


def test_partitions_are_added_repaired_and_dropped(athena: Athena) -> None:
    for day in ("2024-01-05", "2024-01-06"):
        athena.objects.put("lake", f"p/dt={day}/a.json", f'{{"id": {day[-1]}}}\n'.encode())
    athena.objects.put("lake", "elsewhere/a.json", b'{"id": 9}\n')
    athena.run(
        f"CREATE EXTERNAL TABLE p (id int) PARTITIONED BY (dt string) ROW FORMAT SERDE '{OPENX}' LOCATION 's3://lake/p/'"
    )
    assert athena.answer("SELECT * FROM p")[1:] == []
    repaired = [line[0] for line in athena.answer("MSCK REPAIR TABLE p")]
    assert "Repair: Added partition to metastore p:dt=2024-01-05" in repaired
    assert athena.answer("MSCK REPAIR TABLE p") == []
    athena.run(
        "ALTER TABLE p ADD IF NOT EXISTS PARTITION (dt = '2024-01-05') PARTITION (dt = '2024-02-01') LOCATION 's3://lake/elsewhere/'"
    )
    assert athena.answer("SELECT id, dt FROM p ORDER BY dt")[1:] == [
        ["5", "2024-01-05"],
        ["6", "2024-01-06"],
        ["9", "2024-02-01"],
    ]
    assert "Partition already exists" in failure(athena, "ALTER TABLE p ADD PARTITION (dt = '2024-01-05')")
    athena.run("ALTER TABLE p DROP PARTITION (dt = '2024-01-05')")
    assert [row[0] for row in athena.answer("SHOW PARTITIONS p")] == ["dt=2024-01-06", "dt=2024-02-01"]
    assert "not found" in failure(athena, "ALTER TABLE p DROP PARTITION (dt = '1999-01-01')")
    assert "is not of the columns" in failure(athena, "ALTER TABLE p ADD PARTITION (day = 'x')")


def test_rows_are_inserted_into_partitions(athena: Athena) -> None:
    athena.run(
        "CREATE EXTERNAL TABLE w (id bigint, name string) PARTITIONED BY (dt string) STORED AS PARQUET LOCATION 's3://lake/w/'"
    )
    athena.run("INSERT INTO w SELECT id, name, CAST('2024-01-0' || CAST(id AS varchar) AS varchar) FROM t")
    athena.run("INSERT INTO w (dt, id) VALUES ('2024-01-01', 7)")
    assert athena.answer("SELECT id, name, dt FROM w ORDER BY dt, id")[1:] == [
        ["1", "a", "2024-01-01"], ["7", None, "2024-01-01"], ["2", None, "2024-01-02"], ["3", 'say "hi", you', "2024-01-03"],
    ]  # fmt: skip
    assert failure(athena, "INSERT INTO w SELECT 1").startswith("TYPE_MISMATCH")
    assert failure(athena, "INSERT INTO w VALUES ('x', 'y', 'z')").startswith("TYPE_MISMATCH")
    assert failure(athena, "INSERT INTO nope VALUES (1)").startswith("TABLE_NOT_FOUND")


def test_a_table_is_made_in_partitions(athena: Athena) -> None:
    athena.run(
        "CREATE TABLE made WITH (partitioned_by = ARRAY['kind'], external_location = 's3://lake/made/') AS SELECT name, id % 2 AS kind FROM t"
    )
    assert [row[0] for row in athena.answer("SHOW PARTITIONS made")] == ["kind=1", "kind=0"]
    assert athena.answer("SELECT kind, count(*) FROM made GROUP BY kind ORDER BY kind")[1:] == [["0", "1"], ["1", "2"]]
    late = failure(
        athena, "CREATE TABLE bad WITH (partitioned_by = ARRAY['kind']) AS SELECT id % 2 AS kind, name FROM t"
    )
    assert late.startswith("HIVE_COLUMN_ORDER_MISMATCH")


@pytest.mark.parametrize(
    ("options", "ending", "wanted"),
    [
        ("format = 'JSON', compression = 'NONE'", "json", b'{"id": 1, "name": "a"}\n'),
        ("format = 'TEXTFILE', field_delimiter = ',', compression = 'NONE'", "csv", b"1,a\n"),
    ],
)
def test_an_answer_is_unloaded_as_text(athena: Athena, options: str, ending: str, wanted: bytes) -> None:
    execution = athena.run(f"UNLOAD (SELECT id, name FROM t WHERE id = 1) TO 's3://lake/out/' WITH ({options})")
    bucket, _, key = execution["Statistics"]["DataManifestLocation"].removeprefix("s3://").partition("/")
    path = athena.objects.get(bucket, key).decode().strip()
    assert path.endswith(f".{ending}")
    assert athena.objects.get("lake", path.removeprefix("s3://lake/")) == wanted


def test_a_table_shows_the_statement_that_makes_it_again(athena: Athena) -> None:
    athena.run(
        "CREATE EXTERNAL TABLE shown (id int COMMENT 'the key', m map<string,array<int>>) PARTITIONED BY (dt string) "
        f"ROW FORMAT SERDE '{OPENX}' WITH SERDEPROPERTIES ('ignore.malformed.json' = 'true') LOCATION 's3://lake/shown/' TBLPROPERTIES ('owner' = 'me')"
    )
    text = "\n".join(row[0] or "" for row in athena.answer("SHOW CREATE TABLE shown"))
    before = athena.catalog.get_table("default", "shown")
    athena.run("DROP TABLE shown")
    athena.run(text)
    after = athena.catalog.get_table("default", "shown")
    assert {**after["Parameters"]} == {**before["Parameters"]}
    assert after["StorageDescriptor"] == before["StorageDescriptor"]
    assert after["PartitionKeys"] == before["PartitionKeys"]
    assert athena.answer("SHOW TBLPROPERTIES shown('owner')") == [["owner\tme"]]


def test_a_query_is_explained_and_not_run(athena: Athena) -> None:
    assert len(athena.answer("EXPLAIN SELECT count(*) FROM t")) > 1
    assert failure(athena, "EXPLAIN SELECT nope FROM t").startswith("COLUMN_NOT_FOUND")


def test_an_answer_is_used_again_when_it_is_young_enough(athena: Athena) -> None:
    reuse = {"ResultReuseConfiguration": {"ResultReuseByAgeConfiguration": {"Enabled": True, "MaxAgeInMinutes": 5}}}
    first = athena.run("SELECT count(*) FROM t", **reuse)
    second = athena.run("SELECT count(*) FROM t", **reuse)
    assert [one["Statistics"]["ResultReuseInformation"]["ReusedPreviousResult"] for one in (first, second)] == [
        False,
        True,
    ]
    assert second["Statistics"]["DataScannedInBytes"] == 0
    assert athena.rows(second["QueryExecutionId"]) == athena.rows(first["QueryExecutionId"])
    assert not athena.run("SELECT count(*) FROM t")["Statistics"]["ResultReuseInformation"]["ReusedPreviousResult"]


def test_the_catalog_is_asked_as_tables(athena: Athena) -> None:
    athena.run(
        "CREATE EXTERNAL TABLE days (id int COMMENT 'its number', at timestamp) COMMENT 'all of them' "
        "PARTITIONED BY (dt string) STORED AS PARQUET LOCATION 's3://lake/days/'"
    )
    athena.run("CREATE VIEW latest AS SELECT max(dt) AS dt, count(*) AS n FROM days")
    here = "table_schema = 'default' AND table_name IN ('days', 'latest')"
    assert athena.answer(f"SELECT table_name, table_type, table_comment FROM information_schema.tables WHERE {here}")[
        1:
    ] == [["days", "BASE TABLE", "all of them"], ["latest", "VIEW", None]]
    assert athena.answer(
        "SELECT table_name, column_name, ordinal_position, data_type, comment, extra_info "
        f"FROM information_schema.columns WHERE {here} ORDER BY 1, 3"
    )[1:] == [
        ["days", "id", "1", "integer", "its number", None],
        ["days", "at", "2", "timestamp(3)", None, None],
        ["days", "dt", "3", "varchar", None, "partition key"],
        ["latest", "dt", "1", "varchar", None, None],
        ["latest", "n", "2", "bigint", None, None],
    ]
    assert athena.answer("SELECT view_definition FROM information_schema.views WHERE table_name = 'latest'")[1:] == [
        ["SELECT max(dt) AS dt, count(*) AS n FROM days"]
    ]


def test_a_database_is_dropped_with_what_is_in_it(athena: Athena) -> None:
    athena.run("CREATE DATABASE whole")
    athena.run("CREATE EXTERNAL TABLE whole.t (id int) STORED AS PARQUET LOCATION 's3://lake/w/'")
    assert failure(athena, "DROP DATABASE whole").startswith("SCHEMA_NOT_EMPTY")
    athena.run("DROP DATABASE IF EXISTS whole CASCADE")
    assert ["whole"] not in athena.answer("SHOW DATABASES")
    assert failure(athena, "SELECT * FROM whole.t").startswith("SCHEMA_NOT_FOUND")
    athena.run("DROP DATABASE IF EXISTS whole CASCADE")


REFUSED = {
    "Iceberg": "CREATE EXTERNAL TABLE i (a int) LOCATION 's3://lake/i/' TBLPROPERTIES ('table_type' = 'ICEBERG')",
    "ORC": "CREATE EXTERNAL TABLE i (a int) STORED AS ORC LOCATION 's3://lake/i/'",
    "CLUSTERED": "CREATE EXTERNAL TABLE i (a int) CLUSTERED BY (a) INTO 2 BUCKETS LOCATION 's3://lake/i/'",
    "RENAME": "ALTER TABLE t RENAME TO u",
    "uniontype": "CREATE EXTERNAL TABLE i (a uniontype<int,string>) LOCATION 's3://lake/i/'",
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_modelled_is_refused_by_name(athena: Athena, name: str) -> None:
    error = athena.error(
        "StartQueryExecution", QueryString=REFUSED[name], ResultConfiguration={"OutputLocation": "s3://results/"}
    )
    assert name.lower() in error.message.lower()
