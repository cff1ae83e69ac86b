"""Expressions of the Athena dialect with the answers that Trino's documentation gives for them."""

# ruff: noqa: E501 - a case is a line

import pytest

from infra.local.athena.engine import QueryEngine, Running
from infra.local.athena.errors import QueryError
from infra.local.athena.rendering import text_of
from infra.local.athena.translation import translated_names
from tests.fakes.query_ports import SESSIONS, FakeCatalog, FakeObjects

NOW = 1_767_225_600.5  # 2026-01-01 00:00:00.5

ENGINE = QueryEngine(objects=FakeObjects(), catalog=FakeCatalog(), sessions=SESSIONS)


def ask(sql: str) -> list[list[str | None]]:
    query = ENGINE.translate(sql, database="default", now=NOW)
    rows = [row for batch in ENGINE.rows(query, Running(), now=NOW) for row in batch]
    return [[text_of(value, column.type) for value, column in zip(row, query.columns, strict=True)] for row in rows]


def failure(sql: str) -> QueryError:
    with pytest.raises(QueryError) as caught:
        ask(sql)
    return caught.value


# One row each: the items of the SELECT, and what Athena writes for them (None is NULL).
ONE_ROW: dict[str, tuple[str, list[str | None]]] = {
    "whole numbers divide to whole numbers": ("7/2, -7/2, 7 % -2, 9223372036854775807", ["3", "-3", "1", "9223372036854775807"]),
    "decimals keep Trino's scale": ("1/3.0, 10.00/3.000, 1.5*2.25, 1.5+2.25, 5.0 % 3", ["0.3", "3.333", "3.375", "3.75", "2.0"]),
    "decimal division rounds half up": ("1.0/8.000, -1.0/8.00, 2/3.0", ["0.125", "-0.13", "0.7"]),
    "doubles divide by zero": ("1e0/0, 0e0/0, -1e0/0", ["Infinity", "NaN", "-Infinity"]),
    "NaN is neither equal nor greater": ("nan() = nan(), nan() <> nan(), nan() > 1e0, 1e0 < nan()", ["false", "true", "false", "false"]),
    "the smallest numbers": ("-2147483648, -9223372036854775808", ["-2147483648", "-9223372036854775808"]),
    "doubles written out": ("cast(1e0 as varchar), cast(1e7 as varchar), cast(1.2e-4 as varchar), cast(-0e0 as varchar)",
                            ["1.0E0", "1.0E7", "1.2E-4", "-0E0"]),
    "numbers round half up when cast": ("cast(2.5e0 as integer), cast(-2.5e0 as integer), cast(2.5 as bigint)", ["3", "-3", "3"]),
    "texts read strictly": ("try_cast('1.5' as integer), try_cast(' 1' as bigint), try_cast('yes' as boolean), try_cast('1e3' as double)",
                            [None, None, None, "1000.0"]),
    "types are named": ("typeof(1), typeof(1.50), typeof(1e0), typeof('abc'), typeof(null), typeof(sum(1))",
                        ["integer", "decimal(3,2)", "double", "varchar(3)", "unknown", "bigint"]),
    "rounding": ("round(2.5), round(-2.5e0), round(2.345e0,1), round(25,-1), ceil(1.2), floor(-1.2)", ["3", "-3.0", "2.3", "30", "2", "-2"]),
    "a varchar is cut by a cast": ("cast('abcdef' as varchar(3))", ["abc"]),
    "complete units between moments": (
        "date_diff('day', timestamp '2024-01-01 23:00:00', timestamp '2024-01-02 22:59:59'), "
        "date_diff('hour', timestamp '2024-01-01 10:59:59', timestamp '2024-01-01 12:00:00'), "
        "date_diff('month', date '2024-03-31', date '2024-02-29'), date_diff('week', date '2024-01-10', date '2024-01-01')",
        ["0", "1", "-1", "-1"]),
    "months end where they end": ("date '2024-01-31' + interval '1' month, date_add('month', -1, date '2024-03-31')", ["2024-02-29", "2024-02-29"]),
    "Sunday is the seventh day": ("day_of_week(date '2024-01-07'), extract(dow from date '2024-01-07')", ["7", "7"]),
    "weeks belong to ISO years": ("week(date '2021-01-01'), year_of_week(date '2021-01-01')", ["53", "2020"]),
    "truncated moments keep their type": (
        "date_trunc('week', date '2024-01-07'), date_trunc('hour', timestamp '2024-05-17 10:11:12.345'), "
        "date_trunc('day', from_unixtime(1704103200) at time zone 'Asia/Tokyo')",
        ["2024-01-01", "2024-05-17 10:00:00.000", "2024-01-01 00:00:00.000 Asia/Tokyo"]),
    "zones stay with their moments": (
        "timestamp '2024-01-01 10:00:00 +02:00', timestamp '2024-01-01 10:00:00 UTC' at time zone 'America/New_York', "
        "hour(timestamp '2024-01-01 10:00:00 UTC' at time zone '+05:30')",
        ["2024-01-01 10:00:00.000 +02:00", "2024-01-01 05:00:00.000 America/New_York", "15"]),
    "the time of the query": ("current_date, now(), localtimestamp",
                              ["2026-01-01", "2026-01-01 00:00:00.500 UTC", "2026-01-01 00:00:00.500"]),
    "moments as texts": ("to_iso8601(timestamp '2024-01-01 10:00:00'), cast(timestamp '2024-01-01 10:00:00' as varchar), "
                         "date_format(timestamp '2024-01-05 09:02:03', '%Y-%m-%d %H:%i:%s %W'), "
                         "format_datetime(timestamp '2024-01-05 09:02:03', 'yyyy-MM-dd''T''HH:mm')",
                         ["2024-01-01T10:00:00", "2024-01-01 10:00:00", "2024-01-05 09:02:03 Friday", "2024-01-05T09:02"]),
    "texts as moments": ("from_iso8601_timestamp('2024-01-01T10:00:00.5-08:00'), date_parse('2024-01-05 01:02','%Y-%m-%d %H:%i'), "
                         "cast('2024-01-01 10:00:00.9996' as timestamp)",
                         ["2024-01-01 10:00:00.500 -08:00", "2024-01-05 01:02:00.000", "2024-01-01 10:00:01.000"]),
    "differences of moments": ("date '2024-03-01' - date '2024-02-01', interval '36' hour, interval '-14' month",
                               ["29 00:00:00.000", "1 12:00:00.000", "-1-2"]),
    "substrings": ("substr('hello',0), substr('hello',0,2), substr('hello',-3,2), substr('hello',-9), substr('héllo',2,1)", ["", "", "ll", "", "é"]),
    "characters, not bytes": ("length('héllo'), reverse('hé'), upper('straße'), lpad('abc',2,'x')", ["5", "éh", "STRAßE", "ab"]),
    "parts of texts": ("split('a,,b',','), split_part('a,b',',',5), strpos('abc','z'), concat_ws('-','a',null,'b')", ["[a, , b]", None, "0", "a-b"]),
    "NULL swallows a concatenation": ("'a' || null, concat('a', null), null like 'a'", [None, None, None]),
    "LIKE": ("'abc' like 'a%', 'abc' like 'A%', 'a%c' like 'a!%c' escape '!', 'abc' not like '_b_'", ["true", "false", "true", "false"]),
    "groups of patterns": (r"regexp_replace('ab','(a)(b)','$2$1'), regexp_extract('1a 2b','(\d)([a-z])',2), regexp_extract('x','\d'), "
                           r"regexp_extract('ab','(a)|(b)',2), regexp_split('a1b','\d')",
                           ["ba", "a", None, None, "[a, b]"]),
    "scalars of documents": ("""json_extract_scalar('{"a":1.50,"b":{"c":1},"d":null,"e":[true]}','$.a'), """
                             """json_extract_scalar('{"b":{"c":1}}','$.b'), json_extract_scalar('{"e":[true]}','$.e[0]'), """
                             """json_extract_scalar('nope','$.a')""", ["1.50", None, "true", None]),
    "documents": ("""json_extract('{"a": {"b": [1, 2]}}','$.a'), json_format(json_parse('{"b":1,"a":2}')), """
                  """cast(json_parse('{"x":[1]}') as map(varchar,array(integer)))""", ['{"b":[1,2]}', '{"a":2,"b":1}', "{x=[1]}"]),
    "arrays": ("array[1,2][1], element_at(array[1,2],-1), element_at(array[1],5), contains(array[1,null],2), slice(array[1,2,3],2,2), "
               "array_distinct(array[2,null,2]), array_join(array['a',null,'b'],',')",
               ["1", "2", None, None, "[2, 3]", "[2, null]", "a,b"]),
    "maps": ("map(array['a'],array[1])['a'], element_at(map(array['a'],array[1]),'z'), cardinality(map(array['a'],array[1])), "
             "map_filter(map(array['a','b'],array[1,2]),(k,v)->v>1)", ["1", None, "1", "{b=2}"]),
    "lambdas": ("transform(array[1,2],x->x*2), reduce(array[1,2],0,(s,x)->s+x,s->s), any_match(array[1,null],x->x>1), "
                "zip_with(array[1,2],array[3],(x,y)->y)", ["[2, 4]", "3", None, "[3, null]"]),
    "rows": ("cast(row(1,'x') as row(a integer, b varchar)), row(1,null) = row(2,null), (1,'a') in ((1,'a'))", ["{a=1, b=x}", "false", "true"]),
    "bytes": ("to_hex(md5(to_utf8('a'))), to_hex(xxhash64(to_utf8('a'))), x'00ff'", ["0CC175B9C0F1B6A831C399E269772661", "D24EC4F1A98C6E5B", "00 ff"]),
    "conditions": ("if(false,1), nullif(1,1), coalesce(null,2), greatest(1,null), 1 in (2,null), null and false, case 1 when 2 then 3 end",
                   [None, None, "2", None, None, "false", None]),
    "try": ("try(1/0), try(cast('x' as integer)), try(array[1][2])", [None, None, None]),
    "addresses": ("url_extract_host('https://u@h.com:80/p%20q?x'), url_extract_path('https://h/p%20q'), url_extract_host('http://a_b/')",
                  ["h.com", "/p q", ""]),
}  # fmt: skip


@pytest.mark.parametrize("case", ONE_ROW)
def test_an_expression_answers_as_trino_does(case: str) -> None:
    items, wanted = ONE_ROW[case]
    assert ask(f"SELECT {items}") == [wanted]


ROWS: dict[str, tuple[str, list[list[str | None]]]] = {
    "NULL comes last in both directions": ("SELECT x FROM (VALUES 1, null, 2) t(x) ORDER BY x DESC", [["2"], ["1"], [None]]),
    "an alias goes before a column in ORDER BY": ("SELECT -x AS x FROM (VALUES 1, 2) t(x) ORDER BY x", [["-2"], ["-1"]]),
    "an alias goes before a group in ORDER BY": (
        "SELECT -x AS x, count(*) FROM (VALUES 1, 2) t(x) GROUP BY x ORDER BY x",
        [["-2", "1"], ["-1", "1"]],
    ),
    "aggregates of nothing": ("SELECT count(*), sum(x), array_agg(x), count_if(x > 0) FROM (VALUES 1) t(x) WHERE false", [["0", None, None, "0"]]),
    "averages": ("SELECT avg(x), avg(d), sum(d) FROM (VALUES (1, 1.25), (2, 2.50), (4, 2.51)) t(x, d)", [["2.3333333333333335", "2.09", "6.26"]]),
    "a NULL can be what the greatest has": ("SELECT max_by(a, b), min_by(a, b) FROM (VALUES ('x', 1), (null, 2)) t(a, b)", [[None, "x"]]),
    "maps of groups": ("SELECT map_agg(k, v), multimap_agg(k, v), histogram(k) FROM (VALUES ('a', 1), ('a', 2), (null, 3)) t(k, v)",
                       [["{a=1}", "{a=[1, 2]}", "{a=2}"]]),
    "listagg": ("SELECT listagg(x, '-') WITHIN GROUP (ORDER BY x DESC) FROM (VALUES 'a', 'b') t(x)", [["b-a"]]),
    "filters of aggregates": ("SELECT sum(x) FILTER (WHERE x > 1), count(DISTINCT x) FROM (VALUES 1, 2, 2) t(x)", [["4", "2"]]),
    "rollup": ("SELECT k, sum(x), grouping(k) FROM (VALUES ('a', 1), ('b', 2)) t(k, x) GROUP BY ROLLUP (k) ORDER BY 1",
               [["a", "1", "0"], ["b", "2", "0"], [None, "3", "1"]]),
    "windows": ("SELECT x, sum(x) OVER (ORDER BY x ROWS BETWEEN 1 PRECEDING AND CURRENT ROW), lag(x, 1, 0) OVER (ORDER BY x), "
                "last_value(x) OVER (ORDER BY x), percent_rank() OVER (ORDER BY x) FROM (VALUES 1, 2, 3) t(x) ORDER BY x",
                [["1", "1", "0", "1", "0.0"], ["2", "3", "1", "2", "0.5"], ["3", "5", "2", "3", "1.0"]]),
    "windows over days": ("SELECT sum(x) OVER (ORDER BY d RANGE BETWEEN INTERVAL '1' DAY PRECEDING AND CURRENT ROW) FROM "
                          "(VALUES (date '2024-01-01', 1), (date '2024-01-02', 2), (date '2024-01-05', 3)) t(d, x) ORDER BY d", [["1"], ["3"], ["3"]]),
    "a window over groups": ("SELECT k, sum(count(*)) OVER () FROM (VALUES 'a', 'b', 'a') t(k) GROUP BY k ORDER BY k", [["a", "3"], ["b", "3"]]),
    "a named window": ("SELECT sum(x) OVER w FROM (VALUES 1, 2) t(x) WINDOW w AS (ORDER BY x) ORDER BY 1", [["1"], ["3"]]),
    "unnest with ordinality": ("SELECT x, n FROM UNNEST(ARRAY['a', 'b']) WITH ORDINALITY AS t(x, n)", [["a", "1"], ["b", "2"]]),
    "unnest of rows and maps": ("SELECT a, b, k FROM UNNEST(ARRAY[ROW(1, 'x')]) AS t(a, b), UNNEST(MAP(ARRAY['m'], ARRAY[0])) AS u(k, v)", [["1", "x", "m"]]),
    "unnest of two lengths": ("SELECT a, b FROM UNNEST(ARRAY[1, 2], ARRAY['x']) AS t(a, b) ORDER BY 1", [["1", "x"], ["2", None]]),
    "an outer unnest keeps the row": ("SELECT id, x FROM (VALUES (1, ARRAY[5]), (2, null)) t(id, a) LEFT JOIN UNNEST(a) AS u(x) ON TRUE ORDER BY 1", [["1", "5"], ["2", None]]),
    "USING gives one column": ("SELECT * FROM (VALUES (1, 'a')) a(id, x) JOIN (VALUES (1, 'b')) b(id, y) USING (id)", [["1", "a", "b"]]),
    "full join": ("SELECT * FROM (VALUES 1) a(x) FULL JOIN (VALUES 2) b(y) ON x = y ORDER BY 1", [["1", None], [None, "2"]]),
    "types meet in a union": ("SELECT 1 UNION ALL SELECT 2.5 ORDER BY 1", [["1.0"], ["2.5"]]),
    "recursion": ("WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 4) SELECT sum(n) FROM t", [["10"]]),
    "a correlated subquery": ("SELECT x, (SELECT count(*) FROM (VALUES 1, 2, 3) u(y) WHERE y < x) FROM (VALUES 2, 3) t(x) ORDER BY 1", [["2", "1"], ["3", "2"]]),
    "a part that fails is asked last": ("SELECT x FROM (VALUES 0, 2) t(x) WHERE x <> 0 AND 10 / x > 1", [["2"]]),
    "names are not told apart by case": ('SELECT "A", a FROM (VALUES 1) t(A)', [["1", "1"]]),
    "OFFSET before LIMIT": ("SELECT x FROM (VALUES 1, 2, 3) t(x) ORDER BY x OFFSET 1 LIMIT 1", [["2"]]),
}  # fmt: skip


@pytest.mark.parametrize("case", ROWS)
def test_a_query_answers_as_trino_does(case: str) -> None:
    sql, wanted = ROWS[case]
    assert ask(sql) == wanted


FAILING: dict[str, tuple[str, str]] = {
    "varchar and integer": ("SELECT 1 = '1'", "TYPE_MISMATCH: line 1:8: Cannot apply operator: integer = varchar(1)"),
    "date and varchar": ("SELECT date '2024-01-01' > '2023'", "TYPE_MISMATCH"),
    "numbers do not become texts": ("SELECT 1 || 'a'", "FUNCTION_NOT_FOUND"),
    "an unknown column": ("SELECT nope FROM (VALUES 1) t(x)", "COLUMN_NOT_FOUND: line 1:8: Column 'nope' cannot be resolved"),
    "an alias in WHERE": ("SELECT x AS y FROM (VALUES 1) t(x) WHERE y = 1", "COLUMN_NOT_FOUND"),
    "an alias in GROUP BY": ("SELECT x AS y, count(*) FROM (VALUES 1) t(x) GROUP BY y", "COLUMN_NOT_FOUND"),
    "an ambiguous column": ("SELECT x FROM (VALUES 1) a(x), (VALUES 1) b(x)", "AMBIGUOUS_NAME"),
    "a column outside the groups": ("SELECT k, x FROM (VALUES (1, 2)) t(k, x) GROUP BY k", "EXPRESSION_NOT_AGGREGATE"),
    "an aggregate in WHERE": ("SELECT 1 FROM (VALUES 1) t(x) WHERE sum(x) > 1", "EXPRESSION_NOT_SCALAR"),
    "an unknown table": ("SELECT 1 FROM nope", "TABLE_NOT_FOUND: line 1:15: Table 'awsdatacatalog.default.nope' does not exist"),
    "an unknown database": ("SELECT 1 FROM nope.t", "SCHEMA_NOT_FOUND"),
    "division by zero": ("SELECT 1 / 0", "DIVISION_BY_ZERO: Division by zero"),
    "overflow": ("SELECT 2147483647 + 1", "NUMERIC_VALUE_OUT_OF_RANGE"),
    "outside an array": ("SELECT ARRAY[1][2]", "INVALID_FUNCTION_ARGUMENT: Array subscript must be less than or equal to array length"),
    "a key that is not there": ("SELECT MAP(ARRAY['a'], ARRAY[1])['b']", "INVALID_FUNCTION_ARGUMENT: Key not present in map"),
    "a text that is no number": ("SELECT CAST('x' AS integer)", "INVALID_CAST_ARGUMENT"),
    "several rows for one value": ("SELECT (SELECT x FROM (VALUES 1, 2) t(x))", "SUBQUERY_MULTIPLE_ROWS"),
    "a wrong argument": ("SELECT lower(1)", "FUNCTION_NOT_FOUND: line 1:8: Unexpected parameters (integer) for function lower"),
    "two kinds in CASE": ("SELECT CASE WHEN true THEN 1 ELSE 'a' END", "TYPE_MISMATCH"),
    "hours of a date": ("SELECT date_trunc('hour', date '2024-01-01')", "INVALID_FUNCTION_ARGUMENT"),
    "half a syntax": ("SELECT FROM WHERE", "SYNTAX_ERROR: line 1:"),
    "another dialect's cast": ("SELECT 1::integer", "SYNTAX_ERROR: line 1:"),
    "another dialect's clause": ("SELECT x FROM (VALUES 1) t(x) QUALIFY row_number() OVER () = 1", "SYNTAX_ERROR"),
    "a name in single quotes": ("SELECT 1 AS 'x'", "SYNTAX_ERROR"),
    "LIMIT before OFFSET": ("SELECT 1 LIMIT 1 OFFSET 1", "SYNTAX_ERROR"),
    "an unequal union": ("SELECT 1 UNION SELECT 1, 2", "TYPE_MISMATCH"),
    "DISTINCT ordered by another": ("SELECT DISTINCT x FROM (VALUES (1, 2)) t(x, y) ORDER BY y", "EXPRESSION_NOT_IN_DISTINCT"),
}  # fmt: skip


@pytest.mark.parametrize("case", FAILING)
def test_a_mistake_fails_as_in_athena(case: str) -> None:
    sql, wanted = FAILING[case]
    assert str(failure(sql)).startswith(wanted)


REFUSED: dict[str, str] = {
    "an unknown function": "SELECT tdigest_agg(1e0)",
    "a quantile sketch": "SELECT approx_set('a')",
    "row patterns": "SELECT * FROM (VALUES 1) t(x) MATCH_RECOGNIZE (ORDER BY x MEASURES a.x AS y PATTERN (a) DEFINE a AS a.x > 0)",
    "samples": "SELECT x FROM (VALUES 1) t(x) TABLESAMPLE BERNOULLI (10)",
    "DISTINCT ON": "SELECT DISTINCT ON (x) x FROM (VALUES 1) t(x)",
    "GROUP BY ALL": "SELECT x FROM (VALUES 1) t(x) GROUP BY ALL",
    "natural joins": "SELECT 1 FROM (VALUES 1) a(x) NATURAL JOIN (VALUES 1) b(x)",
    "ILIKE": "SELECT 'a' ILIKE 'A'",
    "arrays in order": "SELECT ARRAY[1] < ARRAY[1]",
    "a pattern from the data": "SELECT regexp_like('a', x) FROM (VALUES 'a') t(x)",
    "a pattern of Java's": "SELECT regexp_like('a', '(?<=x)a')",
    "words' ends outside ASCII": r"SELECT regexp_extract('héllo', '\bllo')",
    "words' ends outside ASCII, tried": r"SELECT try(regexp_extract('héllo', '\bllo'))",
    "a broken document": """SELECT json_extract_scalar('{"a": 1', '$.a')""",
    "a broken document, tried": """SELECT try(json_extract_scalar('{"a": 1', '$.a'))""",
    "a wildcard in a path": "SELECT json_extract('{}', '$..a')",
    "a zone from the data": "SELECT hour(from_iso8601_timestamp(x)) FROM (VALUES '2024-01-01T00:00:00+02:00') t(x)",
    "a zone from the data in the result": "SELECT from_iso8601_timestamp(x) FROM (VALUES '2024-01-01T00:00:00+02:00') t(x)",
    "an hour that comes twice": "SELECT with_timezone(timestamp '2024-11-03 01:30:00', 'America/New_York')",
    "digits that only Java reads": "SELECT try_cast('１２' AS integer)",
    "the greatest of NaN": "SELECT greatest(nan(), 2e0)",
    "a try over an aggregate": "SELECT try(sum(x) / 0) FROM (VALUES 1) t(x)",
    "nanoseconds": "SELECT CAST('2024-01-01' AS timestamp(9))",
    "time of day": "SELECT current_time",
    "char": "SELECT CAST('a' AS char(3))",
    "a right join after a comma": "SELECT 1 FROM (VALUES 1) a(x), (VALUES 1) b(x) RIGHT JOIN (VALUES 1) c(x) ON b.x = c.x",
    "limits from a query": "SELECT 1 LIMIT (SELECT 1)",
    "who may do what": "SELECT * FROM information_schema.table_privileges",
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_known_to_be_right_is_refused(case: str) -> None:
    found = failure(REFUSED[case])
    assert found.name == "NOT_SUPPORTED"


def test_a_refusal_names_the_function_and_what_is_near() -> None:
    message = str(failure("SELECT from_iso8601_timestamp_nanos('a')"))
    assert "function from_iso8601_timestamp_nanos" in message
    assert "from_iso8601_timestamp;" in message or "from_iso8601_timestamp," in message


def test_a_function_that_trino_does_not_know_is_not_refused_but_unknown() -> None:
    assert str(failure("SELECT ifnull(1, 2)")) == "FUNCTION_NOT_FOUND: line 1:8: Function 'ifnull' not registered"


def test_unnamed_columns_are_named_by_their_place() -> None:
    query = ENGINE.translate(
        "SELECT count(*), 1 AS One, X FROM (VALUES 1) t(x) GROUP BY x", database="default", now=NOW
    )
    assert [column.shown for column in query.columns] == ["_col0", "One", "X"]


def test_no_value_of_the_data_is_in_an_error() -> None:
    error = failure("SELECT CAST(x AS integer) FROM (VALUES 'secret words') t(x)")
    assert "secret" not in str(error)


def test_the_list_of_what_is_tested_holds_the_usual_functions() -> None:
    names = translated_names()
    assert {"lower", "date_diff", "regexp_replace"} <= set(names["functions"])
    assert {"approx_percentile", "max_by"} <= set(names["aggregates"])
    assert "row_number" in names["window functions"]
