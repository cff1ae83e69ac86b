"""The rights that calls need, of services whose resources are named in more than one way."""

import pytest

from infra.rights.needs import Need, Where, needs

HERE = Where("111122223333", "eu-west-1")
PARAMETERS = "arn:aws:ssm:eu-west-1:111122223333:parameter"


@pytest.mark.parametrize(
    ("operation", "given", "resources"),
    [
        ("GetParametersByPath", {"Path": "/streamkeeper/webhooks/"}, ["/streamkeeper/webhooks"]),
        ("GetParametersByPath", {"Path": "/streamkeeper/webhooks"}, ["/streamkeeper/webhooks"]),
        ("GetParameter", {"Name": "/streamkeeper/webhooks/shop"}, ["/streamkeeper/webhooks/shop"]),
        ("GetParameter", {"Name": "plain"}, ["/plain"]),
        ("PutParameter", {"Name": "/a/b"}, ["/a/b"]),
        ("GetParameters", {"Names": ["/a", "b"]}, ["/a", "/b"]),
        ("DeleteParameters", {"Names": ["/a"]}, ["/a"]),
    ],
)
def test_a_parameter_is_named_alone_in_a_list_or_by_its_path(
    operation: str, given: dict[str, object], resources: list[str]
) -> None:
    assert needs("ssm", operation, given, HERE) == [Need(f"ssm:{operation}", PARAMETERS + one) for one in resources]


def test_what_names_no_parameter_is_of_all() -> None:
    assert needs("ssm", "DescribeParameters", {}, HERE) == [Need("ssm:DescribeParameters", "*")]


def test_a_parameter_may_be_named_by_its_arn() -> None:
    assert needs("ssm", "GetParameter", {"Name": f"{PARAMETERS}/a"}, HERE)[0].resource == f"{PARAMETERS}/a"


def test_a_role_that_cloudformation_works_with_is_passed_to_it() -> None:
    here = Where("111122223333", "eu-west-1")
    given = {"StackName": "s", "RoleARN": "arn:aws:iam::111122223333:role/works"}
    change, passed = needs("cloudformation", "CreateChangeSet", given, here)
    assert change == Need("cloudformation:CreateChangeSet", "arn:aws:cloudformation:eu-west-1:111122223333:stack/s/*")
    to = {"iam:PassedToService": "cloudformation.amazonaws.com"}
    assert passed == Need("iam:PassRole", "arn:aws:iam::111122223333:role/works", to)
    assert needs("cloudformation", "DescribeStacks", {"StackName": "s"}, here) == [
        Need("cloudformation:DescribeStacks", change.resource)
    ]
