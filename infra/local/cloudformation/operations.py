"""What becomes of a stack's resources when it is created, fails, is updated or deleted, as CloudFormation documents it.

Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stack-failure-options.html,
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html
"""

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Final

from infra.local.cloudformation.intrinsics import TemplateError, references
from infra.local.cloudformation.kinds import Made
from infra.local.cloudformation.model import StackEvent
from infra.local.cloudformation.provision import Plan
from infra.local.cloudformation.removals import adopt, remove
from infra.local.cloudformation.resources import KINDS

_STACK: Final = "AWS::CloudFormation::Stack"
# A second call of these makers overwrites what the first one made.
_MADE_AGAIN: Final = frozenset(
    {
        *(
            "AWS::CloudWatch::Alarm",
            "AWS::CloudWatch::Dashboard",
            "AWS::Events::Rule",
            "AWS::IAM::Policy",
            "AWS::IAM::RolePolicy",
        ),
        *("AWS::S3::BucketPolicy", "AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy"),
    }
)


@dataclass
class Held:
    """A resource of a stack.

    Args:
        policy: its DeletionPolicy.
        properties: what it was made with.
    """

    logical_id: str
    type: str
    physical_id: str
    made: Made | None
    policy: str
    properties: dict[str, Any]
    status: str
    reason: str = ""


@dataclass
class Life:
    """One stack from its first change set on; what it holds and what happened to it.

    Args:
        arn: its ID; a later stack of the same name has another one.
        clock: gives epoch seconds.
    """

    name: str
    arn: str
    clock: Callable[[], float]
    status: str = "REVIEW_IN_PROGRESS"
    reason: str = ""
    created_at: float = 0.0
    deleted_at: float | None = None
    plan: Plan | None = None
    held: dict[str, Held] = field(default_factory=dict)
    events: list[StackEvent] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)

    # ------------------------------------------------------------------------------------------------ operations

    def review(self) -> None:
        """Begins with a change set that is not executed yet."""
        self._say("REVIEW_IN_PROGRESS", "User Initiated")

    def create(self, plan: Plan, imported: Mapping[str, Mapping[str, Any]] | None = None) -> bool:
        """Makes all resources of a plan; False when one failed and all of them were removed again.

        Args:
            imported: by logical name, what identifies a resource that is taken over instead.
        """
        verb = "IMPORT" if imported else "CREATE"
        self.plan = plan
        plan.made.clear()
        plan.maker.begun.clear()
        self._say(f"{verb}_IN_PROGRESS", "User Initiated")
        failed = self._make(plan, plan.order, imported or {})
        if failed is None:
            self._say(f"{verb}_COMPLETE")
            return True
        rollback = "IMPORT_ROLLBACK" if imported else "ROLLBACK"
        why = f"The following resource(s) failed to {'import' if imported else 'create'}: [{failed}]."
        self._say(f"{rollback}_IN_PROGRESS", f"{why} Rollback requested by user.")
        if imported:
            self.held.clear()
            self._say(f"{rollback}_COMPLETE")
            return False
        # Of what this operation made, only what says Retain stays: RetainExceptOnCreate means all other operations.
        stuck = self._remove(reversed(list(self.held)), keeps=("Retain",), plan=plan)
        self._say(f"{rollback}_FAILED" if stuck else f"{rollback}_COMPLETE", _stuck(stuck))
        return False

    def update(self, plan: Plan) -> bool:
        """Brings the stack to another plan; False when something failed and the stack is as it was.

        Raises:
            TemplateError: a change that the laptop runtime does not make; nothing has been changed.
        """
        before = self.plan
        fresh, changed, gone = self.changes(plan)
        self._say("UPDATE_IN_PROGRESS", "User Initiated")
        for logical in plan.order:
            if logical in self.held and (made := self.held[logical].made):
                plan.made[logical] = made
        old = {logical: self.held[logical] for logical in plan.order if logical in changed}
        names = {logical: one.physical_id for logical, one in old.items()}
        plan.maker.named.update(names)
        if before is not None:
            before.maker.named.update(names)
        failed = self._make(plan, [one for one in plan.order if one in {*fresh, *changed}], {}, verb="UPDATE")
        if failed is None:
            self.plan = plan
            self._say("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
            self._remove([one for one in reversed(list(self.held)) if one in gone], keeps=_KEPT, plan=plan)
            self._say("UPDATE_COMPLETE")
            return True
        why = f"The following resource(s) failed to {'create' if failed in fresh else 'update'}: [{failed}]."
        self._say("UPDATE_ROLLBACK_IN_PROGRESS", why)
        self._change_back(old, before)
        added = [one for one in reversed(list(self.held)) if one in fresh]
        stuck = self._remove(added, keeps=("Retain",), plan=plan)
        self._say("UPDATE_ROLLBACK_FAILED" if stuck else "UPDATE_ROLLBACK_COMPLETE", _stuck(stuck))
        return False

    def delete(self) -> bool:
        """Removes all resources but those that are to be kept; False when one could not be removed."""
        self._say("DELETE_IN_PROGRESS", "User Initiated")
        stuck = self._remove(list(reversed(list(self.held))), keeps=_KEPT, plan=self.plan)
        self._say("DELETE_FAILED" if stuck else "DELETE_COMPLETE", _stuck(stuck))
        if not stuck:
            self.deleted_at = self.clock()
        return not stuck

    def changes(self, plan: Plan) -> tuple[set[str], set[str], set[str]]:
        """The logical names that a plan adds, changes and takes away.

        Raises:
            TemplateError: one that the laptop runtime does not make.
        """
        known = dict(plan.made)
        plan.made.update({name: one.made for name, one in self.held.items() if one.made and name in plan.resources})
        fresh = {name for name in plan.order if name not in self.held}
        changed: set[str] = set()
        try:
            for logical in plan.order:
                if logical in fresh:
                    continue
                held = self.held[logical]
                if plan.resources[logical]["Type"] != held.type or self._differs(plan, logical, fresh):
                    changed.add(logical)
        finally:
            plan.made.clear()
            plan.made.update(known)
        refused = sorted(one for one in changed if not self._changes_in_place(plan, one, fresh))
        if refused:
            kinds = ", ".join(f"{one} ({self.held[one].type})" for one in refused)
            raise TemplateError(f"the laptop runtime does not change {kinds}; delete the stack and create it again")
        return fresh, changed, {name for name in self.held if name not in plan.resources}

    def _changes_in_place(self, plan: Plan, logical: str, fresh: set[str]) -> bool:
        held = self.held[logical]
        kind = KINDS.get(held.type)
        if plan.resources[logical]["Type"] != held.type or kind is None:
            return False
        if held.type in _MADE_AGAIN:
            return True
        if kind.change is None:
            return False
        given = plan.resources[logical].get("Properties", {})
        if any(set(references(given.get(name))) & fresh for name in kind.fixed):
            return False
        known = dict(plan.made)
        plan.made.update({name: one.made for name, one in self.held.items() if one.made and name in plan.resources})
        try:
            return plan.fixed(logical) == {name: one for name, one in held.properties.items() if name in kind.fixed}
        finally:
            plan.made.clear()
            plan.made.update(known)

    def _change_back(self, old: Mapping[str, Held], before: Plan | None) -> None:
        """Has changed resources as they were."""
        for logical, one in old.items():
            now = self.held[logical]
            self.held[logical] = one
            if before is None or logical not in before.resources or now is one:
                continue
            self._note(logical, one.physical_id, one.type, "UPDATE_IN_PROGRESS")
            if one.made is not None and KINDS[one.type].change is not None:
                before.change(logical, now.properties, one.made, back=True)
            else:
                before.make(logical)
            self._note(logical, one.physical_id, one.type, "UPDATE_COMPLETE")

    def _differs(self, plan: Plan, logical: str, fresh: set[str]) -> bool:
        try:
            return plan.properties(logical) != self.held[logical].properties
        except TemplateError:
            # It refers to a resource that the update adds.
            if not fresh:
                raise
            return True

    # ------------------------------------------------------------------------------------------------ parts

    def _make(
        self, plan: Plan, order: list[str], imported: Mapping[str, Mapping[str, Any]], verb: str = "CREATE"
    ) -> str | None:
        """Makes the resources in their order; the name of the first that fails, which is then held as failed."""
        for logical in order:
            resource = plan.resources[logical]
            kind = resource["Type"]
            action = "IMPORT" if logical in imported else "CREATE" if logical not in self.held else verb
            policy = str(resource.get("DeletionPolicy", "Delete"))
            self._note(logical, "", kind, f"{action}_IN_PROGRESS")
            try:
                properties = plan.properties(logical)
                if logical in imported:
                    plan.made[logical] = adopt(kind, plan.maker, imported[logical])
                else:
                    self._make_or_change(plan, logical)
            except TemplateError as error:
                begun = plan.maker.begun.get(logical, "")
                self.held[logical] = Held(
                    logical, kind, begun, None, policy, self._so_far(plan, logical), f"{action}_FAILED", str(error)
                )
                self._note(logical, begun, kind, f"{action}_FAILED", str(error))
                return logical
            made = plan.made[logical]
            done = f"{action}_COMPLETE"
            self.held[logical] = Held(logical, kind, made.ref, made, policy, deepcopy(properties), done)
            self._note(logical, made.ref, kind, done)
        return None

    def _make_or_change(self, plan: Plan, logical: str) -> None:
        held = self.held.get(logical)
        if held is None or held.made is None:
            plan.make(logical)
        else:
            plan.change(logical, held.properties, held.made)

    @staticmethod
    def _so_far(plan: Plan, logical: str) -> dict[str, Any]:
        try:
            return plan.properties(logical)
        except TemplateError:
            return {}

    def _remove(self, order: Any, *, keeps: tuple[str, ...], plan: Plan | None) -> list[str]:
        """Removes resources in that order; the names of those that could not be."""
        stuck = []
        for logical in list(order):
            one = self.held[logical]
            if not one.physical_id:
                del self.held[logical]
                continue
            if one.policy in keeps:
                self._note(logical, one.physical_id, one.type, "DELETE_SKIPPED")
                del self.held[logical]
                continue
            self._note(logical, one.physical_id, one.type, "DELETE_IN_PROGRESS")
            try:
                if plan is not None:
                    remove(one.type, plan.maker, one.physical_id, one.properties)
            except TemplateError as error:
                stuck.append(logical)
                one.status, one.reason = "DELETE_FAILED", str(error)
                self._note(logical, one.physical_id, one.type, "DELETE_FAILED", str(error))
                continue
            self._note(logical, one.physical_id, one.type, "DELETE_COMPLETE")
            del self.held[logical]
        return stuck

    def _say(self, status: str, reason: str = "") -> None:
        self.status, self.reason = status, reason
        self._note(self.name, self.arn, _STACK, status, reason)

    def _note(self, logical: str, physical: str, kind: str, status: str, reason: str = "") -> None:
        event = StackEvent(
            at=self.clock(), logical_id=logical, physical_id=physical, type=kind, status=status, reason=reason
        )
        self.events.append(event)


_KEPT: Final = ("Retain", "RetainExceptOnCreate")


def _stuck(names: list[str]) -> str:
    return f"The following resource(s) failed to delete: [{', '.join(names)}]. " if names else ""
