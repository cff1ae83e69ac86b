"""A creation that fails, at whichever call of whichever resource, leaves nothing that stands in the next one's way."""

import json
from copy import deepcopy
from functools import cache
from typing import Any

import pytest

from infra.deploying.kept import Kept, import_request
from infra.local.cloudformation.intrinsics import Template
from infra.local.cloudformation.operations import Life
from infra.local.cloudformation.provision import Place, Plan, read_template, translate
from infra.local.cloudformation.removals import REMOVALS
from infra.local.cloudformation.resources import KINDS
from tests.fakes.account import FakeAccount

KEPT = {"ContentStream", "LakeBucket", "DeadLetterBucket", "ResultBucket", "StatusTable"}
KEPT_KINDS = {"stream", "bucket", "table"}


@cache
def _translated() -> Template:
    return translate(read_template(), "eu-west-1")


def plan(account: FakeAccount, stack_id: str, template: Template | None = None, name: str = "streamkeeper") -> Plan:
    place = Place(client=account, account_id="000000000000", region="eu-west-1")
    return Plan(template or _translated(), place, stack_name=name, stack_id=stack_id)


def life(stack_id: str) -> Life:
    ticks = iter(range(1_000_000))
    return Life(name="streamkeeper", arn=f"arn:{stack_id}", clock=lambda: float(next(ticks)))


@cache
def calls_of_a_creation() -> dict[int, str]:
    """Every changing call of a whole creation by its number, with the resource that it is made for."""
    account = FakeAccount()
    whole = plan(account, "whole")
    found: dict[int, str] = {}
    for logical in whole.order:
        before = account.calls
        whole.make(logical)
        found |= dict.fromkeys(range(before, account.calls), logical)
    return found


def test_every_resource_of_the_template_makes_at_least_one_call_that_can_fail() -> None:
    assert set(calls_of_a_creation().values()) == set(plan(FakeAccount(), "x").order)
    assert set(calls_of_a_creation().values()) > KEPT


def test_at_whichever_call_it_fails_nothing_is_left_and_the_next_creation_succeeds() -> None:
    """All resources, all calls of each: refused when it is asked for, and half made when a later call is refused."""
    account = FakeAccount()
    place = Place(client=lambda service: account(service), account_id="000000000000", region="eu-west-1")
    plans = {one: Plan(_translated(), place, stack_name="streamkeeper", stack_id=one) for one in ("first", "second")}
    failed_at = set()
    for number, logical in calls_of_a_creation().items():
        account = FakeAccount(refuse=number)
        first = life("first")
        assert not first.create(plans["first"]), number
        assert first.status == "ROLLBACK_COMPLETE", (number, logical, first.reason)
        [failed] = [event for event in first.events if event.status == "CREATE_FAILED"]
        assert failed.logical_id == logical
        assert account.things == set(), (number, logical)
        failed_at.add(logical)
        # What is left of it is deleted before the next one, as CloudFormation demands.
        assert first.delete()
        second = life("second")
        assert second.create(plans["second"]), (number, logical, second.reason)
        assert second.status == "CREATE_COMPLETE"
    assert failed_at == set(calls_of_a_creation().values())


def test_whatever_can_be_made_can_be_removed() -> None:
    assert set(KINDS) == set(REMOVALS)


def test_resources_are_removed_in_the_opposite_order() -> None:
    account = FakeAccount(refuse=max(calls_of_a_creation()))
    first = life("first")
    first.create(plan(account, "first"))
    made = [event.logical_id for event in first.events if event.status == "CREATE_COMPLETE"]
    removed = [event.logical_id for event in first.events if event.status == "DELETE_COMPLETE"]
    assert len(made) > 80
    assert [one for one in removed if one in made] == made[::-1]


def test_what_holds_data_outlives_the_stack_and_the_next_one_is_created_beside_it() -> None:
    account = FakeAccount()
    first = life("first")
    assert first.create(plan(account, "first"))
    assert first.delete()
    skipped = {event.logical_id for event in first.events if event.status == "DELETE_SKIPPED"}
    assert skipped == KEPT
    assert {thing[0] for thing in account.things} == KEPT_KINDS
    assert len(account.things) == len(KEPT)
    assert life("second").create(plan(account, "second"))


def kept_alone(template: Template) -> Template:
    """The template as the deploy command imports by it."""
    found = [Kept(name, template["Resources"][name]["Type"], name) for name in sorted(KEPT)]
    body: Template = json.loads(import_request(template, found, {})["TemplateBody"])
    return body


def test_deployed_again_the_stack_finds_its_lake() -> None:
    account = FakeAccount()
    first = life("first")
    first.create(plan(account, "first"))
    before = {name: first.held[name].physical_id for name in KEPT}
    first.delete()
    second = life("second")
    members = {"ContentStream": "Name", "StatusTable": "TableName"}
    imported = {name: {members.get(name, "BucketName"): before[name]} for name in KEPT}
    assert second.create(plan(account, "second", kept_alone(_translated())), imported)
    assert second.status == "IMPORT_COMPLETE"
    assert second.update(plan(account, "second"))
    assert second.status == "UPDATE_COMPLETE"
    assert {name: second.held[name].physical_id for name in KEPT} == before
    assert second.plan is not None
    assert second.plan.outputs()["LakeBucketName"] == before["LakeBucket"]


def test_an_update_that_fails_leaves_the_lake_and_can_be_tried_again() -> None:
    """What was imported was not made by the operation that fails: it stays, whatever fails after it."""
    for number in (0, 7, 40):
        account = FakeAccount()
        first = life("first")
        first.create(plan(account, "first"))
        first.delete()
        lake = set(account.things)
        second = life("second")
        names = {thing[1]: thing[0] for thing in lake}
        buckets = sorted(name for name, kind in names.items() if kind == "bucket")
        [stream] = [name for name, kind in names.items() if kind == "stream"]
        [table] = [name for name, kind in names.items() if kind == "table"]
        imported = {
            "ContentStream": {"Name": stream},
            "StatusTable": {"TableName": table},
            **{
                part: {"BucketName": name}
                for part, name in zip(("DeadLetterBucket", "LakeBucket", "ResultBucket"), buckets, strict=True)
            },
        }
        assert second.create(plan(account, "second", kept_alone(_translated())), imported)
        account.refuse = account.calls + number
        assert not second.update(plan(account, "second"))
        assert second.status == "UPDATE_ROLLBACK_COMPLETE"
        assert account.things == lake
        assert second.update(plan(account, "second-again"))


def test_an_import_of_what_is_not_there_takes_nothing() -> None:
    account = FakeAccount()
    second = life("second")
    template = kept_alone(_translated())
    assert not second.create(plan(account, "second", template), {"LakeBucket": {"BucketName": "nowhere"}})
    assert second.status == "IMPORT_ROLLBACK_COMPLETE"


@pytest.mark.parametrize(
    ("resource", "change", "why"),
    [
        ("LakeBucket", {"BucketName": "our-lake"}, "AlreadyExists"),
        ("EnforcementQueue", {"QueueName": "ours"}, "QueueDeletedRecently"),
    ],
)
def test_a_name_of_ours_would_stand_in_the_way(resource: str, change: dict[str, Any], why: str) -> None:
    template = deepcopy(_translated())
    template["Resources"][resource]["Properties"] |= change
    account = FakeAccount()
    first = life("first")
    first.create(plan(account, "first", template))
    first.delete()
    second = life("second")
    assert not second.create(plan(account, "second", template))
    assert any(why in event.reason for event in second.events)


def test_what_is_retained_on_creation_too_would_be_left() -> None:
    template = deepcopy(_translated())
    template["Resources"]["LakeBucket"]["DeletionPolicy"] = "Retain"
    account = FakeAccount(refuse=max(calls_of_a_creation()))
    life("first").create(plan(account, "first", template))
    assert [thing[0] for thing in account.things] == ["bucket"]
