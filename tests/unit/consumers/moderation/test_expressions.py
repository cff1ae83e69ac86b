"""What is known beforehand of the bundle's expressions is what would be found out."""

import json

from hypothesis import given
from hypothesis import strategies as st

from consumers.moderation.expressions import fingerprint, is_known, ways
from consumers.moderation.literals import needed
from consumers.moderation.policy import Policy
from consumers.policies import read_policy
from consumers.policy_tools.expressions import PATH, expressions, rendered


def test_what_is_known_is_up_to_date() -> None:
    assert PATH.read_text("utf-8") == rendered(), "stale: run make render"


def test_all_expressions_of_the_bundle_are_known_and_need_what_would_be_found() -> None:
    found = list(expressions())
    assert len(found) > 100
    assert [one for one in found if not is_known(one) or ways(one) != needed(one)] == []


def test_each_pattern_of_the_default_policy_is_among_them() -> None:
    assert {rule.pattern for rule in Policy.load(read_policy("default")).patterns} <= set(expressions())


@given(st.text())
def test_any_other_expression_is_asked_for_what_it_needs(expression: str) -> None:
    assert ways(expression) == needed(expression)


def test_what_nobody_rendered_is_not_known() -> None:
    known = json.loads(PATH.read_text("utf-8"))
    assert fingerprint("(unclosed") not in known
    assert not is_known("(unclosed")
