"""A deployment on a clock that the test moves: hooks, shares, alarms, and the way back."""

from typing import Any

import pytest

from infra.local.awslambda.functions import Functions, FunctionSettings
from infra.local.awslambda.versions import Alias
from infra.local.codedeploy.api import CodeDeployApi
from infra.local.codedeploy.deployment import BEFORE
from infra.local.codedeploy.shifting import SHIFTS
from infra.local.errors import ApiError

EVENTS = ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST"]
SPEC = (
    '{"version": 0.0, "Resources": [{"f": {"Type": "AWS::Lambda::Function", "Properties": {"Name": "f", '
    '"Alias": "live", "CurrentVersion": "1", "TargetVersion": "2"}}}], "Hooks": [HOOKS]}'
)


class Recorded(Functions):
    """Functions that are only noted."""

    def __init__(self) -> None:
        super().__init__()
        self.invoked: list[str] = []

    def run(self, name_or_arn: str, payload: bytes) -> Any:
        raise AssertionError("hooks are called by name")

    def invoke(self, name_or_arn: str, payload: bytes) -> Any:
        self.invoked.append(name_or_arn)


class Rig:
    """CodeDeploy over a function with two versions."""

    def __init__(self, *, config: str = "Canary10Percent5Minutes", hook: bool = True, back: bool = True) -> None:
        self.time, self.ringing = 1_000.0, set[str]()
        self.functions = Recorded()
        for name in ("f", "hook"):
            self.functions.create(FunctionSettings(name=name, handler="a.b", role="arn:role"))
        self.functions.publish("f")
        self.functions.get("f").configure(FunctionSettings(name="f", handler="a.c", role="arn:role"))
        self.functions.publish("f")
        self.functions.versions("f").put(Alias(name="live", version="1"), new=True)
        self.api = CodeDeployApi(self.functions, alarming=lambda names: sorted(self.ringing & set(names)), clock=self)
        self.api.call("CreateApplication", {"applicationName": "a", "computePlatform": "Lambda"})
        group = {
            "applicationName": "a",
            "deploymentGroupName": "g",
            "serviceRoleArn": "arn:role",
            "deploymentConfigName": f"CodeDeployDefault.Lambda{config}",
            "alarmConfiguration": {"enabled": True, "alarms": [{"name": "slow"}]},
            "autoRollbackConfiguration": {"enabled": back, "events": EVENTS},
        }
        self.api.call("CreateDeploymentGroup", group)
        self.spec = SPEC.replace("HOOKS", '{"BeforeAllowTraffic": "hook"}' if hook else "")
        self.id = ""

    def now(self) -> float:
        return self.time

    def begin(self) -> str:
        revision = {"revisionType": "AppSpecContent", "appSpecContent": {"content": self.spec}}
        body = {"applicationName": "a", "deploymentGroupName": "g", "revision": revision}
        self.id = str(self.api.call("CreateDeployment", body)["deploymentId"])
        return self.after(0)

    def after(self, seconds: float) -> str:
        self.time += seconds
        self.api.look()
        return str(self.one.status)

    def says(self, status: str) -> None:
        given = {"deploymentId": self.id, "lifecycleEventHookExecutionId": self.one.hook_id(BEFORE), "status": status}
        self.api.call("PutLifecycleEventHookExecutionStatus", given)

    @property
    def one(self) -> Any:
        return self.api.deployments[self.id]

    @property
    def alias(self) -> tuple[str, dict[str, float]]:
        found = self.functions.versions("f").alias("live")
        return found.version, dict(found.weights)


def test_no_traffic_before_the_hook_has_said_that_it_succeeded() -> None:
    rig = Rig()
    rig.begin()
    assert (rig.after(600), rig.alias) == ("InProgress", ("1", {}))
    rig.says("Succeeded")
    assert (rig.after(1), rig.alias) == ("InProgress", ("1", {"2": 0.1}))
    assert (rig.after(299), rig.alias) == ("InProgress", ("1", {"2": 0.1}))
    assert (rig.after(1), rig.alias) == ("Succeeded", ("2", {}))


@pytest.mark.parametrize("fails", [True, False])
def test_a_hook_that_fails_or_is_silent_for_an_hour_fails_the_deployment(fails: bool) -> None:
    rig = Rig()
    rig.begin()
    if fails:
        rig.says("Failed")
    else:
        assert rig.after(3_599) == "InProgress"
    assert (rig.after(1), rig.one.code, rig.alias) == ("Failed", "LAMBDA_HOOK_FAILED", ("1", {}))


@pytest.mark.parametrize("config", sorted(SHIFTS))
def test_traffic_goes_over_as_the_configuration_says(config: str) -> None:
    rig = Rig(config=config.removeprefix("CodeDeployDefault.Lambda"), hook=False)
    status, shares = rig.begin(), [rig.alias[1].get("2", 1.0)]
    for _ in range(200):
        if status == "Succeeded":
            break
        status = rig.after(60)
        shares.append(rig.alias[1].get("2", 1.0))
    assert (status, rig.alias) == ("Succeeded", ("2", {}))
    assert shares == sorted(shares)
    minutes = SHIFTS[config].minutes
    assert len(shares) - 1 == (9 * minutes if SHIFTS[config].linear else minutes)


def test_an_alarm_stops_it_and_the_alias_goes_back() -> None:
    rig = Rig(hook=False)
    rig.begin()
    assert rig.alias == ("1", {"2": 0.1})
    rig.ringing = {"slow"}
    assert (rig.after(60), rig.one.code, rig.alias) == ("Stopped", "ALARM_ACTIVE", ("1", {}))
    shown: Any = rig.api.call("GetDeployment", {"deploymentId": rig.id})["deploymentInfo"]
    assert shown["rollbackInfo"]["rollbackDeploymentId"]
    assert rig.after(600) == "Stopped"


def test_nothing_begins_while_an_alarm_is_on() -> None:
    rig = Rig()
    rig.ringing = {"slow", "another"}
    assert (rig.begin(), rig.functions.invoked, rig.alias) == ("Stopped", [], ("1", {}))


def test_without_automatic_rollback_the_shares_stay() -> None:
    rig = Rig(hook=False, back=False)
    rig.begin()
    rig.api.call("StopDeployment", {"deploymentId": rig.id})
    assert (rig.one.status, rig.one.code, rig.alias) == ("Stopped", "MANUAL_STOP", ("1", {"2": 0.1}))


def test_a_hook_answers_once_by_its_id() -> None:
    rig = Rig()
    rig.begin()
    given = {"deploymentId": rig.id, "lifecycleEventHookExecutionId": "another", "status": "Succeeded"}
    with pytest.raises(ApiError, match="no id of a hook"):
        rig.api.call("PutLifecycleEventHookExecutionStatus", given)
    with pytest.raises(ApiError, match="Succeeded and Failed"):
        rig.says("Fine")
    rig.says("Failed")
    with pytest.raises(ApiError, match="is over"):
        rig.says("Succeeded")


@pytest.mark.parametrize(
    "spec",
    ["", "{}", '{"Resources": []}', SPEC.replace("HOOKS", '{"AfterInstall": "hook"}'), SPEC.replace('"1"', '"2"')],
)
def test_a_revision_that_is_none_is_refused(spec: str) -> None:
    rig = Rig()
    rig.spec = spec.replace("HOOKS", "")
    with pytest.raises(ApiError) as refused:
        rig.begin()
    assert refused.value.code == "InvalidRevisionException"


@pytest.mark.parametrize(
    "change",
    [{"deploymentConfigName": "Mine"}, {"ec2TagFilters": []}, {"deploymentStyle": {"deploymentType": "IN_PLACE"}}],
)
def test_a_group_that_is_not_modelled_is_refused_by_name(change: dict[str, Any]) -> None:
    rig = Rig()
    given = {"applicationName": "a", "deploymentGroupName": "other", "serviceRoleArn": "arn:role", **change}
    with pytest.raises(ApiError):
        rig.api.call("CreateDeploymentGroup", given)
    with pytest.raises(ApiError, match="Lambda only"):
        rig.api.call("CreateApplication", {"applicationName": "b", "computePlatform": "Server"})
    with pytest.raises(ApiError, match="not modelled"):
        rig.api.call("RegisterOnPremisesInstance", {})
