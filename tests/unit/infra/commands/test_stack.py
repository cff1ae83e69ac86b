"""A stack's outputs: what is said of one that is not there."""

import re
from pathlib import Path

import pytest

from glue.terminal.errors import UnreachableError
from infra.commands.stack import _ONLY_WITH, output

TEMPLATE = Path(__file__).parents[4] / "infra" / "aws" / "template.yaml"


def test_an_output_that_needs_a_parameter_names_it() -> None:
    with pytest.raises(UnreachableError, match="stack 'mine' was deployed without Webhook=on"):
        output({"LakeBucketName": "b"}, "WebhookQueueUrl", stack="mine")


def test_a_template_of_another_kind_is_told_by_what_it_has() -> None:
    with pytest.raises(UnreachableError, match="stack 'mine' has no output LakeBucketName, only Other"):
        output({"Other": "b"}, "LakeBucketName", stack="mine")


def test_a_stack_of_another_template_is_not_sent_to_deploy_ours_when_a_name_will_do() -> None:
    with pytest.raises(UnreachableError, match=r"'clicks' has no output ModerateFunctionName; name a function: --f$"):
        output({}, "ModerateFunctionName", stack="clicks", instead="name a function: --f")


@pytest.mark.parametrize(("name", "parameter"), _ONLY_WITH.items())
def test_the_parameters_named_are_the_template_s(name: str, parameter: str) -> None:
    text = TEMPLATE.read_text("utf-8")
    key, value = parameter.split("=")
    [condition] = re.findall(rf"^  {name}:\n    Condition: (\w+)$", text, re.MULTILINE)
    assert re.search(rf'^  {condition}: !Equals \[!Ref {key}, "?{value}"?\]$', text, re.MULTILINE)
