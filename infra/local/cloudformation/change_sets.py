"""Stacks that are made, changed and deleted while the twin runs, by change sets: what ``sam deploy`` asks for.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateChangeSet.html
"""

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote, urlsplit
from uuid import uuid4

from infra.local.cloudformation.documents import Members, document, event, moment
from infra.local.cloudformation.intrinsics import Template, TemplateError, load_template
from infra.local.cloudformation.model import Stack, StackResource
from infra.local.cloudformation.operations import Life
from infra.local.cloudformation.provision import Place, Plan
from infra.local.errors import ApiError

CHANGES: Final = frozenset(
    {
        *("CreateChangeSet", "DescribeChangeSet", "ExecuteChangeSet", "DeleteChangeSet", "DeleteStack"),
        *("DescribeStackEvents", "GetTemplateSummary"),
    }
)
_NAME: Final = re.compile(r"[a-zA-Z][-a-zA-Z0-9]{0,127}")
# The states from which a stack may be updated.
_UPDATABLE: Final = frozenset(
    {"CREATE_COMPLETE", "IMPORT_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_ROLLBACK_COMPLETE"}
)
_LONGEST_BODY: Final = 51_200
_MOST_RESOURCES: Final = 500
_NO_CHANGES: Final = (
    "The submitted information didn't contain changes. Submit different information to create a change set."
)

Form = Mapping[str, str]


@dataclass
class _ChangeSet:
    name: str
    arn: str
    kind: str
    created_at: float
    plan: Plan | None = None
    imported: dict[str, dict[str, str]] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    changes: list[Members] = field(default_factory=list)
    status: str = "CREATE_COMPLETE"
    reason: str = ""
    execution: str = "AVAILABLE"


@dataclass
class _Kept:
    life: Life
    sets: dict[str, _ChangeSet] = field(default_factory=dict)


def _in_background(work: Callable[[], object]) -> None:
    threading.Thread(target=work, daemon=True, name="stack").start()


class ChangeSets:
    """The stacks that change sets made.

    Args:
        place: where their resources are made.
        clock: gives epoch seconds.
        fetch: gives the bytes of a bucket's key, for templates in S3.
        start: runs what takes long.
        refuses: why no stack can be made; empty when one can.
    """

    def __init__(
        self,
        place: Place,
        *,
        clock: Callable[[], float],
        fetch: Callable[[str, str], bytes],
        start: Callable[[Callable[[], object]], None] = _in_background,
        refuses: str = "",
    ) -> None:
        self._place = place
        self._clock = clock
        self._fetch = fetch
        self._start = start
        self._refuses = refuses
        self._stacks: dict[str, _Kept] = {}
        self._lock = threading.RLock()

    def stacks(self) -> list[Stack]:
        """All stacks, those that are deleted as well."""
        with self._lock:
            return [self._shown(kept.life) for kept in self._stacks.values()]

    def stack(self, name: str) -> Stack:
        """One stack by its name or, when it is deleted, by its ID.

        Raises:
            ApiError: there is none.
        """
        return self._shown(self._kept(name).life)

    def call(self, form: Form) -> str:
        """The XML document that answers one of ``CHANGES``.

        Raises:
            ApiError: what CloudFormation would refuse, and what the laptop runtime does not handle.
        """
        action = form["Action"]
        answer = {
            "CreateChangeSet": self._create,
            "DescribeChangeSet": self._describe,
            "ExecuteChangeSet": self._execute,
            "DeleteChangeSet": self._forget,
            "DeleteStack": self._delete,
            "DescribeStackEvents": self._events,
            "GetTemplateSummary": self._summary,
        }[action]
        with self._lock:
            return document(action, answer(form))

    # ------------------------------------------------------------------------------------------------ change sets

    def _create(self, form: Form) -> Members:
        if self._refuses:
            raise _refused(self._refuses)
        name, kind = form.get("StackName", ""), form.get("ChangeSetType", "UPDATE")
        kept = self._find(name)
        if kind == "UPDATE":
            kept = self._kept(name)
            if kept.life.status not in _UPDATABLE:
                raise _refused(f"Stack:{kept.life.arn} is in {kept.life.status} state and can not be updated.")
        elif kept is not None and kept.life.status != "REVIEW_IN_PROGRESS":
            if kind == "CREATE":
                raise ApiError("AlreadyExistsException", f"Stack [{name}] already exists and cannot be created again")
            raise _refused("the laptop runtime imports into new stacks only")
        template = self._template(form)
        life = kept.life if kept else self._new(name)
        change = _ChangeSet(
            name=form.get("ChangeSetName", ""),
            arn=f"arn:aws:cloudformation:{self._place.region}:{self._place.account_id}:changeSet/"
            f"{form.get('ChangeSetName', '')}/{uuid4()}",
            kind=kind,
            created_at=self._clock(),
            tags={one["Key"]: one.get("Value", "") for one in _members(form, "Tags")},
        )
        parameters = self._parameters(form, template, kept.life if kept else None)
        try:
            change.plan = Plan(
                template, self._place, parameters=parameters, stack_name=life.name, stack_id=f"{life.arn}/{change.arn}"
            )
            self._look(change, form, life)
        except TemplateError as error:
            # What is wrong with the template itself is said at once; what CloudFormation finds out later, later.
            raise _refused(str(error)) from error
        if kept is None:
            kept = self._stacks[life.arn] = _Kept(life)
        kept.sets[change.name] = change
        return {"Id": change.arn, "StackId": life.arn}

    def _look(self, change: _ChangeSet, form: Form, life: Life) -> None:
        plan = change.plan
        assert plan is not None  # noqa: S101 - made by the caller
        if len(plan.resources) > _MOST_RESOURCES:
            raise TemplateError(f"{len(plan.resources)} resources; a stack has at most {_MOST_RESOURCES}")
        kinds = {str(one["Type"]) for one in plan.resources.values()}
        capabilities = {value for key, value in form.items() if key.startswith("Capabilities.member.")}
        if any(kind.startswith("AWS::IAM::") for kind in kinds) and not capabilities & _IAM:
            raise ApiError("InsufficientCapabilitiesException", "Requires capabilities : [CAPABILITY_IAM]")
        if change.kind == "IMPORT":
            for one in _members(form, "ResourcesToImport"):
                entries = _members(one, "ResourceIdentifier", "entry")
                change.imported[one["LogicalResourceId"]] = {entry["key"]: entry["value"] for entry in entries}
            if set(change.imported) != set(plan.resources):
                raise TemplateError("an import into a new stack has just the resources to import in its template")
            bare = [name for name, one in plan.resources.items() if "DeletionPolicy" not in one]
            if bare:
                raise TemplateError(f"resources to import must have a DeletionPolicy: {', '.join(bare)}")
            change.changes = [_change("Import", name, plan, life) for name in plan.order]
            return
        if change.kind == "CREATE":
            change.changes = [_change("Add", name, plan, life) for name in plan.order]
            return
        fresh, changed, gone = life.changes(plan)
        old = life.plan
        same_outputs = old is not None and old.template.get("Outputs") == plan.template.get("Outputs")
        change.changes = [
            *(_change("Add", name, plan, life) for name in sorted(fresh)),
            *(_change("Modify", name, plan, life) for name in sorted(changed)),
            *(_change("Remove", name, plan, life) for name in sorted(gone)),
        ]
        if not change.changes and same_outputs and (not change.tags or change.tags == life.tags):
            change.status, change.reason, change.execution = "FAILED", _NO_CHANGES, "UNAVAILABLE"

    def _describe(self, form: Form) -> Members:
        kept, change = self._change_set(form)
        return {
            "ChangeSetName": change.name,
            "ChangeSetId": change.arn,
            "StackId": kept.life.arn,
            "StackName": kept.life.name,
            "CreationTime": moment(change.created_at),
            "ExecutionStatus": change.execution,
            "Status": change.status,
            "StatusReason": change.reason or None,
            "Changes": change.changes,
        }

    def _execute(self, form: Form) -> Members:
        kept, change = self._change_set(form)
        plan = change.plan
        if change.execution != "AVAILABLE" or plan is None:
            raise ApiError(
                "InvalidChangeSetStatus", f"ChangeSet [{change.arn}] cannot be executed in its current status"
            )
        change.execution = "EXECUTE_IN_PROGRESS"
        life, verb = kept.life, {"UPDATE": "UPDATE", "IMPORT": "IMPORT"}.get(change.kind, "CREATE")
        # At once, so that whoever asks next sees that it has begun.
        life.status = f"{verb}_IN_PROGRESS"
        life.tags = change.tags or life.tags
        work = (lambda: life.update(plan)) if verb == "UPDATE" else (lambda: life.create(plan, change.imported))
        self._start(work)
        kept.sets.clear()
        return {}

    def _forget(self, form: Form) -> Members:
        kept, change = self._change_set(form)
        del kept.sets[change.name]
        return {}

    def _change_set(self, form: Form) -> tuple[_Kept, _ChangeSet]:
        wanted, name = form.get("ChangeSetName", ""), form.get("StackName", "")
        for kept in [self._kept(name)] if name else list(self._stacks.values()):
            for change in kept.sets.values():
                if wanted in (change.name, change.arn):
                    return kept, change
        raise ApiError("ChangeSetNotFound", f"ChangeSet [{wanted}] does not exist", 404)

    # ------------------------------------------------------------------------------------------------ stacks

    def _delete(self, form: Form) -> Members:
        kept = self._find(form.get("StackName", ""))
        if kept is None:
            return {}  # as CloudFormation: a stack that is not there is deleted
        if kept.life.status.endswith("_IN_PROGRESS") and kept.life.status != "REVIEW_IN_PROGRESS":
            raise _refused(f"Stack [{kept.life.name}] is in {kept.life.status}; wait until that is over")
        kept.life.status = "DELETE_IN_PROGRESS"
        kept.sets.clear()
        self._start(kept.life.delete)
        return {}

    def _events(self, form: Form) -> Members:
        life = self._kept(form.get("StackName", "")).life
        stack = self._shown(life)
        numbered = list(enumerate(list(life.events)))
        return {"StackEvents": [event(stack, one, number) for number, one in reversed(numbered)]}

    def _summary(self, form: Form) -> Members:
        life = self._kept(form.get("StackName", "")).life
        declared = life.plan.template.get("Parameters", {}) if life.plan else {}
        return {"Parameters": [{"ParameterKey": name, "ParameterType": one["Type"]} for name, one in declared.items()]}

    def _shown(self, life: Life) -> Stack:
        plan, done = life.plan, life.status.endswith("_COMPLETE") and "ROLLBACK" not in life.status
        # While it is updated, and when that is taken back, a stack is what it was.
        done = done or life.status.startswith("UPDATE_")
        stands = done and plan is not None and life.status != "DELETE_COMPLETE"
        resources = [
            StackResource(
                logical_id=one.logical_id,
                physical_id=one.physical_id,
                type=one.type,
                status=one.status,
                reason=one.reason,
            )
            for one in list(life.held.values())
        ]
        return Stack(
            name=life.name,
            region=self._place.region,
            account_id=self._place.account_id,
            created_at=life.created_at,
            description=str(plan.template.get("Description", "")).strip() if plan else "",
            parameters={name: str(value) for name, value in plan.values.items()} if plan else {},
            outputs=plan.outputs() if stands and plan else {},
            output_descriptions=plan.output_descriptions() if stands and plan else {},
            resources=resources,
            status=life.status,
            reason=life.reason,
            tags=life.tags,
            stack_id=life.arn,
        )

    def _new(self, name: str) -> Life:
        if not _NAME.fullmatch(name):
            raise _refused(
                f"1 validation error detected: Value '{name[:140]}' at 'stackName' failed to satisfy constraint"
            )
        arn = f"arn:aws:cloudformation:{self._place.region}:{self._place.account_id}:stack/{name}/{uuid4()}"
        life = Life(name=name, arn=arn, clock=self._clock, created_at=self._clock())
        life.review()
        return life

    def _find(self, name: str) -> _Kept | None:
        by_id = self._stacks.get(name)
        if by_id is not None:
            return by_id
        standing = (kept for kept in self._stacks.values() if kept.life.deleted_at is None)
        return next((kept for kept in standing if kept.life.name == name), None)

    def _kept(self, name: str) -> _Kept:
        found = self._find(name)
        if found is None:
            raise _refused(f"Stack with id {name} does not exist")
        return found

    # ------------------------------------------------------------------------------------------------ what is given

    def _template(self, form: Form) -> Template:
        if "TemplateBody" in form:
            text = form["TemplateBody"]
            if len(text.encode()) > _LONGEST_BODY:
                raise _refused(f"TemplateBody has {len(text.encode())} bytes; {_LONGEST_BODY} at most: put it into S3")
        elif "TemplateURL" in form:
            parts = urlsplit(form["TemplateURL"])
            bucket, _, key = unquote(parts.path).lstrip("/").partition("/")
            host = parts.hostname or ""
            if ".s3." in host and not host.startswith("s3."):
                bucket, key = host.partition(".s3.")[0], unquote(parts.path).lstrip("/")
            text = self._fetch(bucket, key).decode("utf-8", "replace")
        else:
            raise _refused("the laptop runtime needs TemplateBody or TemplateURL")
        try:
            return load_template(text)
        except TemplateError as error:
            raise _refused(f"Template format error: {error}") from error

    @staticmethod
    def _parameters(form: Form, template: Template, life: Life | None) -> dict[str, str]:
        before = life.plan.values if life and life.plan else {}
        found: dict[str, str] = {}
        for one in _members(form, "Parameters"):
            name = one["ParameterKey"]
            if one.get("UsePreviousValue") == "true":
                given = before.get(name)
                if given is not None:
                    found[name] = ",".join(given) if isinstance(given, list) else str(given)
            else:
                found[name] = one.get("ParameterValue", "")
        return found


_IAM: Final = frozenset({"CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"})


def _change(action: str, logical: str, plan: Plan, life: Life) -> Members:
    held = life.held.get(logical)
    kind = held.type if held and action == "Remove" else plan.resources[logical]["Type"]
    return {
        "Type": "Resource",
        "ResourceChange": {
            "Action": action,
            "LogicalResourceId": logical,
            "PhysicalResourceId": held.physical_id if held else None,
            "ResourceType": kind,
            "Replacement": "False" if action == "Modify" else None,
        },
    }


def _members(form: Form, name: str, word: str = "member") -> list[dict[str, str]]:
    """The structures of a list in a form.

    >>> _members({"Tags.member.1.Key": "a", "Tags.member.2.Key": "b"}, "Tags")
    [{'Key': 'a'}, {'Key': 'b'}]
    """
    found: dict[int, dict[str, str]] = {}
    prefix = f"{name}.{word}."
    for key, value in form.items():
        if key.startswith(prefix):
            number, _, member = key.removeprefix(prefix).partition(".")
            if number.isdigit():
                found.setdefault(int(number), {})[member] = value
    return [found[number] for number in sorted(found)]


def _refused(message: str) -> ApiError:
    return ApiError("ValidationError", message)
