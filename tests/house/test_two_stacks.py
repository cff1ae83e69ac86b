"""Two stacks of the template live side by side in one account: nothing that one of them names is the other's too."""

from typing import Any

from infra.local.cloudformation.intrinsics import Resolver, parameter_values
from infra.local.cloudformation.provision import read_template
from tests.house.test_replacements import at, schema_of

TEMPLATE = read_template()


def identities(stack_name: str) -> dict[str, list[str]]:
    """By resource: what the template itself says of the properties that tell it from all others of its type."""
    resolver = Resolver(
        TEMPLATE,
        parameters=parameter_values(TEMPLATE, {"ScoreKeys": f"team:{'0' * 64}:5"}),
        pseudo={
            "AWS::AccountId": "111122223333",
            "AWS::Region": "eu-west-1",
            "AWS::Partition": "aws",
            "AWS::StackName": stack_name,
        },
        # What names another resource of the stack is as much the stack's own as that one is.
        attribute=lambda name, _: f"<{stack_name}.{name}>",
    )
    found: dict[str, list[str]] = {}
    for name, resource in TEMPLATE["Resources"].items():
        given: Any = resolver.resolve(resource.get("Properties", {}), name)
        if resource["Type"] == "AWS::Glue::Database":
            found[name] = [given["DatabaseInput"]["Name"]]
            continue
        paths = [tuple(path.split("/")[2:]) for path in schema_of(resource["Type"]).get("primaryIdentifier", [])]
        known = [str(at(given, path)) for path in paths if at(given, path) is not None]
        if known:
            found[name] = known
    return found


def test_no_resource_of_one_stack_has_the_name_of_another_s() -> None:
    one, two = identities("streamkeeper"), identities("streamkeeper-dev")
    assert {"ModerateFunction", "Database", "WorkGroup", "EventBus", "VerdictsTable"} <= set(one)
    assert [name for name, identity in one.items() if identity == two[name]] == []
