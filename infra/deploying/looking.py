"""What speaks against a deployment, known before anything is made or changed. Pure: from facts to findings."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from msgspec import Struct

from infra.local.cloudformation.checks import check_stack
from infra.local.cloudformation.intrinsics import Template, TemplateError, parameter_values

OWN_OUTPUTS: Final = frozenset({"ContentStreamName", "LakeBucketName", "ModerateFunctionName"})
"""Outputs by which a stack is known as one of Streamkeeper's."""
_SPARE_HOURS: Final = 6
_KEPT_SHORTER: Final = {
    "StreamRetentionHours": "the stream drops what is older at once, moderated or not",
    "ArchiveRetentionDays": "S3 removes what is older; replay and audit no longer reach it",
    "VerdictRetentionDays": "S3 removes what is older; reports no longer reach it",
    "QuarantineRetentionDays": "S3 removes what is older; it can no longer be redriven",
    "ErrorRetentionDays": "S3 removes what is older; it can no longer be redriven",
}
_UNRESERVED: Final = 100
"""Concurrency that Lambda leaves to all other functions of an account.
Source: https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html"""


class Finding(Struct, frozen=True):
    """Something to know before a deployment.

    Args:
        level: ``stop`` forbids it, ``loss`` too unless losing data is allowed, ``warn`` does not.
        says: what was found, and what is allowed.
        do: what to do next.
    """

    level: Literal["stop", "loss", "warn"]
    about: str
    says: str
    do: str


class Existing(Struct, frozen=True):
    """A stack as CloudFormation describes it.

    Args:
        resources: how many of its resources are not deleted.
    """

    status: str
    reason: str = ""
    parameters: dict[str, str] = {}
    outputs: dict[str, str] = {}
    resources: int = 0
    arn: str = ""


class Quotas(Struct, frozen=True):
    """What the account allows and has in use; None where that could not be asked.

    Args:
        shards_left: shards that may still be opened.
        concurrency: executions at a time, of all functions.
        unreserved: of these, those that no function reserves.
    """

    shards_left: int | None = None
    concurrency: int | None = None
    unreserved: int | None = None


def of_the_template(template: Template, *, stack: str, parameters: Mapping[str, str], account_id: str) -> list[Finding]:
    """What CloudFormation or a service would refuse: the stack's name, names made of it, and parameters' values."""
    try:
        check_stack(template, stack_name=stack, parameters=parameters, account_id=account_id)
    except TemplateError as error:
        about = "parameters" if str(error).startswith(("parameter ", "no such parameter")) else "names"
        return [Finding("stop", about, str(error), "give another --parameter or --stack")]
    return []


def of_the_parameters(template: Template, parameters: Mapping[str, str], before: Mapping[str, str]) -> list[Finding]:
    """Parameters that lose data together, or that nobody means.

    Args:
        parameters: those that are given; the others have their defaults.
        before: those that the stack has now; empty for a new one.

    >>> one = of_the_parameters({"Parameters": {}, "Resources": {}}, {}, {})
    >>> one
    []
    """
    try:
        values = parameter_values(template, parameters)
    except TemplateError:
        return []  # said already
    found = []

    def add(level: Literal["stop", "loss", "warn"], says: str, do: str) -> None:
        found.append(Finding(level, "parameters", says, do))

    def value(name: str) -> float:
        return float(values.get(name, 0) or 0)

    kept = value("StreamRetentionHours") * 3600
    age = value("MaximumRecordAgeSeconds")
    if kept and age > kept - _SPARE_HOURS * 3600:
        longest = int(kept - _SPARE_HOURS * 3600)
        add(
            "stop",
            f"MaximumRecordAgeSeconds={age:.0f} is too near to StreamRetentionHours={kept / 3600:.0f}: records that "
            "fail would leave the stream before they are dead letters",
            f"MaximumRecordAgeSeconds={longest} at most, or a longer retention",
        )
    if age and 0 <= value("MaximumRetryAttempts") < age / 60 + 10:
        add(
            "warn",
            f"MaximumRetryAttempts={value('MaximumRetryAttempts'):.0f} is used up before a record is "
            f"{age / 3600:.1f} hours old: an outage makes dead letters of sound records",
            f"MaximumRetryAttempts={int(age / 60 + 10)} or more",
        )
    wanted, reserved = value("ShardCount") * value("ParallelizationFactor"), value("FunctionReservedConcurrency")
    if 0 < reserved < wanted:
        add(
            "stop",
            f"FunctionReservedConcurrency={reserved:.0f} is less than ShardCount times ParallelizationFactor, "
            f"{wanted:.0f}: shards would wait for each other",
            f"FunctionReservedConcurrency={wanted:.0f} or more, or 0",
        )
    if kept and value("IteratorAgeAlarmMilliseconds") / 1000 > kept / 4:
        add(
            "warn",
            f"IteratorAgeAlarmMilliseconds={value('IteratorAgeAlarmMilliseconds'):.0f} is more than a quarter of the "
            "retention: the alarm leaves little time",
            f"IteratorAgeAlarmMilliseconds={int(kept / 4 * 1000)} at most",
        )
    if values.get("Consumer") == "off":
        add("warn", "Consumer=off: nothing is moderated, the stream keeps what comes for its retention", "Consumer=on")
    if "AlarmTopicArn" in values and not values["AlarmTopicArn"]:
        add("warn", "AlarmTopicArn is empty: alarms reach nobody", "AlarmTopicArn=arn:aws:sns:… of a topic of yours")
    for name, loss in _KEPT_SHORTER.items():
        if name in before and name in values and float(values[name]) < float(before[name]):
            add(
                "loss",
                f"{name} goes from {before[name]} to {values[name]}: {loss}",
                f"{name}={before[name]}, or --allow-loss",
            )
    if "DatabaseName" in before and str(values.get("DatabaseName", "")) != before["DatabaseName"]:
        add(
            "stop",
            f"DatabaseName cannot change from {before['DatabaseName']!r}: CloudFormation would have to replace the "
            "tables, which other names refer to",
            "leave it as it is, or make a new stack",
        )
    key = before.get("KeyArn")
    if key and str(values.get("KeyArn", "")) != key:
        add(
            "stop",
            f"KeyArn cannot change from {key}: what is kept was encrypted with that key, and the roles would lose it",
            "leave it as it is (KMS rotates its material by itself), or make a new stack",
        )
    return found


def of_the_key(arn: str, described: Mapping[str, Any] | None) -> list[Finding]:
    """What speaks against a customer key.

    Args:
        described: ``KeyMetadata`` of KMS's DescribeKey; None when there is no such key in this account and region.

    >>> [one.says for one in of_the_key("k", {"KeyState": "Disabled", "KeySpec": "SYMMETRIC_DEFAULT"})]
    ['KeyArn=k: the key is Disabled; allowed: Enabled']
    """
    do = "give the ARN of a symmetric key of this Region that is enabled; infra/aws/key.yaml makes one"
    if described is None:
        return [Finding("stop", "key", f"KeyArn={arn}: there is no such key here", do)]
    found = []
    for member, allowed in (("KeyState", "Enabled"), ("KeySpec", "SYMMETRIC_DEFAULT")):
        if described.get(member) != allowed:
            says = f"KeyArn={arn}: the key is {described.get(member)}; allowed: {allowed}"
            found.append(Finding("stop", "key", says, do))
    return found


def of_the_stack(name: str, existing: Existing | None) -> list[Finding]:
    """What the state of an existing stack forbids."""
    if existing is None:
        return []
    status = existing.status

    def stop(says: str, do: str) -> list[Finding]:
        return [Finding("stop", "stack", f"stack {name} {says}", do)]

    if status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS":
        return stop(f"is in {status}", "wait until that is over: streamkeeper status --stack " + name)
    if is_left_over(existing):
        return [
            Finding(
                "warn",
                "stack",
                f"stack {name} is in {status} and holds nothing: it is deleted first",
                "nothing",
            )
        ]
    if status in ("ROLLBACK_COMPLETE", "REVIEW_IN_PROGRESS", "DELETE_FAILED", "ROLLBACK_FAILED", "CREATE_FAILED"):
        return stop(
            f"is in {status} and holds {existing.resources} resources"
            + (f": {existing.reason}" if existing.reason else ""),
            f"streamkeeper destroy --stack {name}, then deploy again",
        )
    if status in ("UPDATE_ROLLBACK_FAILED", "IMPORT_ROLLBACK_FAILED", "UPDATE_FAILED"):
        return stop(
            f"is in {status}: {existing.reason}",
            f"aws cloudformation continue-update-rollback --stack-name {name}",
        )
    if status != "IMPORT_COMPLETE" and not set(existing.outputs) >= OWN_OUTPUTS:
        return stop(
            "is not one of Streamkeeper's: it lacks the outputs of its template", "choose another name with --stack"
        )
    return []


def is_left_over(existing: Existing) -> bool:
    """Whether a stack is only what is left of a creation that failed, or of a change set that was never executed."""
    return existing.status in ("ROLLBACK_COMPLETE", "REVIEW_IN_PROGRESS") and existing.resources == 0


def of_the_quotas(quotas: Quotas, parameters: Mapping[str, Any], *, before: Mapping[str, str]) -> list[Finding]:
    """What the account does not allow.

    Args:
        parameters: every parameter's value.
        before: those that the stack has now, whose shards are counted as used already.
    """
    found = []
    shards = int(parameters.get("ShardCount", 0)) - int(before.get("ShardCount", 0) or 0)
    if quotas.shards_left is not None and shards > quotas.shards_left:
        says = f"{shards} more shards are wanted, and the account may open {quotas.shards_left}"
        found.append(Finding("stop", "quotas", says, "ask for a higher quota of shards, or a smaller ShardCount"))
    wanted = int(parameters.get("ShardCount", 0)) * int(parameters.get("ParallelizationFactor", 1))
    reserved = int(parameters.get("FunctionReservedConcurrency", 0) or 0)
    more = reserved - int(before.get("FunctionReservedConcurrency", 0) or 0)
    if quotas.unreserved is not None and more > 0 and quotas.unreserved - more < _UNRESERVED:
        says = f"{reserved} executions cannot be reserved: {quotas.unreserved} are free, and {_UNRESERVED} must stay so"
        found.append(Finding("stop", "quotas", says, "ask for more Lambda concurrency, or reserve less"))
    if quotas.concurrency is not None and wanted > quotas.concurrency * 0.8:
        says = f"up to {wanted} executions at a time; the account allows {quotas.concurrency} for all functions"
        found.append(Finding("warn", "quotas", says, "ask for more Lambda concurrency before the traffic comes"))
    return found


def of_the_bundle(differing: Sequence[str] | None) -> list[Finding]:
    """Whether what would be deployed is what is in the sources.

    Args:
        differing: files that differ from the sources; None when there is no bundle.
    """
    if differing is None:
        return [Finding("stop", "bundle", "build/lambda is not there", "make bundle")]
    if differing:
        shown = ", ".join(differing[:3]) + (f" and {len(differing) - 3} more" if len(differing) > 3 else "")
        return [Finding("stop", "bundle", f"build/lambda is older than the sources: {shown}", "make bundle")]
    return []
