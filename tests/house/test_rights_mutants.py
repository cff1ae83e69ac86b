"""Each statement of each policy in the template, dropped, thinned, widened, turned round: a rule finds every one."""

import inspect
import json
from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest

from infra.local.cloudformation.intrinsics import Template
from infra.local.cloudformation.provision import read_template
from infra.local.defaults import TEMPLATE
from infra.local.keys import policy_of_key
from infra.rights.needs import Where
from tests.house import deployer_rules, key_rules, people_rules, rights_rules, template_rules, trace_rules
from tests.house.template_rules import Rule, Stack, listed

RULES: list[Rule] = [
    *(
        rule
        for module in (rights_rules, key_rules, trace_rules, people_rules)
        for name, rule in vars(module).items()
        if inspect.isfunction(rule) and rule.__module__ == module.__name__
        if list(inspect.signature(rule).parameters) == ["stack"] and not name.startswith("_")
    ),
    template_rules.managed_ai_is_allowed_by_its_parameters_only,
]
KEPT = ("Alarm", "Query", "View", "Dashboard")
"""What no rule on rights looks at is left out, since each mutant is read anew."""
FOREIGN = {"AWS": "arn:aws:iam::999999999999:root"}


def without_bystanders(template: Template) -> Template:
    found = deepcopy(template)
    found["Resources"] = {name: one for name, one in found["Resources"].items() if not name.endswith(KEPT)}
    return found


def documents(resource: dict[str, Any]) -> list[tuple[str, list[Any]]]:
    """Every policy of a resource with its name: of a role its trust and its own, of a bucket, of queues."""
    properties = resource.get("Properties", {})
    inline = properties.get("Policies", []) if resource["Type"] == "AWS::IAM::Role" else []
    found = [(str(policy["PolicyName"]), policy["PolicyDocument"]["Statement"]) for policy in inline]
    for key in ("AssumeRolePolicyDocument", "PolicyDocument"):
        if key in properties:
            found.append((key, properties[key]["Statement"]))
    return found


def mutants(stack: Stack) -> Iterator[tuple[str, str, Stack]]:
    for name, resource in stack.raw.items():
        for at, (policy, statements) in enumerate(documents(resource)):
            for index, statement in enumerate(statements):
                plain = statement["Fn::If"][1] if "Fn::If" in statement else statement
                for kind, change in changes(plain):
                    mutant = deepcopy(resource)
                    there = documents(mutant)[at][1]
                    if kind == "statement dropped":
                        del there[index]
                    else:
                        one = there[index]
                        change(one["Fn::If"][1] if "Fn::If" in one else one)
                    yield f"{name}.{policy}[{index}] {plain.get('Sid', '')}", kind, stack.changed(name, mutant)


def changes(statement: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    yield "statement dropped", None
    yield "effect turned round", lambda one: one.update(Effect="Allow" if one["Effect"] == "Deny" else "Deny")
    if "Condition" in statement:
        yield "condition dropped", lambda one: one.pop("Condition")
    if "Principal" in statement and statement["Effect"] == "Allow":
        yield "foreign principal", lambda one: one.update(Principal=FOREIGN)
        yield "any principal", lambda one: one.update(Principal="*")
        yield "foreign principal added", lambda one: one["Principal"].update(FOREIGN)
    actions = listed(statement["Action"])
    for action in actions if statement["Effect"] == "Allow" else ():
        rest = [one for one in actions if one != action]
        if rest:
            yield "action dropped", lambda one, rest=rest: one.update(Action=rest)
        wide = f"{action.partition(':')[0]}:*"
        yield "action widened", lambda one, rest=rest, wide=wide: one.update(Action=[*rest, wide])
    resources = listed(statement.get("Resource", []))
    for resource in resources if isinstance(resources, list) else ():
        others = [one for one in resources if one != resource]
        if others:
            yield "resource dropped", lambda one, others=others: one.update(Resource=others)
        if resource != "*" and statement["Effect"] == "Allow":
            yield "resource widened", lambda one, others=others: one.update(Resource=[*others, "*"])


def finds(stack: Stack) -> bool:
    for rule in RULES:
        try:
            if rule(stack):
                return True
        except (KeyError, ValueError, TypeError, IndexError):
            return True
    return False


@pytest.mark.heavy
def test_every_mutant_of_a_policy_is_found_and_the_template_itself_is_not() -> None:
    stack = Stack(without_bystanders(read_template()))
    assert stack.keyed is not stack
    assert not finds(stack)
    made: Counter[str] = Counter()
    missed = []
    for where, kind, mutant in mutants(stack):
        made[kind] += 1
        if not finds(mutant):
            missed.append(f"{kind}: {where}")
    assert missed == [], f"{len(missed)} of {made.total()} are not found"
    assert min(made.values()) >= 3, made
    assert made.total() >= 500


def test_every_mutant_of_the_keys_policy_is_found_and_the_policy_itself_is_not() -> None:
    stack = Stack(without_bystanders(read_template()))
    given = json.loads(policy_of_key(Where(rights_rules.ACCOUNT, rights_rules.REGION), "streamkeeper"))
    assert key_rules.of_the_policy(given, stack) == []
    missed, made = [], 0
    for index, statement in enumerate(given["Statement"]):
        for kind, change in changes(statement):
            mutant = deepcopy(given)
            if kind == "statement dropped":
                del mutant["Statement"][index]
            else:
                change(mutant["Statement"][index])
            if listed(statement["Action"]) == ["kms:*"] and kind == "action widened":
                continue  # it is everything already
            made += 1
            if not key_rules.of_the_policy(mutant, stack):
                missed.append(f"{kind}: {statement['Sid']}")
    assert missed == []
    assert made >= 40


def test_every_mutant_of_the_deployers_rights_is_found_and_they_themselves_are_not() -> None:
    template = read_template(TEMPLATE.with_name("deployer.yaml"))
    template["Parameters"]["DeployerPrincipals"]["Default"] = rights_rules.ACCOUNT
    template["Parameters"]["CloudFormationRoleArn"]["Default"] = deployer_rules.WORKS_WITH
    stack = Stack(template)
    rule = deployer_rules.deployers_may_do_what_the_commands_do
    assert rule(stack) == []
    missed = [f"{kind}: {where}" for where, kind, mutant in mutants(stack) if not rule(mutant)]
    assert missed == []


def test_deployers_look_at_what_the_template_makes() -> None:
    """Their rights are by name, since their role is there before the stack; the names are made of these."""
    resources = read_template()["Resources"]
    assert {"ContentStream", "DeadLetterBucket", "EnforcementQueue", "LakeBucket", "ResultBucket"} <= set(resources)
    assert not {"Name", "BucketName", "QueueName"} & {
        key for name in ("ContentStream", "LakeBucket", "EnforcementQueue") for key in resources[name]["Properties"]
    }
    assert resources["ModerateFunction"]["Properties"]["FunctionName"] == {"Fn::Sub": "${AWS::StackName}-moderate"}
