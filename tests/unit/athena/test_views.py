"""The view's text: the contract's columns, the statement, and the form Athena keeps in the catalog."""

import base64
import json

import pytest

from athena import views
from glue.contract import BadRow, VerdictRow


def test_the_view_has_the_columns_of_the_contract_and_the_day() -> None:
    selected = views.view_sql().partition("SELECT")[2].partition("FROM")[0]
    names = [name.strip() for name in selected.split(",")]
    assert names == [*VerdictRow.__struct_fields__, "dt"]
    assert names == [name for name, _ in views.view_columns()]


@pytest.mark.parametrize("name", views.NAMES)
def test_a_view_says_what_it_answers_and_its_columns_have_types(name: str) -> None:
    assert views.view_question(name).endswith("?")
    assert dict(views.view_columns(name))["dt"] == "string"
    assert views.create_view("lake", name).startswith(f'CREATE OR REPLACE VIEW "lake"."{name}" AS')


def test_the_quarantine_view_has_the_columns_of_the_contract_and_the_day() -> None:
    assert [name for name, _ in views.view_columns("current_quarantine")] == [*BadRow.__struct_fields__, "dt"]


def test_every_window_is_partitioned_by_day_first() -> None:
    assert views.view_sql().count("OVER (") == views.view_sql().count("PARTITION BY dt, event_id") == 3


def test_the_catalog_holds_the_view_as_athena_writes_it() -> None:
    found = views.glue_table_input("streamkeeper")
    text = found["ViewOriginalText"]
    assert text.startswith("/* Presto View: ")
    assert text.endswith(" */")
    document = json.loads(base64.b64decode(text.removeprefix("/* Presto View: ").removesuffix(" */")))
    assert document["originalSql"] == views.view_sql()
    assert (document["catalog"], document["schema"]) == ("awsdatacatalog", "streamkeeper")
    types = {column["name"]: column["type"] for column in document["columns"]}
    assert types["created_at"] == "timestamp(3)"
    assert types["labels"] == "array(varchar)"
    assert types["signals"] == "array(row(detector varchar, label varchar, score double, rule varchar))"
    assert found["TableType"] == "VIRTUAL_VIEW"
    assert found["Parameters"]["presto_view"] == "true"
    hive = {column["Name"]: column["Type"] for column in found["StorageDescriptor"]["Columns"]}
    assert hive.keys() == types.keys()
    assert hive["labels"] == "array<string>"


def test_the_template_may_put_the_database_in_by_substitution() -> None:
    assert views.view_definition("${Database}").count("${") == 1
    assert views.view_definition("${Database}").replace("${Database}", "x") == views.view_definition("x")
    assert "\n" not in views.view_definition("x")


@pytest.mark.parametrize("database", ["", 'a"b', "A", "x; DROP TABLE y", "a-b", "x" * 129, "a\n"])
def test_a_database_name_that_is_none_is_refused(database: str) -> None:
    with pytest.raises(ValueError, match="is not 1 to 128"):
        views.create_view(database)


@pytest.mark.parametrize(
    ("hive", "presto"),
    [
        ("map<string,array<bigint>>", "map(varchar, array(bigint))"),
        (
            "struct<a:struct<b:double,c:boolean>,d:map<string,string>>",
            "row(a row(b double, c boolean), d map(varchar, varchar))",
        ),
    ],
)
def test_nested_types_are_written_the_engines_way(hive: str, presto: str) -> None:
    assert views.presto_type(hive) == presto


@pytest.mark.parametrize("hive", ["uniontype<string>", "blob", "array<blob>", "map<string,blob>"])
def test_a_type_that_no_table_has_is_refused_by_name(hive: str) -> None:
    with pytest.raises(ValueError, match=r"uniontype|Hive type 'blob'"):
        views.presto_type(hive)
