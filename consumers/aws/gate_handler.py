"""The hook that CodeDeploy calls before a new version gets traffic: ``consumers.aws.gate_handler.handle``.

It has the old and the new version rehearse the golden batch, compares, and tells CodeDeploy. Whatever goes wrong on the
way is a refusal: a version that cannot be looked at does not get traffic.

Source: https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure-hooks.html
"""

import base64
import json
import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from consumers.aws.settings import SettingsError
from consumers.aws.sinks import make_client
from consumers.gate import Failure, Judgement, Limits, Rehearsed, answer_in, judge, report_in
from consumers.golden import BATCH_SIZE, golden_records
from consumers.rehearsal import NAME

log = logging.getLogger("streamkeeper.gate")
RUNS: Final = 2
"""Over the whole batch; the shortest counts, since the first is a cold start."""
# A version that never answers is waited for until its own time-out ends it.
_CONFIG = Config(retries={"mode": "standard", "total_max_attempts": 4}, connect_timeout=5, read_timeout=890)
_TELLING = Config(retries={"mode": "standard", "total_max_attempts": 5}, connect_timeout=5, read_timeout=10)


class Gate:
    """Compares two versions of one function.

    Args:
        functions: boto3's client of Lambda.
        records: the golden batch.
    """

    def __init__(self, functions: Any, records: Sequence[Mapping[str, Any]]) -> None:
        self._functions = functions
        self._records = records

    def judge(self, old: str, new: str, limits: Limits) -> Judgement:
        """Whether the new version may have traffic.

        Args:
            old, new: ARNs of the versions.
        """
        try:
            before = self.rehearse(old)
        except Failure as failure:
            return Judgement([f"the old version cannot be compared with: {failure}"], [])
        try:
            return judge(before, self.rehearse(new), limits)
        except Failure as failure:
            return Judgement([str(failure)], [])

    def rehearse(self, version: str) -> Rehearsed:
        """What a version says of the golden batch.

        Raises:
            Failure: it fails, does not answer, or answers something else.
        """
        verdicts: dict[str, Sequence[str]] = {}
        times, most = [], 0.0
        policies: set[tuple[str, bool]] = set()
        for run in range(RUNS):
            milliseconds = 0.0
            for some in self._batches():
                payload, log_end = self._invoke(version, some)
                seen = report_in(log_end)
                milliseconds, most = milliseconds + seen.milliseconds, max(most, seen.megabytes)
                numbers = [one["kinesis"]["sequenceNumber"] for one in some]
                policy, refused, found = answer_in(payload, numbers)
                policies.add((policy, refused))
                if run and any(verdicts.get(place) != said for place, said in found.items()):
                    raise Failure("it does not say the same of the same events twice")
                verdicts |= found
            times.append(milliseconds)
        if len(policies) != 1:
            raise Failure("its policy changed meanwhile; deploy again")
        [(policy, refused)] = policies
        return Rehearsed(policy, refused, verdicts, min(times), most)

    def _batches(self) -> Iterator[Sequence[Mapping[str, Any]]]:
        for start in range(0, len(self._records), BATCH_SIZE):
            yield self._records[start : start + BATCH_SIZE]

    def _invoke(self, version: str, records: Sequence[Mapping[str, Any]]) -> tuple[Any, str]:
        event = json.dumps({NAME: {"Records": list(records)}}).encode()
        try:
            answer = self._functions.invoke(FunctionName=version, Payload=event, LogType="Tail")
            payload = json.loads(answer["Payload"].read())
        except (BotoCoreError, ClientError) as error:
            raise Failure(f"it cannot be invoked: {type(error).__name__}") from None
        except ValueError:
            raise Failure("its answer is no JSON") from None
        if "FunctionError" in answer:
            kind = payload.get("errorType") if isinstance(payload, dict) else None
            raise Failure(f"it fails: {str(kind or 'without an answer')[:100]}")
        return payload, base64.b64decode(answer.get("LogResult", "")).decode("utf-8", "replace")


def check(environment: Mapping[str, str], functions: Any) -> Judgement:
    """What the gate says of the version that a deployment brings.

    Args:
        environment: the hook's, which names the new version and the alias.
        functions: boto3's client of Lambda.

    Raises:
        SettingsError: a variable is missing or is no number.
    """
    new, alias = _given(environment, "NEW_VERSION"), _given(environment, "LIVE_ALIAS")
    function = new.rpartition(":")[0]
    limits = Limits(
        slower_percent=_number(environment, "SLOWER_PERCENT"), changed_percent=_number(environment, "CHANGED_PERCENT")
    )
    version = functions.get_alias(FunctionName=function, Name=alias)["FunctionVersion"]
    return Gate(functions, golden_records()).judge(f"{function}:{version}", new, limits)


def handle(
    event: Any,
    context: Any,
    environment: Mapping[str, str] | None = None,
    client: Callable[[str, Config], Any] = make_client,
) -> dict[str, Any]:
    """Tells CodeDeploy whether the new version may have traffic, and gives what was seen.

    Args:
        event: CodeDeploy's.
        environment: the function's; left out, the process's.
        client: gives the boto3 client of a service.
    """
    given = os.environ if environment is None else environment
    deployment, hook = event["DeploymentId"], event["LifecycleEventHookExecutionId"]
    try:
        found = check(given, client("lambda", _CONFIG))
    except (BotoCoreError, ClientError, SettingsError) as error:
        found = Judgement([f"the gate itself failed: {type(error).__name__}"], [])
    for line in found.notes:
        log.info("%s", line)
    for line in found.refusals:
        log.error("refused: %s", line)
    client("codedeploy", _TELLING).put_lifecycle_event_hook_execution_status(
        deploymentId=deployment,
        lifecycleEventHookExecutionId=hook,
        status="Succeeded" if found.passes else "Failed",
    )
    return {"passes": found.passes, "refusals": found.refusals, "notes": found.notes}


def _given(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name, "").strip()
    if not value:
        raise SettingsError(f"{name}: not set")
    return value


def _number(environment: Mapping[str, str], name: str) -> int:
    value = _given(environment, name)
    if not (value.isascii() and value.isdigit()):
        raise SettingsError(f"{name}: received {value[:40]!r}; allowed: a number of percent")
    return int(value)
