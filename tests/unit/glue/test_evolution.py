"""The contract may grow, and never change under its readers."""

import copy

from glue.catalog.render.json_schema import event_schema
from glue.evolution import incompatible_columns, incompatible_events


def test_a_new_optional_field_and_a_new_last_column_are_fine() -> None:
    grown = copy.deepcopy(event_schema())
    grown["properties"]["mood"] = {"type": "string"}
    assert incompatible_events(event_schema(), grown) == []
    assert incompatible_columns([("a", "string")], [("a", "string"), ("b", "bigint")]) == []


def test_a_field_that_goes_or_changes_or_becomes_required_is_named() -> None:
    broken = copy.deepcopy(event_schema())
    del broken["properties"]["hold"]
    broken["properties"]["text"]["maxLength"] = 10
    broken["required"].append("language")
    assert [sentence.split(";")[0] for sentence in incompatible_events(event_schema(), broken)] == [
        "field language became required",
        "field text changed its rule",
        "field hold is gone",
    ]


def test_another_description_changes_nothing() -> None:
    reworded = copy.deepcopy(event_schema())
    reworded["properties"]["text"]["description"] = "in other words"
    assert incompatible_events(event_schema(), reworded) == []


def test_columns_that_go_or_change_or_move_are_named() -> None:
    old = [("a", "string"), ("b", "bigint"), ("c", "string")]
    assert incompatible_columns(old, [("b", "bigint"), ("a", "double")]) == [
        "column a was string and is double; allowed: the same type",
        "column c is gone; allowed: to keep it",
        "released columns changed their order; allowed: new columns after them",
    ]
