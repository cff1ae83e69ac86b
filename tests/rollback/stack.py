"""A stack that is deployed to while events come in, on a clock that a test moves."""

import io
import json
from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from datetime import UTC, datetime
from itertools import cycle
from typing import Any

import pyarrow.parquet as pq

from infra.local.cloudformation.provision import read_template
from infra.local.codedeploy.deployment import BEFORE
from infra.local.testbed import Testbed
from infra.local.twin import Twin
from producers.synthetic.content import synthetic
from tests.fakes.until import until
from tests.gamedays.functions import GameClock
from tests.rollback.builds import Builds, archive

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC).timestamp()
STACK = "gated"
ROUNDS = 10
"""Of puts in a minute: with a share of a tenth, one batch at least goes to the canary."""
CHANCES = tuple(one / 10 + 0.05 for one in range(10))
"""Which version a batch goes to, in turns: how many batches there were before depends on the machine."""
BUILDS = "builds"
FIRST: dict[str, Any] = {"Resources": {"Builds": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": BUILDS}}}}
"""What the runtime is started with: a stack that is changed is made by a change set."""


class BuildTestbed(Testbed):
    """A testbed whose functions are builds."""

    def __init__(self) -> None:
        self.time = GameClock(START)
        super().__init__(clock=self.time)
        self.made: Builds

    def functions(self, **settings: Any) -> Builds:
        """The runtime's functions."""
        self.made = Builds(self.time, self.faults, **settings, chance=cycle(CHANCES).__next__)
        return self.made


class Gated:
    """A stack, its traffic, and what became of it."""

    def __init__(self, twin: Twin, testbed: BuildTestbed) -> None:
        self.twin, self.testbed = twin, testbed
        self.builds = testbed.made
        self.cloudformation = twin.client("cloudformation")
        self.accepted: list[str] = []
        self._records: Iterator[Any] = synthetic(100_000, now=START, seed=9, window=3_600.0)
        self._changes = 0

    # ------------------------------------------------------------------------------------------- deployments

    def template(self, build: str, **parameters: Any) -> dict[str, Any]:
        """The project's template with another build of the functions that moderate."""
        found = deepcopy(read_template())
        self.twin.client("s3").put_object(Bucket=BUILDS, Key=f"{build}.zip", Body=archive(build))
        for name in ("ModerateFunction", "TransformFunction"):
            found["Resources"][name]["Properties"]["CodeUri"] = {"Bucket": BUILDS, "Key": f"{build}.zip"}
        return found

    def deploy(self, build: str, **parameters: str) -> str:
        """Deploys a build while events come in; gives the state that the stack ends in."""
        self._changes += 1
        key = f"template-{self._changes}.json"
        body = json.dumps(self.template(build)).encode()
        self.twin.client("s3").put_object(Bucket=BUILDS, Key=key, Body=body)
        kind = "CREATE" if self._changes == 1 else "UPDATE"
        change = f"change-{self._changes}"
        given = [{"ParameterKey": name, "ParameterValue": one} for name, one in parameters.items()]
        self.cloudformation.create_change_set(
            StackName=STACK,
            ChangeSetName=change,
            ChangeSetType=kind,
            TemplateURL=f"https://s3.amazonaws.com/{BUILDS}/{key}",
            Capabilities=["CAPABILITY_IAM"],
            Parameters=given,
        )
        self.cloudformation.execute_change_set(StackName=STACK, ChangeSetName=change)
        while self.status.endswith("_IN_PROGRESS"):
            under_way = self.twin.deployments.under_way()
            if not under_way:
                until(
                    lambda: self.twin.deployments.under_way() or not self.status.endswith("_IN_PROGRESS"),
                    "a deployment",
                )
            elif self.gate_is_asked():
                # Time stands still while the gate works, so that its hour is not over before it has begun.
                self.put()
                self.testbed._look()
                self.settle()
                until(lambda: not self.gate_is_asked(), "the gate")
            else:
                self.minute()
        return self.status

    def gate_is_asked(self) -> bool:
        """Whether the hook of a deployment has not answered."""
        return any(one.events[0].status in ("Pending", "InProgress") for one in self.twin.deployments.under_way())

    @property
    def status(self) -> str:
        """The stack's."""
        return str(self.cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]["StackStatus"])

    @property
    def outputs(self) -> dict[str, str]:
        """The stack's."""
        found = self.cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]
        return {one["OutputKey"]: one["OutputValue"] for one in found["Outputs"]}

    def alias(self) -> dict[str, Any]:
        """The alias that batches go to."""
        answer: dict[str, Any] = self.twin.client("lambda").get_alias(FunctionName=f"{STACK}-moderate", Name="live")
        return answer

    def last(self) -> Any:
        """The last deployment."""
        return list(self.twin.deployments.deployments.values())[-1]

    def reasons(self) -> str:
        """Why resources failed, of the last operation."""
        events = self.cloudformation.describe_stack_events(StackName=STACK)["StackEvents"]
        return " ".join(one.get("ResourceStatusReason", "") for one in events[:40])

    # ------------------------------------------------------------------------------------------- traffic and time

    def put(self, count: int = 12) -> None:
        """Events onto the stream."""
        some = [next(self._records) for _ in range(count)]
        some = [one for one in some if one.event_id is not None and one.kind != "duplicate"]
        entries = [{"Data": one.payload, "PartitionKey": one.partition_key} for one in some]
        stream = self.outputs["ContentStreamName"]
        answer = self.twin.client("kinesis").put_records(StreamName=stream, Records=entries)
        assert answer["FailedRecordCount"] == 0
        self.accepted += [str(one.event_id) for one in some]

    def minute(self) -> None:
        """A minute with its traffic."""
        for _ in range(ROUNDS):
            self.put()
            self.wait(60 / ROUNDS)

    def wait(self, seconds: float) -> None:
        """Lets time pass, and everything happen that falls due."""
        self.testbed.handle("POST", "clock", {"advance": str(seconds)}, b"")
        self.settle()

    def settle(self) -> None:
        """Waits until nothing is under way."""
        while True:
            until(lambda: not self.twin.mappings.busy(), "invocations to end")
            self.twin.mappings.look()
            if not self.twin.mappings.busy():
                return

    # ------------------------------------------------------------------------------------------- what came of it

    def rows(self) -> list[dict[str, Any]]:
        """Every row that landed, as it lies in the lake."""
        for _ in range(30):
            self.wait(60)
        self.twin.drain(60)
        bucket = self.outputs["LakeBucketName"]
        found: list[dict[str, Any]] = []
        for key in self._keys(bucket, "verdicts/"):
            body = self.twin.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
            columns = ["verdict_id", "event_id", "content_id", "action"]
            found += pq.read_table(io.BytesIO(body), columns=columns).to_pylist()
        return found

    def dead_letters(self) -> int:
        """How many batches were given up."""
        return len(self._keys(self.outputs["DeadLetterBucketName"], ""))

    def quarantined(self) -> int:
        """How many objects of quarantine there are."""
        return len(self._keys(self.outputs["LakeBucketName"], "quarantine/"))

    def _keys(self, bucket: str, prefix: str) -> list[str]:
        pages = self.twin.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return [one["Key"] for page in pages for one in page.get("Contents", [])]

    def calm(self) -> None:
        """Lets the alarms of the last deployment become quiet, and begins to count batches anew.

        CodeDeploy begins no deployment while one of its alarms is on.
        """
        for _ in range(4):
            self.minute()
        self.forget()

    def forget(self) -> None:
        """Begins to count batches anew."""
        self.builds.batches.clear()
        self.builds.rehearsals.clear()


def doubled(rows: list[dict[str, Any]]) -> int:
    """How many events have more than one verdict that counts."""
    verdicts = {(one["event_id"], one["verdict_id"]) for one in rows}
    return sum(count > 1 for count in Counter(event for event, _ in verdicts).values())


__all__ = ["BEFORE", "BuildTestbed", "Gated", "doubled"]
