"""One deployment: a hook, the traffic step by step, a hook, and the way back. Time comes as an argument.

Sources: https://docs.aws.amazon.com/codedeploy/latest/userguide/deployment-steps-lambda.html,
https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure-hooks.html,
https://docs.aws.amazon.com/codedeploy/latest/userguide/deployments-rollback-and-redeploy.html,
https://docs.aws.amazon.com/codedeploy/latest/userguide/monitoring-create-alarms.html (read 2026-11-30).
"""

from collections.abc import Collection, Mapping
from typing import Any, Final, Protocol

from msgspec import Struct

from infra.local.codedeploy.shifting import Shift

HOOK_SECONDS: Final = 3600.0
"""How long a hook has to say how it went; after that the deployment has failed."""
BEFORE, SHIFTING, AFTER = "BeforeAllowTraffic", "AllowTraffic", "AfterAllowTraffic"
EVENTS: Final = (BEFORE, SHIFTING, AFTER)
ENDED: Final = frozenset({"Succeeded", "Failed", "Stopped"})


class Target(Struct, frozen=True):
    """The alias of a function, and the versions that it goes from and to."""

    function: str
    alias: str
    current: str
    target: str


class World(Protocol):
    """What a deployment does, and looks at."""

    def shift(self, target: Target, share: float) -> None:
        """Gives the new version this share of the traffic, from 0 (back) to 1 (all of it)."""
        ...

    def invoke(self, hook: str, payload: Mapping[str, str]) -> None:
        """Calls a hook, without waiting for it."""
        ...

    def alarming(self, names: Collection[str]) -> list[str]:
        """Those of these alarms that are in ALARM."""
        ...


class LifecycleEvent(Struct):
    """A part of a deployment: Pending, InProgress, Succeeded, Failed or Skipped."""

    name: str
    status: str = "Pending"
    began: float | None = None
    ended: float | None = None


class Deployment(Struct, kw_only=True):
    """A deployment under way, or over.

    Args:
        hooks: by lifecycle event, the function that is called.
        alarms: names of alarms that stop it.
        rolls_back_on: events after which the alias goes back.
        created_at, ended_at: epoch seconds.
        back: the id of the deployment that took it back.
        description: as it was given; of a rollback, what it takes back.
    """

    id: str
    application: str
    group: str
    target: Target
    shift: Shift
    config: str
    hooks: Mapping[str, str]
    alarms: tuple[str, ...]
    rolls_back_on: frozenset[str]
    created_at: float
    description: str = ""
    status: str = "Created"
    ended_at: float | None = None
    code: str = ""
    message: str = ""
    back: str = ""
    share: float = 0.0
    events: list[LifecycleEvent]

    @staticmethod
    def fresh_events() -> list[LifecycleEvent]:
        """The parts of a deployment that has not begun."""
        return [LifecycleEvent(name) for name in EVENTS]

    @property
    def over(self) -> bool:
        """Whether nothing more happens."""
        return self.status in ENDED

    def hook_id(self, event: str) -> str:
        """The id by which a hook says how it went."""
        return f"{self.id}:{event}"

    def said(self, event: str, status: str, now: float) -> None:
        """Takes what a hook says of itself.

        Args:
            status: Succeeded or Failed.
        """
        one = self._event(event)
        one.status, one.ended = status, now

    def waits_for(self, event: str) -> bool:
        """Whether the hook of this event was called and has not said how it went."""
        return self._event(event).status == "InProgress"

    def step(self, now: float, world: World) -> None:
        """Does what is due."""
        if self.over:
            return
        self.status = "InProgress"
        if ringing := world.alarming(self.alarms):
            # Also before the first request: a deployment is not begun while one of its alarms is on.
            self._end(now, world, "Stopped", "ALARM_ACTIVE", f"One or more alarms are in ALARM: {', '.join(ringing)}")
            return
        if self._hook_passed(BEFORE, now, world) and self._shifted(now, world) and self._hook_passed(AFTER, now, world):
            self.status, self.ended_at = "Succeeded", now

    def stop(self, now: float, world: World) -> None:
        """Ends it as somebody asked for."""
        self._end(now, world, "Stopped", "MANUAL_STOP", "The deployment was stopped by a user")

    def _hook_passed(self, name: str, now: float, world: World) -> bool:
        event = self._event(name)
        if event.status in ("Succeeded", "Skipped"):
            return True
        if name not in self.hooks:
            event.status, event.began, event.ended = "Skipped", now, now
            return True
        if event.status == "Pending":
            event.status, event.began = "InProgress", now
            payload = {"DeploymentId": self.id, "LifecycleEventHookExecutionId": self.hook_id(name)}
            world.invoke(self.hooks[name], payload)
        elif event.status == "Failed":
            self._failed(name, now, world, f"The hook {self.hooks[name]} reported Failed for {name}")
        elif now - (event.began or now) >= HOOK_SECONDS:
            event.status, event.ended = "Failed", now
            self._failed(name, now, world, f"The hook {self.hooks[name]} said nothing for an hour after {name}")
        return False

    def _shifted(self, now: float, world: World) -> bool:
        event = self._event(SHIFTING)
        if event.status == "Succeeded":
            return True
        if event.began is None:
            event.status, event.began = "InProgress", now
        share = self.shift.share(now - event.began)
        if share != self.share:
            world.shift(self.target, share)
            self.share = share
        if share < 1.0:
            return False
        event.status, event.ended = "Succeeded", now
        return True

    def _failed(self, name: str, now: float, world: World, why: str) -> None:
        self._end(now, world, "Failed", "LAMBDA_HOOK_FAILED" if name != SHIFTING else "HEALTH_CONSTRAINTS", why)

    def _end(self, now: float, world: World, status: str, code: str, message: str) -> None:
        self.status, self.code, self.message, self.ended_at = status, code, message, now
        for event in self.events:
            if event.status in ("Pending", "InProgress"):
                event.status, event.ended = "Skipped" if event.began is None else "Failed", now
        wanted = {
            "ALARM_ACTIVE": "DEPLOYMENT_STOP_ON_ALARM",
            "MANUAL_STOP": "DEPLOYMENT_STOP_ON_REQUEST",
        }.get(code, "DEPLOYMENT_FAILURE")
        if wanted in self.rolls_back_on and self.share:
            world.shift(self.target, 0.0)
            self.share, self.back = 0.0, f"{self.id}R"

    def _event(self, name: str) -> LifecycleEvent:
        return next(one for one in self.events if one.name == name)


def app_spec(document: Any) -> tuple[Target, dict[str, str]]:
    """The function and the hooks that an AppSpec names.

    Raises:
        ValueError: it is none for one function.

    Source: https://docs.aws.amazon.com/codedeploy/latest/userguide/application-specification-files.html
    """
    try:
        [resource] = document["Resources"]
        [named] = resource.values()
        given = named["Properties"]
        if named["Type"] != "AWS::Lambda::Function":
            raise ValueError(f"a resource of type {named['Type']} is not handled; AWS::Lambda::Function is")
        found = Target(given["Name"], given["Alias"], str(given["CurrentVersion"]), str(given["TargetVersion"]))
        hooks = {name: str(function) for one in document.get("Hooks", []) for name, function in one.items()}
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            "an AppSpec has Resources with one AWS::Lambda::Function and its Name, Alias, CurrentVersion and "
            f"TargetVersion ({type(error).__name__})"
        ) from None
    unknown = set(hooks) - {BEFORE, AFTER}
    if unknown:
        raise ValueError(f"hook {', '.join(sorted(unknown))} is not one of a function; {BEFORE} and {AFTER} are")
    return found, hooks
