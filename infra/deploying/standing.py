"""How a deployed stack is doing: its state, its consumer, its stream, what waits, and the alarms that are on."""

from typing import Any

from infra.deploying.looking import Existing
from infra.operating.facts import Clients


def standing(clients: Clients, stack: str, existing: Existing) -> dict[str, Any]:
    """What is known of a stack; what could not be asked is None, and named in ``clients.unknown``.

    Args:
        existing: as CloudFormation describes it.
    """
    found = existing.outputs
    mapping = clients.ask("the mapping", lambda: _mapping(clients, found), None)
    return {
        "stack": stack,
        "status": existing.status,
        "reason": existing.reason,
        "resources": existing.resources,
        "mapping": mapping,
        "version": clients.ask("the version", lambda: _version(clients, found), None),
        "stream": clients.ask("the stream", lambda: _stream(clients, found), None),
        "dead_letters": clients.ask("the dead letters", lambda: _dead_letters(clients, found), None),
        "notices_waiting": clients.ask("the queue of notices", lambda: _waiting(clients, found), None),
        "alarms": clients.ask("the alarms", lambda: _alarms(clients, stack), None),
        "not_looked_at": list(clients.unknown),
    }


def troubles_of(state: dict[str, Any]) -> list[str]:
    """What needs attention, a line each.

    >>> mapping = {"state": "Disabled", "last_result": "", "uuid": "u"}
    >>> for line in troubles_of({"stack": "s", "status": "CREATE_COMPLETE", "mapping": mapping, "alarms": ["s-A-1"]}):
    ...     print(line)
    nothing is moderated: mapping u is Disabled; streamkeeper resume --stack s
    alarm s-A-1 is on; docs/runbook.md says what to do
    """
    name, status = state["stack"], state["status"]
    lines = []
    if status == "UPDATE_ROLLBACK_COMPLETE":
        lines.append("the last deployment failed and was taken back")
    elif not status.endswith("_COMPLETE") or "ROLLBACK" in status or status == "IMPORT_COMPLETE":
        lines.append(
            f"stack {name} is in {status} {state['reason']}".rstrip() + "; streamkeeper deploy says what to do"
        )
    mapping = state.get("mapping")
    if mapping and mapping["state"] != "Enabled":
        where = f"mapping {mapping['uuid']} is {mapping['state']}"
        lines.append(f"nothing is moderated: {where}; streamkeeper resume --stack {name}")
    if mapping and str(mapping["last_result"]).startswith("PROBLEM"):
        lines.append(f"the mapping says {mapping['last_result']}; streamkeeper explain --stack {name}")
    if state.get("dead_letters"):
        lines.append(f"{state['dead_letters']} dead letters; streamkeeper redrive dead-letters --stack {name}")
    lines += [f"alarm {one} is on; docs/runbook.md says what to do" for one in state.get("alarms") or []]
    return lines


def _mapping(clients: Clients, found: dict[str, str]) -> dict[str, Any] | None:
    if "ModerateMappingId" not in found:
        return None
    said = clients.of("lambda").get_event_source_mapping(UUID=found["ModerateMappingId"])
    return {"uuid": said["UUID"], "state": said["State"], "last_result": said.get("LastProcessingResult", "")}


def _version(clients: Clients, found: dict[str, str]) -> dict[str, Any] | None:
    """Which version gets the batches, and which gets a share of them while a deployment is under way."""
    if "LiveAlias" not in found:
        return None
    function, _, alias = found["LiveAlias"].rpartition(":")
    said = clients.of("lambda").get_alias(FunctionName=function, Name=alias)
    weights = (said.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
    canary = next(({"version": version, "share": float(share)} for version, share in weights.items()), None)
    return {"alias": alias, "version": said["FunctionVersion"], "canary": canary}


def _stream(clients: Clients, found: dict[str, str]) -> dict[str, Any] | None:
    if "ContentStreamName" not in found:
        return None
    said = clients.of("kinesis").describe_stream_summary(StreamName=found["ContentStreamName"])
    about = said["StreamDescriptionSummary"]
    return {
        "name": about["StreamName"],
        "status": about["StreamStatus"],
        "open_shards": about["OpenShardCount"],
        "kept_hours": about["RetentionPeriodHours"],
    }


def _dead_letters(clients: Clients, found: dict[str, str]) -> int | None:
    """How many there are, a thousand at most."""
    if "DeadLetterBucketName" not in found:
        return None
    return int(clients.of("s3").list_objects_v2(Bucket=found["DeadLetterBucketName"])["KeyCount"])


def _waiting(clients: Clients, found: dict[str, str]) -> int | None:
    if "EnforcementQueueUrl" not in found:
        return None
    said = clients.of("sqs").get_queue_attributes(
        QueueUrl=found["EnforcementQueueUrl"], AttributeNames=["ApproximateNumberOfMessages"]
    )
    return int(said["Attributes"]["ApproximateNumberOfMessages"])


def _alarms(clients: Clients, stack: str) -> list[str]:
    pages = clients.of("cloudwatch").get_paginator("describe_alarms")
    found = pages.paginate(AlarmNamePrefix=f"{stack}-", StateValue="ALARM")
    return [one["AlarmName"] for page in found for one in page.get("MetricAlarms", [])]
