"""What whoever deploys is told of the canary, and of a version that came back."""

import pytest

from infra.deploying.going_over import ALIAS, TYPE, after_it_came_back, of_the_alias
from infra.deploying.stacks import Change
from infra.local.cloudformation.provision import read_template, translate

MOVED = [Change("Modify", ALIAS, "AWS::Lambda::Alias")]


@pytest.mark.parametrize("how", read_template()["Parameters"][TYPE]["AllowedValues"])
def test_each_kind_of_deployment_is_told_with_its_time(how: str) -> None:
    said = of_the_alias(MOVED, how)
    assert said.startswith("The gate compares")
    assert ("nothing takes it back" in said) == (how == "AllAtOnce")
    assert ("minute" in said.partition("; then")[2]) == (how != "AllAtOnce")


@pytest.mark.parametrize("changes", [[], [Change("Add", ALIAS, "AWS::Lambda::Alias")], [Change("Modify", "X", "Y")]])
def test_nothing_is_told_where_no_batch_goes_over(changes: list[Change]) -> None:
    assert of_the_alias(changes, "Canary10Percent5Minutes") == ""


def test_the_alias_is_the_templates() -> None:
    assert translate(read_template(), "eu-west-1")["Resources"][ALIAS]["Type"] == "AWS::Lambda::Alias"


def test_a_version_that_came_back_says_where_to_look_and_another_failure_does_not() -> None:
    said = after_it_came_back("streamkeeper", {ALIAS: "Deployment d-1 was stopped"})
    for word in ("streamkeeper-gate", "CanaryErrorAlarm", "CanarySlowAlarm", "docs/runbook.md", "another policy"):
        assert word in said
    assert after_it_came_back("streamkeeper", {"LakeBucket": "denied"}) == ""
