"""CodeDeploy's JSON API, for functions only, and the thread that has deployments go on.

Source: https://docs.aws.amazon.com/codedeploy/latest/APIReference/Welcome.html (read 2026-11-30).
"""

import logging
import threading
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final
from uuid import uuid4

import msgspec

from infra.local.awslambda.functions import Functions
from infra.local.awslambda.versions import changed_alias
from infra.local.clock import Clock
from infra.local.codedeploy.deployment import AFTER, BEFORE, Deployment, LifecycleEvent, Target, app_spec
from infra.local.codedeploy.shifting import SHIFTS
from infra.local.errors import ApiError
from infra.rights.needs import Need

_logger = logging.getLogger(__name__)
_LOOK_SECONDS: Final = 0.05
_EVENTS: Final = ("DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST")
_GROUP: Final = frozenset(
    {
        *("applicationName", "deploymentGroupName", "currentDeploymentGroupName", "newDeploymentGroupName"),
        *("deploymentConfigName", "serviceRoleArn", "alarmConfiguration", "autoRollbackConfiguration"),
        *("deploymentStyle", "triggerConfigurations", "tags"),
    }
)

Body = Mapping[str, Any]


class CodeDeployApi:
    """Applications, deployment groups and deployments.

    Args:
        functions: whose aliases are shifted, and which hooks are called.
        alarming: gives those of some alarms that are in ALARM.
        clock: where the time is read.
        uses: told which right the service role uses; raises when it has not got it.
    """

    def __init__(
        self,
        functions: Functions,
        *,
        alarming: Callable[[Collection[str]], list[str]],
        clock: Clock,
        uses: Callable[[str, Need], None] = lambda role, need: None,
    ) -> None:
        self._functions = functions
        self._alarming = alarming
        self._clock = clock
        self._uses = uses
        self._applications: set[str] = set()
        self._groups: dict[tuple[str, str], dict[str, Any]] = {}
        self.deployments: dict[str, Deployment] = {}
        self._lock = threading.RLock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    # ------------------------------------------------------------------------------------------------ life

    def start(self) -> None:
        """Begins to look after deployments, in a thread of its own."""
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, name="deployments", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def look(self) -> None:
        """Has every deployment do what is due."""
        with self._lock:
            for one in list(self.deployments.values()):
                if not one.over:
                    self._step(one)

    def begin_anew(self) -> None:
        """Forgets all deployments."""
        with self._lock:
            self.deployments.clear()

    def under_way(self) -> list[Deployment]:
        """Those that are not over."""
        with self._lock:
            return [one for one in self.deployments.values() if not one.over]

    def group_of(self, deployment: str) -> str:
        """The application and group of a deployment, as ARNs name them; ``*`` for none."""
        found = self.deployments.get(deployment)
        return f"{found.application}/{found.group}" if found else "*"

    def _run(self) -> None:
        while not self._stop.wait(_LOOK_SECONDS):
            self.look()

    def _step(self, one: Deployment) -> None:
        world = _World(self, self._groups[one.application, one.group]["serviceRoleArn"])
        try:
            one.step(self._clock.now(), world)
        except Exception as error:
            # A role without a right, or an alias that is gone: the deployment has failed, the others go on.
            _logger.warning("deployment %s failed: %s", one.id, type(error).__name__)
            one.status, one.code = "Failed", "IAM_ROLE_PERMISSIONS"
            one.message, one.ended_at = str(error), self._clock.now()

    # ------------------------------------------------------------------------------------------------ the API

    def call(self, action: str, body: Body) -> dict[str, object]:
        """The answer to one call.

        Raises:
            ApiError: what CodeDeploy would refuse, and what the laptop runtime does not model.
        """
        answer = {
            "CreateApplication": self._create_application,
            "DeleteApplication": self._delete_application,
            "CreateDeploymentGroup": self._create_group,
            "UpdateDeploymentGroup": self._update_group,
            "GetDeploymentGroup": self._get_group,
            "DeleteDeploymentGroup": self._delete_group,
            "CreateDeployment": self._create,
            "GetDeployment": self._get,
            "ListDeployments": self._list,
            "GetDeploymentTarget": self._get_target,
            "StopDeployment": self._stopped,
            "PutLifecycleEventHookExecutionStatus": self._said,
        }.get(action)
        if answer is None:
            raise ApiError("UnknownOperationException", f"{action} is not modelled by the laptop runtime's CodeDeploy")
        with self._lock:
            return answer(body)

    def _create_application(self, body: Body) -> dict[str, object]:
        name = _text(body, "applicationName")
        if body.get("computePlatform", "Server") != "Lambda":
            raise _refused(f"computePlatform {body.get('computePlatform')!r}: the laptop runtime models Lambda only")
        if name in self._applications:
            raise ApiError("ApplicationAlreadyExistsException", f"Application already exists: {name}")
        self._applications.add(name)
        return {"applicationId": str(uuid4())}

    def _delete_application(self, body: Body) -> dict[str, object]:
        name = _text(body, "applicationName")
        self._applications.discard(name)
        self._groups = {key: one for key, one in self._groups.items() if key[0] != name}
        return {}

    def _create_group(self, body: Body) -> dict[str, object]:
        key = _text(body, "applicationName"), _text(body, "deploymentGroupName")
        if key[0] not in self._applications:
            raise ApiError("ApplicationDoesNotExistException", f"No application found for name: {key[0]}")
        if key in self._groups:
            raise ApiError("DeploymentGroupAlreadyExistsException", f"Deployment group already exists: {key[1]}")
        _text(body, "serviceRoleArn")
        self._groups[key] = self._checked(body)
        return {"deploymentGroupId": str(uuid4())}

    def _update_group(self, body: Body) -> dict[str, object]:
        key = _text(body, "applicationName"), _text(body, "currentDeploymentGroupName")
        self._groups[key] = {**self._group(*key), **self._checked(body)}
        return {"hooksNotCleanedUp": []}

    def _checked(self, body: Body) -> dict[str, Any]:
        unknown = sorted(set(body) - _GROUP)
        if unknown:
            raise _refused(f"{', '.join(unknown)} of a deployment group is not modelled by the laptop runtime")
        name = body.get("deploymentConfigName", "CodeDeployDefault.LambdaAllAtOnce")
        if name not in SHIFTS:
            raise ApiError(
                "DeploymentConfigDoesNotExistException",
                f"No deployment configuration found for name: {name}; the laptop runtime has {', '.join(SHIFTS)}",
            )
        style = body.get("deploymentStyle")
        if style and style != {"deploymentType": "BLUE_GREEN", "deploymentOption": "WITH_TRAFFIC_CONTROL"}:
            raise ApiError("InvalidDeploymentStyleException", "functions go BLUE_GREEN and WITH_TRAFFIC_CONTROL only")
        events = (body.get("autoRollbackConfiguration") or {}).get("events") or []
        if set(events) - set(_EVENTS):
            raise ApiError("InvalidAutoRollbackConfigException", f"events are of {', '.join(_EVENTS)}")
        return dict(body)

    def _get_group(self, body: Body) -> dict[str, object]:
        key = _text(body, "applicationName"), _text(body, "deploymentGroupName")
        given = self._group(*key)
        return {"deploymentGroupInfo": {**given, "deploymentGroupName": key[1], "computePlatform": "Lambda"}}

    def _delete_group(self, body: Body) -> dict[str, object]:
        self._groups.pop((_text(body, "applicationName"), _text(body, "deploymentGroupName")), None)
        return {"hooksNotCleanedUp": []}

    def _group(self, application: str, name: str) -> dict[str, Any]:
        found = self._groups.get((application, name))
        if found is None:
            raise ApiError("DeploymentGroupDoesNotExistException", f"No Deployment Group found for name: {name}")
        return found

    def _create(self, body: Body) -> dict[str, object]:
        application, name = _text(body, "applicationName"), _text(body, "deploymentGroupName")
        group = self._group(application, name)
        revision = body.get("revision") or {}
        content = (revision.get("appSpecContent") or revision.get("string") or {}).get("content")
        try:
            target, hooks = app_spec(msgspec.json.decode(content or ""))
        except (ValueError, msgspec.DecodeError) as error:
            raise ApiError("InvalidRevisionException", f"the revision is a JSON AppSpec: {error}") from None
        for under_way in self.deployments.values():
            if not under_way.over and (under_way.application, under_way.group) == (application, name):
                raise ApiError("DeploymentLimitExceededException", f"{under_way.id} is under way in this group")
        alias = self._functions.versions(target.function).alias(target.alias)
        if alias.version != target.current:
            message = f"the alias {target.alias} points to version {alias.version}, not to {target.current}"
            raise ApiError("InvalidRevisionException", message)
        self._functions.get(f"{target.function}:{target.target}")
        watched = group.get("alarmConfiguration") or {}
        back = group.get("autoRollbackConfiguration") or {}
        config = str(body.get("deploymentConfigName") or group.get("deploymentConfigName", ""))
        one = Deployment(
            id=f"d-{uuid4().hex[:9].upper()}",
            application=application,
            group=name,
            target=target,
            config=config,
            shift=SHIFTS[config],
            hooks=hooks,
            alarms=tuple(a["name"] for a in watched.get("alarms", [])) if watched.get("enabled") else (),
            rolls_back_on=frozenset(back.get("events", [])) if back.get("enabled") else frozenset(),
            created_at=self._clock.now(),
            description=str(body.get("description") or ""),
            events=Deployment.fresh_events(),
        )
        self.deployments[one.id] = one
        return {"deploymentId": one.id}

    def _deployment(self, body: Body) -> Deployment:
        wanted = _text(body, "deploymentId")
        found = self.deployments.get(wanted)
        if found is None:
            raise ApiError("DeploymentDoesNotExistException", f"The deployment {wanted} could not be found")
        return found

    def _get(self, body: Body) -> dict[str, object]:
        one = self._deployment(body)
        shown: dict[str, object] = {
            "applicationName": one.application,
            "deploymentGroupName": one.group,
            "deploymentId": one.id,
            "deploymentConfigName": one.config,
            "status": one.status,
            "createTime": one.created_at,
            "creator": "user",
            "description": one.description,
            "computePlatform": "Lambda",
            "rollbackInfo": {"rollbackDeploymentId": one.back} if one.back else {},
        }
        if one.ended_at is not None:
            shown["completeTime"] = one.ended_at
        if one.code:
            shown["errorInformation"] = {"code": one.code, "message": one.message}
        return {"deploymentInfo": shown}

    def _list(self, body: Body) -> dict[str, object]:
        wanted, name, states = (
            body.get("applicationName"),
            body.get("deploymentGroupName"),
            body.get("includeOnlyStatuses"),
        )
        found = [
            one.id
            for one in reversed(list(self.deployments.values()))
            if wanted in (None, one.application) and name in (None, one.group) and (not states or one.status in states)
        ]
        return {"deployments": found}

    def _get_target(self, body: Body) -> dict[str, object]:
        one = self._deployment(body)
        events = [_shown(event) for event in one.events]
        to = one.target
        info = {
            "functionName": to.function,
            "functionAlias": to.alias,
            "currentVersion": to.current,
            "targetVersion": to.target,
            "targetVersionWeight": one.share,
        }
        target = {"deploymentId": one.id, "targetId": f"{to.function}:{to.alias}", "status": one.status}
        return {
            "deploymentTarget": {
                "deploymentTargetType": "LambdaTarget",
                "lambdaTarget": {**target, "lifecycleEvents": events, "lambdaFunctionInfo": info},
            }
        }

    def _stopped(self, body: Body) -> dict[str, object]:
        one = self._deployment(body)
        if one.over:
            raise ApiError("DeploymentAlreadyCompletedException", f"The deployment {one.id} is over: {one.status}")
        one.stop(self._clock.now(), _World(self, self._group(one.application, one.group)["serviceRoleArn"]))
        return {"status": "Succeeded", "statusMessage": "the deployment is stopped"}

    def _said(self, body: Body) -> dict[str, object]:
        one = self._deployment(body)
        wanted, status = body.get("lifecycleEventHookExecutionId"), body.get("status")
        event = next((name for name in (BEFORE, AFTER) if one.hook_id(name) == wanted), None)
        if event is None:
            message = f"{wanted!r} is no id of a hook of {one.id}; it is in the event that the hook was called with"
            raise ApiError("InvalidLifecycleEventHookExecutionIdException", message)
        if status not in ("Succeeded", "Failed"):
            raise ApiError(
                "InvalidLifecycleEventHookExecutionStatusException",
                f"status {status!r}: Succeeded and Failed are allowed",
            )
        if not one.waits_for(event):
            raise ApiError("LifecycleEventAlreadyCompletedException", f"{event} of {one.id} is over")
        one.said(event, str(status), self._clock.now())
        return {"lifecycleEventHookExecutionId": str(wanted)}


class _World:
    """What a deployment does, with the rights of its group's service role."""

    def __init__(self, api: CodeDeployApi, role: str) -> None:
        self._api = api
        self._role = role

    def shift(self, target: Target, share: float) -> None:
        functions = self._api._functions
        arn = functions.arn(target.function)
        for action in ("GetAlias", "UpdateAlias"):
            self._api._uses(self._role, Need(f"lambda:{action}", arn))
        versions = functions.versions(target.function)
        whole = target.target if share >= 1.0 else target.current
        weights = {} if share in (0.0, 1.0) else {target.target: share}
        routing = {"AdditionalVersionWeights": weights}
        alias = changed_alias(versions.alias(target.alias), version=whole, routing=routing, now=self._api._clock.now())
        versions.put(alias, new=False)

    def invoke(self, hook: str, payload: Mapping[str, str]) -> None:
        functions = self._api._functions
        self._api._uses(self._role, Need("lambda:InvokeFunction", functions.get(hook).arn))
        event = msgspec.json.encode(payload)
        threading.Thread(target=functions.invoke, args=(hook, event), name="hook", daemon=True).start()

    def alarming(self, names: Collection[str]) -> list[str]:
        if names:
            self._api._uses(self._role, Need("cloudwatch:DescribeAlarms", "*"))
        return self._api._alarming(names)


def _shown(event: LifecycleEvent) -> dict[str, object]:
    found: dict[str, object] = {"lifecycleEventName": event.name, "status": event.status}
    if event.began is not None:
        found["startTime"] = event.began
    if event.ended is not None:
        found["endTime"] = event.ended
    return found


def _text(body: Body, name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise _refused(f"{name} is required, a string")
    return value


def _refused(message: str) -> ApiError:
    return ApiError("InvalidInputException", message)
