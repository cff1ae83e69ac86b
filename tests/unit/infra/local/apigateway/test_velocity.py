"""Mapping templates as Java reads them, and what is not modelled."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.apigateway.json_values import NotJsonError, NotModelledError
from infra.local.apigateway.velocity import Input, check, context, render

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4)
    ),
    max_leaves=12,
)


def made(template: str, body: object = None) -> str:
    return render(template, given=Input(json.dumps(body), {}), about=context({}), stage_variables={"name": "value"})


@given(JSON)
def test_json_of_the_body_is_json_whatever_it_holds(value: object) -> None:
    found = json.loads(made("""{"a": $input.json('$.x')}""", {"x": value}))["a"]
    assert found == value or (value is None and found == "")


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_base64_keeps_every_text(text: str) -> None:
    twice = made("$util.base64Decode($util.base64Encode($input.path('$.x')))", {"x": text})
    assert twice == text


@pytest.mark.parametrize(
    ("template", "body", "text"),
    [
        ("$input.path('$.x').length()", {"x": "😀"}, "2"),
        ("#if($input.path('$.x').matches('[a-z]'))yes#{else}no#end", {"x": "ab"}, "no"),
        ("$input.path('$.x')", {"x": True}, "true"),
        ("#foreach($a in $input.path('$.x').split('~'))<$a>#end", {"x": "a~b~~"}, "<a><b>"),
        ("$input.path('$.x').get('get')", {"x": {"get": "own"}}, "own"),
        ("#if($input.path('$.x').size() == 1)one#end", {"x": {"size": 5}}, "one"),
        ("#if($input.path('$.none') < 1)less#{else}no#end", {}, "no"),
        ("#set($a = 1)$stageVariables.name$a", {}, "value1"),
        ("$util.escapeJavaScript($input.path('$.x'))", {"x": "a'b\"c"}, "a\\'b\\\"c"),
        ("$input.path('$.x')", {"x": "$stageVariables.name #set($b = 1)"}, "$stageVariables.name #set($b = 1)"),
        ("$input.path('$.x').__class__", {"x": "s"}, "$input.path('$.x').__class__"),
    ],
)
def test_a_template_is_read_as_java_reads_it(template: str, body: object, text: str) -> None:
    assert made(template, body) == text


@pytest.mark.parametrize("template", ["$input.path('$.x').upper()", "$x.getClass()", "#if($a"])
def test_what_is_not_modelled_is_refused_when_it_is_read(template: str) -> None:
    with pytest.raises(NotModelledError):
        check(template)


def test_a_path_of_another_form_is_refused_by_name() -> None:
    with pytest.raises(NotModelledError, match="JSONPath"):
        made("$input.path('$..x')", {})


def test_a_body_that_is_no_json_is_said_to_be_none() -> None:
    with pytest.raises(NotJsonError):
        render("$input.json('$')", given=Input("{", {}), about=context({}), stage_variables={})
