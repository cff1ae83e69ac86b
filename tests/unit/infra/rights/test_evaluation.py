"""AWS's evaluation logic, case by case as its guide tells it."""

from typing import Any

import pytest

from infra.rights.conditions import ConditionError, hold
from infra.rights.evaluation import Ask, Policies, Principal, decide

OURS, THEIRS = "111122223333", "999999999999"
ROLE = Principal(arn=f"arn:aws:iam::{OURS}:role/r", account=OURS)
FOREIGN = Principal(arn=f"arn:aws:iam::{THEIRS}:role/r", account=THEIRS)
EVENTS = Principal(service="events.amazonaws.com", account=OURS)
OBJECT = "arn:aws:s3:::lake/verdicts/a"
KEY = f"arn:aws:kms:eu-west-1:{OURS}:key/k"


def policy(effect: str = "Allow", action: Any = "s3:GetObject", resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Statement": [{"Effect": effect, "Action": action, "Resource": resource, **more}]}


def allowed(
    policies: Policies, principal: Principal = ROLE, action: str = "s3:GetObject", resource: str = OBJECT
) -> bool:
    return decide(Ask(principal, action, resource, OURS), policies).allowed


def test_nothing_is_allowed_by_itself() -> None:
    found = decide(Ask(ROLE, "s3:GetObject", OBJECT, OURS), Policies())
    assert (found.allowed, found.why) == (False, "because no identity-based policy allows the s3:GetObject action")


@pytest.mark.parametrize(
    ("action", "resource", "is_allowed"),
    [
        ("s3:GetObject", OBJECT, True),
        ("s3:getobject", OBJECT, True),
        ("S3:Get*", "*", True),
        ("s3:*", "arn:aws:s3:::lake/*", True),
        (["s3:PutObject", "s3:GetObject"], [KEY, "arn:aws:s3:::lake/verdicts/?"], True),
        ("s3:PutObject", "*", False),
        ("s3:GetObject", "arn:aws:s3:::LAKE/*", False),
        ("s3:GetObject", "arn:aws:s3:::lake", False),
        ("s3:Get", "*", False),
    ],
)
def test_an_action_is_named_in_any_case_and_a_resource_to_the_letter(
    action: Any, resource: Any, is_allowed: bool
) -> None:
    assert allowed(Policies(identity=[policy(action=action, resource=resource)])) == is_allowed


def test_all_but_one_action_and_all_but_one_resource() -> None:
    but = {"Effect": "Allow", "NotAction": "s3:PutObject", "NotResource": "arn:aws:s3:::other/*"}
    assert allowed(Policies(identity=[{"Statement": but}]))
    assert not allowed(Policies(identity=[{"Statement": but}]), action="s3:PutObject")
    assert not allowed(Policies(identity=[{"Statement": but}]), resource="arn:aws:s3:::other/a")


def test_a_deny_anywhere_wins() -> None:
    yes, no = policy(), policy("Deny")
    everyone = policy("Deny", Principal="*")
    assert not allowed(Policies(identity=[yes, no]))
    assert not allowed(Policies(identity=[yes], resource=everyone))
    assert not allowed(Policies(identity=[yes], boundary=no, resource=policy(Principal="*")))
    assert decide(Ask(ROLE, "s3:GetObject", OBJECT, OURS), Policies(identity=[yes, no])).why == (
        "with an explicit deny in an identity-based policy"
    )


def test_inside_an_account_either_side_may_allow() -> None:
    assert allowed(Policies(resource=policy(Principal={"AWS": ROLE.arn})))
    assert allowed(Policies(identity=[policy()]))
    assert not allowed(Policies(resource=policy(Principal={"AWS": f"arn:aws:iam::{OURS}:root"}))), "delegates only"


def test_from_another_account_both_sides_must_allow() -> None:
    theirs = policy(Principal={"AWS": f"arn:aws:iam::{THEIRS}:root"})
    assert allowed(Policies(identity=[policy()], resource=theirs), FOREIGN)
    assert not allowed(Policies(identity=[policy()]), FOREIGN)
    assert not allowed(Policies(resource=theirs), FOREIGN)
    assert not allowed(Policies(identity=[policy()], resource=policy(Principal={"AWS": ROLE.arn})), FOREIGN)


def test_a_boundary_allows_nothing_and_limits_everything() -> None:
    assert not allowed(Policies(boundary=policy()))
    assert allowed(Policies(identity=[policy(action="s3:*")], boundary=policy()))
    assert not allowed(Policies(identity=[policy(action="s3:*")], boundary=policy()), action="s3:PutObject")
    assert not allowed(Policies(boundary=policy(action="sqs:*"), resource=policy(Principal={"AWS": ROLE.arn})))


def test_a_service_comes_in_by_the_resource_only() -> None:
    service = policy(Principal={"Service": "events.amazonaws.com"})
    assert allowed(Policies(resource=service), EVENTS)
    assert not allowed(Policies(identity=[policy()]), EVENTS)
    assert not allowed(Policies(resource=policy(Principal={"Service": "s3.amazonaws.com"})), EVENTS)
    assert not allowed(Policies(resource=policy(Principal={"AWS": "*"})), EVENTS)


def test_a_key_is_closed_to_its_own_account_unless_its_policy_opens_it() -> None:
    mine = [policy(action="kms:Decrypt")]
    account = policy(action="kms:*", Principal={"AWS": f"arn:aws:iam::{OURS}:root"})

    def decrypts(policies: Policies) -> bool:
        return allowed(policies, action="kms:Decrypt", resource=KEY)

    assert not decrypts(Policies(identity=mine))
    assert decrypts(Policies(identity=mine, resource=account))
    assert not decrypts(Policies(resource=account))
    assert decrypts(Policies(resource=policy(action="kms:Decrypt", Principal={"AWS": ROLE.arn})))


def test_a_role_is_assumed_by_whom_its_trust_names() -> None:
    trust = {
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sts:AssumeRole"}]
    }
    role = f"arn:aws:iam::{OURS}:role/x"
    assert allowed(Policies(resource=trust), EVENTS, "sts:AssumeRole", role)
    assert not allowed(Policies(identity=[policy(action="*")], resource=trust), ROLE, "sts:AssumeRole", role)


def test_not_principal_means_everyone_else() -> None:
    but = {"Statement": [{"Effect": "Deny", "NotPrincipal": {"AWS": ROLE.arn}, "Action": "*", "Resource": "*"}]}
    assert allowed(Policies(identity=[policy()], resource=but))
    other = Principal(arn=f"arn:aws:iam::{OURS}:role/other", account=OURS)
    assert not allowed(Policies(identity=[policy()], resource=but), other)


@pytest.mark.parametrize(
    ("condition", "context", "holds"),
    [
        ({"StringEquals": {"aws:SourceAccount": OURS}}, {"AWS:sourceaccount": OURS}, True),
        ({"StringEquals": {"aws:SourceAccount": [THEIRS, OURS]}}, {"aws:SourceAccount": OURS}, True),
        ({"StringEquals": {"aws:SourceAccount": OURS}}, {}, False),
        ({"StringEqualsIfExists": {"aws:SourceAccount": OURS}}, {}, True),
        ({"StringNotEquals": {"aws:SourceAccount": OURS}}, {"aws:SourceAccount": OURS}, False),
        ({"StringNotLike": {"a": "x*"}}, {"a": ["y", "xz"]}, False),
        ({"StringLike": {"s3:prefix": "policies/*"}}, {"s3:prefix": "policies/"}, True),
        ({"StringLike": {"s3:prefix": "policies/*"}}, {"s3:prefix": "archive/"}, False),
        (
            {"ArnEquals": {"aws:SourceArn": "arn:aws:events:e:1:rule/a"}},
            {"aws:SourceArn": "arn:aws:events:e:1:rule/b"},
            False,
        ),
        (
            {"ArnLike": {"aws:SourceArn": "arn:aws:events:*:1:rule/*"}},
            {"aws:SourceArn": "arn:aws:events:e:1:rule/b"},
            True,
        ),
        ({"Bool": {"aws:SecureTransport": "false"}}, {"aws:SecureTransport": "true"}, False),
        ({"Bool": {"aws:SecureTransport": False}}, {"aws:SecureTransport": "false"}, True),
        ({"NumericLessThan": {"s3:max-keys": "10"}}, {"s3:max-keys": "9"}, True),
        ({"Null": {"aws:TokenIssueTime": "true"}}, {}, True),
        ({"Null": {"aws:TokenIssueTime": "false"}}, {}, False),
        ({"ForAllValues:StringEquals": {"aws:TagKeys": ["a", "b"]}}, {"aws:TagKeys": ["a"]}, True),
        ({"ForAllValues:StringEquals": {"aws:TagKeys": ["a"]}}, {"aws:TagKeys": ["a", "c"]}, False),
        ({"ForAllValues:StringEquals": {"aws:TagKeys": ["a"]}}, {}, True),
        ({"ForAnyValue:StringEquals": {"aws:TagKeys": ["a"]}}, {"aws:TagKeys": ["a", "c"]}, True),
        ({"ForAnyValue:StringEquals": {"aws:TagKeys": ["a"]}}, {}, False),
        ({"StringEquals": {"a": "1"}, "StringLike": {"b": "*"}}, {"a": "1"}, False),
    ],
)
def test_conditions_hold_as_documented(condition: dict[str, Any], context: dict[str, Any], holds: bool) -> None:
    assert hold(condition, context) == holds
    assert allowed(Policies(identity=[policy(Condition=condition)])) == hold(condition, {})


def test_a_condition_that_cannot_be_judged_is_not_passed_over() -> None:
    with pytest.raises(ConditionError, match="IpAddress"):
        hold({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, {"aws:SourceIp": "10.0.0.1"})
