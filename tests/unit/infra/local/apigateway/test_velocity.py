"""Mapping templates as Java reads them, and what is not modelled."""

import cProfile
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.content_api.templates import put_many
from infra.local.apigateway.java_values import Input
from infra.local.apigateway.json_values import NotJsonError, NotModelledError
from infra.local.apigateway.velocity import check, context, render
from tests.pipeline.hostile_requests import EVENT

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
        ("#set($a = true)$a $input.path('$.x').startsWith('a')", {"x": "ab"}, "true true"),
        ("#set($a = 1)#foreach($b in [1, 2])#set($a = $a + $b)#end$a $!b $!foreach.index", {}, "4  "),
        ("#foreach($a in [1, 2])#foreach($a in ['x'])$a#end$a$foreach.index#end", {}, "x10x21"),
        ("#foreach($a in [1, 2])$velocityCount$foreach.hasNext #end", {}, "1true 2false "),
        ("#foreach($a in $input.path('$.none'))x#{end}none", {}, "none"),
        ("#if(1 == 2)a#elseif(1 < 2 && !(2 > 3 || 1 == 2))b#{else}c#end", {}, "b"),
        ("#if(1 + 2 * 3 == 7)seven#end", {}, "seven"),
        ("a#stop b", {}, "a"),
        ("$none $!none $!{none}x #[0] ##comment", {}, "$none  x #[0] "),
        ("#set($a = {'b': 'c'})$a.b $a['b'] $a.get('b')", {}, "c c $a.get('b')"),
        ("#set($a = [])#if($a.add('x'))$a.get(0)$a[0]#end", {}, "xx"),
        ("$input.path('$.x')[1]$input.path('$.x')[9]", {"x": [1, 2]}, "2$input.path('$.x')[9]"),
        ('#set($a = "b$stageVariables.name-c")$a', {}, "bvalue-c"),
        ("$input.path('$.x')", {"x": {"a": [True, None]}}, "{a=[true,null]}"),
    ],
)
def test_a_template_is_read_as_java_reads_it(template: str, body: object, text: str) -> None:
    assert made(template, body) == text


@pytest.mark.parametrize(
    "template",
    [
        *("$input.path('$.x').upper()", "$x.getClass()", "#if($a", "#macro(a)b#end", "#foreach($a in [1..3])$a#end"),
        *("#define($a)b#end$a", '#set($a = "#if(1 == 1)x#end")', "#evaluate('x')", "#include('x')"),
        "#if(1 == 1)" * 150 + "#end" * 150,
    ],
    ids=lambda template: template[:30],
)
def test_what_is_not_modelled_is_refused_when_it_is_read(template: str) -> None:
    with pytest.raises(NotModelledError):
        check(template)


def test_a_path_of_another_form_is_refused_by_name() -> None:
    with pytest.raises(NotModelledError, match="JSONPath"):
        made("$input.path('$..x')", {})


def test_a_body_that_is_no_json_is_said_to_be_none() -> None:
    with pytest.raises(NotJsonError):
        render("$input.json('$')", given=Input("{", {}), about=context({}), stage_variables={})


def test_a_loop_ends_after_a_thousand_rounds() -> None:
    assert made("#foreach($a in $input.path('$.x'))x#end", {"x": [0] * 1_500}) == "x" * 1_000


@pytest.mark.parametrize("template", ["#foreach($a in 'text')$a#end", "#set($input.x = 1)", "#set($a = 'x' - 1)"])
def test_what_cannot_be_done_is_said_to_be_not_modelled(template: str) -> None:
    with pytest.raises(NotModelledError):
        made(template, {})


def test_a_batch_of_events_costs_few_calls_each() -> None:
    events = {"events": [EVENT] * 20}
    made(put_many(), events)
    with cProfile.Profile() as profile:
        made(put_many(), events)
    calls = sum(one.callcount for one in profile.getstats()) / 20
    # By walking airspeed's tree they were some 6,500.
    assert calls < 1_000
