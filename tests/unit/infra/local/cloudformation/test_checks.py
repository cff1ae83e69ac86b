"""What AWS would refuse is refused before anything is made."""

import pytest

from infra.local.cloudformation.checks import check_stack
from infra.local.cloudformation.intrinsics import TemplateError, load_template
from infra.local.defaults import ACCOUNT_ID, TEMPLATE

WHOLE = load_template(TEMPLATE.read_text(encoding="utf-8"))


def check(stack_name: str = "streamkeeper", **parameters: object) -> None:
    check_stack(WHOLE, stack_name=stack_name, parameters=parameters, account_id=ACCOUNT_ID)


@pytest.mark.parametrize("name", ["streamkeeper", "a", "x" * 52, "team-7"])
def test_names_that_aws_takes_in_every_region_are_taken(name: str) -> None:
    check(name)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("My-Streamkeeper-Production", "use at most 52 of a-z 0-9 -"),
        ("Prod", "use at most 52 of a-z 0-9 -"),
        ("x" * 53, "use at most 52 of a-z 0-9 -"),
        ("primary", "is not primary, which every account has"),
        ("default", "is not default, which every account has"),
        ("x" * 500, "begins with a letter and has 1 to 128"),
        ("", "begins with a letter"),
        ("7teams", "begins with a letter"),
        ("two words", "begins with a letter"),
        ("under_score", "begins with a letter"),
        ("ends-\n", "begins with a letter"),
    ],
)
def test_names_that_aws_refuses_are_refused_with_what_is_allowed(name: str, said: str) -> None:
    with pytest.raises(TemplateError, match=said):
        check(name)


def test_a_name_that_a_parameter_spoils_is_refused_too() -> None:
    template = {
        "Parameters": {"Name": {"Type": "String", "Default": "ok-name"}},
        "Resources": {"B": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": {"Ref": "Name"}}}},
    }
    check_stack(template, stack_name="s", parameters={}, account_id=ACCOUNT_ID)
    with pytest.raises(TemplateError, match=r"a bucket's name has 3 to 63 .*; received 'No Name'"):
        check_stack(template, stack_name="s", parameters={"Name": "No Name"}, account_id=ACCOUNT_ID)


def test_wrong_parameters_are_refused() -> None:
    with pytest.raises(TemplateError, match="no such parameter: Shards"):
        check(Shards=3)
    with pytest.raises(TemplateError, match="ShardCount"):
        check(ShardCount="many")
