"""Templates read, parameters bounded, intrinsic functions resolved."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.cloudformation.intrinsics import (
    Resolver,
    TemplateError,
    creation_order,
    load_template,
    parameter_values,
    references,
)

PSEUDO = {"AWS::Region": "eu-west-1", "AWS::AccountId": "111122223333"}


def resolver(template: dict[str, Any] | None = None, **parameters: Any) -> Resolver:
    made = {("Lake", None): "lake-1", ("Lake", "Arn"): "arn:aws:s3:::lake-1"}

    def attribute(name: str, attribute: str | None) -> str:
        if (name, attribute) not in made:
            raise TemplateError(f"{name}.{attribute}")
        return made[name, attribute]

    return Resolver(template or {}, parameters=parameters, pseudo=PSEUDO, attribute=attribute)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"Ref": "Shards"}, 4),
        ({"Ref": "AWS::Region"}, "eu-west-1"),
        ({"Ref": "Lake"}, "lake-1"),
        ({"Fn::GetAtt": ["Lake", "Arn"]}, "arn:aws:s3:::lake-1"),
        ({"Fn::GetAtt": "Lake.Arn"}, "arn:aws:s3:::lake-1"),
        ({"Fn::Sub": "${Lake.Arn}/${AWS::AccountId}/${Shards}"}, "arn:aws:s3:::lake-1/111122223333/4"),
        ({"Fn::Sub": "dt=${!dt}/"}, "dt=${dt}/"),
        ({"Fn::Sub": ["${a}-${Lake}", {"a": {"Ref": "Shards"}}]}, "4-lake-1"),
        ({"Fn::Join": ["/", ["a", {"Ref": "Lake"}, 3]]}, "a/lake-1/3"),
        ({"Fn::Select": [1, {"Fn::Split": [",", "a,b"]}]}, "b"),
        ({"Fn::FindInMap": ["Sizes", {"Ref": "AWS::Region"}, "small"]}, 7),
        ({"Fn::If": ["Many", "yes", "no"]}, "yes"),
        ({"Fn::If": ["Few", "yes", {"Ref": "Lake"}]}, "lake-1"),
        ({"a": {"Fn::If": ["Few", 1, {"Ref": "AWS::NoValue"}]}, "b": 2}, {"b": 2}),
        ([1, {"Ref": "AWS::NoValue"}, 2], [1, 2]),
        ({"Condition": {"StringEquals": {"k": {"Ref": "Lake"}}}}, {"Condition": {"StringEquals": {"k": "lake-1"}}}),
        (True, True),
    ],
)
def test_a_function_gives_its_value(value: Any, expected: Any) -> None:
    template = {
        "Mappings": {"Sizes": {"eu-west-1": {"small": 7}}},
        "Conditions": {
            "Few": {"Fn::Equals": [{"Ref": "Shards"}, "1"]},
            "Many": {"Fn::And": [{"Fn::Not": [{"Condition": "Few"}]}, {"Fn::Or": [{"Condition": "Few"}, True]}]},
        },
    }
    assert resolver(template, Shards=4).resolve(value) == expected


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"Fn::ImportValue": "x"}, "Fn::ImportValue is not handled"),
        ({"Fn::Transform": {"Name": "x"}}, "Fn::Transform is not handled"),
        ({"Fn::If": ["Nowhere", 1, 2]}, "no condition named Nowhere"),
        ({"Fn::Join": ["a"]}, "takes a list of 2"),
        ({"Fn::Select": [5, ["a"]]}, "Fn::Select 5 of 1"),
        ({"Fn::FindInMap": ["a", "b", "c"]}, "finds nothing"),
        ({"Fn::Join": ["", [["a"]]]}, "text is needed, not list"),
        ({"Ref": "Nobody"}, "Nobody"),
    ],
)
def test_a_function_that_cannot_be_resolved_is_an_error_that_names_it(value: Any, said: str) -> None:
    with pytest.raises(TemplateError, match=said):
        resolver().resolve({"x": value}, "Place")


def test_short_forms_are_read_as_long_ones() -> None:
    template = load_template(
        """
        Conditions: {A: !Not [!Condition B], B: !Equals [!Ref P, "1"]}
        Resources:
          R: {Type: T, Properties: {X: !GetAtt Q.Arn.Sub, Y: !Sub ["${a}", {a: !Ref P}]}}
        """
    )
    assert template["Conditions"]["A"] == {"Fn::Not": [{"Condition": "B"}]}
    assert template["Resources"]["R"]["Properties"] == {
        "X": {"Fn::GetAtt": ["Q", "Arn.Sub"]},
        "Y": {"Fn::Sub": ["${a}", {"a": {"Ref": "P"}}]},
    }


@pytest.mark.parametrize(
    "text", ["", "[1]", "a: 1", "Resources: []", "a: [", "Resources: {A: !!python/name:os.system x}"]
)
def test_what_is_no_template_is_refused(text: str) -> None:
    with pytest.raises(TemplateError):
        load_template(text)


PARAMETERS = {
    "Parameters": {
        "Count": {"Type": "Number", "Default": 2, "MinValue": 1, "MaxValue": 9},
        "Name": {"Type": "String", "Default": "a", "AllowedPattern": "[a-z]+"},
        "Days": {"Type": "Number", "Default": 7, "AllowedValues": [1, 7]},
    }
}


@pytest.mark.parametrize(
    ("given", "expected"),
    [({}, {"Count": 2, "Name": "a", "Days": 7}), ({"Count": "9", "Days": "1"}, {"Count": 9, "Name": "a", "Days": 1})],
)
def test_parameters_take_what_is_given_else_their_default(given: dict[str, object], expected: dict[str, Any]) -> None:
    assert parameter_values(PARAMETERS, given) == expected


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"Count": 0}, "parameter Count: 0 is outside 1 to 9"),
        ({"Count": "ten"}, "parameter Count: 'ten' is not a number"),
        ({"Count": True}, "is not a number"),
        ({"Name": "A"}, "does not match"),
        ({"Days": 3}, "parameter Days: 3 is not one of 1, 7"),
        ({"Other": 3}, "no such parameter: Other; there are Count, Days, Name"),
    ],
)
def test_a_value_outside_a_parameters_bounds_is_refused_by_name(given: dict[str, object], said: str) -> None:
    with pytest.raises(TemplateError, match=said):
        parameter_values(PARAMETERS, given)


def test_resources_come_after_what_they_refer_to() -> None:
    order = creation_order(
        {
            "Rule": {"Properties": {"Target": {"Fn::GetAtt": ["Queue", "Arn"]}}},
            "Queue": {"Properties": {"Name": {"Fn::Sub": "${Bus}-queue"}}, "DependsOn": "Log"},
            "Bus": {},
            "Log": {"DependsOn": ["Bus"]},
        }
    )
    assert order == ["Bus", "Log", "Queue", "Rule"]


@pytest.mark.parametrize(
    "resources",
    [
        {"A": {"Properties": {"X": {"Ref": "B"}}}, "B": {"Properties": {"X": {"Ref": "A"}}}},
        {"A": {"DependsOn": "Nobody"}},
    ],
)
def test_resources_that_can_never_be_made_are_named(resources: dict[str, Any]) -> None:
    with pytest.raises(TemplateError, match="A"):
        creation_order(resources)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=30))
def test_the_order_holds_for_any_template_without_circles(pairs: list[tuple[int, int]]) -> None:
    resources = {
        f"R{n}": {"Properties": {"X": [{"Ref": f"R{low}"} for low, high in pairs if high == n and low < n]}}
        for n in reversed(range(10))
    }
    order = creation_order(resources)
    assert sorted(order) == sorted(resources)
    for name, resource in resources.items():
        assert all(order.index(other) < order.index(name) for other in references(resource))


def test_a_text_that_is_not_yaml_is_refused_in_one_line_that_says_where() -> None:
    with pytest.raises(TemplateError) as refused:
        load_template("Resources:\n  A:\n   Type: AWS::X\n  - b\n")
    assert str(refused.value) == "the template is not YAML: line 4, column 3: expected <block end>, but found '-'"
