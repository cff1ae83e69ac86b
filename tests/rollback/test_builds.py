"""Builds that are stopped before they get a batch, builds that an alarm takes back, and one that goes through.

One stack lives through all of it, so that what is counted at the end is what became of every event. No test looks at
the machine's clock: how long a build takes is what the tests' own clock says that it takes.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from infra.operating.consuming import switch
from tests.house.template_rules import listed
from tests.rollback.conftest import SEEN
from tests.rollback.stack import Gated, doubled


def taken_back(gated: Gated, build: str) -> str:
    """Deploys a build that must not stay; gives why it was stopped."""
    gated.calm()
    before = gated.alias()
    mapping = gated.twin.client("lambda").get_event_source_mapping(UUID=gated.outputs["ModerateMappingId"])
    assert gated.deploy(build) == "UPDATE_ROLLBACK_COMPLETE"
    after = gated.alias()
    assert (after["FunctionVersion"], after.get("RoutingConfig")) == (before["FunctionVersion"], None)
    there = gated.twin.client("lambda").get_event_source_mapping(UUID=gated.outputs["ModerateMappingId"])
    assert (there["UUID"], there["State"], there["FunctionArn"]) == (mapping["UUID"], "Enabled", mapping["FunctionArn"])
    # The deferred lane, which is not shifted by shares, never saw the build.
    assert gated.builds.batches["transform", build] == 0
    seen = f"{gated.last().code}, {gated.builds.batches['moderate', build]} batches of the stream"
    SEEN.append((build, seen))
    return str(gated.reasons())


@pytest.mark.parametrize(
    ("build", "refusal"),
    [
        ("wrong", "a build may change none"),
        ("crash", "it fails: ZeroDivisionError"),
        ("slow", "it takes 24000 ms where the old version takes 8000; at most 200 % are allowed"),
        ("silent", "it fails: Sandbox.Timedout"),
    ],
)
def test_a_bad_build_is_stopped_by_the_gate_and_gets_no_batch(
    gated: Gated, build: str, refusal: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert "LAMBDA_HOOK_FAILED" in taken_back(gated, build)
    assert gated.builds.batches["moderate", build] == 0
    assert gated.builds.rehearsals["moderate", build] > 0
    assert refusal in caplog.text


@pytest.mark.parametrize(
    ("build", "alarm"),
    [("crash-live", "CanaryErrorAlarm"), ("silent-live", "CanaryErrorAlarm"), ("slow-live", "CanarySlowAlarm")],
)
def test_what_only_shows_on_the_stream_is_taken_back_by_an_alarm(gated: Gated, build: str, alarm: str) -> None:
    why = taken_back(gated, build)
    assert "ALARM_ACTIVE" in why
    assert alarm in why
    # A share of the batches went to it, each of them whole, until the alarm.
    assert 0 < gated.builds.batches["moderate", build] < gated.builds.batches["moderate", "good"]


def test_a_pause_loses_nothing_and_moderation_goes_on_at_its_checkpoint(gated: Gated) -> None:
    gated.calm()
    functions, streams = gated.twin.client("lambda"), gated.twin.client("kinesis")
    mapping = gated.outputs["ModerateMappingId"]

    def switched(*, on: bool) -> str:
        return switch(functions, streams, mapping, on=on, sleep=gated.wait).state

    assert switched(on=False) == "Disabled"
    gated.forget()
    for _ in range(3):
        gated.minute()
    assert gated.builds.batches["moderate", "good"] == 0
    assert switched(on=True) == "Enabled"
    gated.minute()
    # What came meanwhile is counted with everything else, by the last test.
    assert gated.builds.batches["moderate", "good"] > 0


def in_force(gated: Gated, name: str) -> Iterator[dict[str, Any]]:
    """The statements that a role of the stack has, those under a condition only where that holds."""
    iam = gated.twin.client("iam")
    for role in iam.list_roles()["Roles"]:
        if f"-{name}-" in role["RoleName"]:
            for policy in iam.list_role_policies(RoleName=role["RoleName"])["PolicyNames"]:
                found = iam.get_role_policy(RoleName=role["RoleName"], PolicyName=policy)["PolicyDocument"]
                yield from found["Statement"]


def test_the_gate_and_codedeploy_need_what_they_are_granted_and_nothing_else(gated: Gated) -> None:
    assert gated.twin.rights is not None
    assert [right for right, allowed in gated.twin.rights.used.items() if not allowed] == []
    used = {(one.principal.rpartition("/")[2].split("-")[-2], one.action) for one in gated.twin.rights.used}
    logs = {"logs:CreateLogStream", "logs:PutLogEvents"}
    granted = {
        (name, action)
        for name in ("GateRole", "DeployRole")
        for statement in in_force(gated, name)
        for action in listed(statement["Action"])
    }
    assert {(role, action) for role, action in granted if action not in logs} == {
        (role, action) for role, action in used if role in ("GateRole", "DeployRole") and action not in logs
    }


def test_a_good_build_goes_through_and_every_event_is_judged_once(gated: Gated) -> None:
    gated.calm()
    before = int(gated.alias()["FunctionVersion"])
    assert gated.deploy("good-2") == "UPDATE_COMPLETE"
    assert int(gated.alias()["FunctionVersion"]) > before
    gated.minute()
    assert gated.builds.batches["moderate", "good-2"] > 0
    rows = gated.rows()
    landed = {one["event_id"] for one in rows}
    lost = set(gated.accepted) - landed
    # Nothing of the golden batch is among them: it was rehearsed, and a rehearsal leaves no trace.
    assert landed - set(gated.accepted) == set()
    SEEN.append(("all", f"{len(set(gated.accepted))} events, {len(lost)} lost, {doubled(rows)} doubled"))
    assert (len(lost), doubled(rows), gated.dead_letters()) == (0, 0, 0)
    actions = {(one["event_id"], one["action"]) for one in rows}
    assert len(actions) == len(landed)
