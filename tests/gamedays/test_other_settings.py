"""Game days of stacks with other parameters: the least retention, a policy in the bucket."""

import pytest

from consumers.policies import read_policy
from consumers.ports import Question, TransientError
from tests.fakes.managed import FakeManagedServices
from tests.gamedays.conftest import seen
from tests.gamedays.day import CLEAN, Day

PARAMETERS = {
    "StreamRetentionHours": 24,
    "MaximumRecordAgeSeconds": 64_800,
    "PolicyPlace": "bucket",
    "PolicyRefreshSeconds": 0,
    "BatchSize": 10,
    "NoticesRead": "off",
}


ASKING = """
id = "asking"
[labels.insult]
flag = 0.3
review = 0.6
block = 0.9
[[terms]]
rule = "mild"
label = "insult"
score = 0.4
terms = ["fool"]
[[managed]]
rule = "guard"
service = "bedrock"
guardrail = "abc"
guardrail_version = "1"
labels = { INSULTS = "insult" }
borderline.insult = { low = 0.3, high = 0.7 }
"""


def publish(day: Day, text: str) -> None:
    day.twin.client("s3").put_object(
        Bucket=day.outputs["LakeBucketName"], Key="policies/default.toml", Body=text.encode()
    )


def test_the_backlog_is_older_than_half_of_the_retention(day: Day, request: pytest.FixtureRequest) -> None:
    publish(day, read_policy("default"))
    day.calm()
    client, mapping = day.twin.client("lambda"), day.outputs["ModerateMappingId"]
    client.update_event_source_mapping(UUID=mapping, Enabled=False)
    # More than fits into one batch: the age of a batch is that of its last record.
    day.put([day.event(CLEAN) for _ in range(100)])
    day.jump(hours=13)
    day.twin.cloudwatch.watch.begin_anew()
    client.update_event_source_mapping(UUID=mapping, Enabled=True)
    minutes = day.trips("RetentionAlarm", also=("EnforcementAgeAlarm",))
    seen(request, minutes)


def test_a_policy_is_refused(day: Day, request: pytest.FixtureRequest) -> None:
    publish(day, read_policy("default"))
    day.calm()
    publish(day, "this is no policy")
    day.produces = lambda minute: (day.usual(minute), day.defer([day.event(CLEAN)]))[0]
    minutes = day.trips("ModeratePolicyAlarm", "TransformPolicyAlarm")
    seen(request, minutes)


def test_managed_ai_does_not_answer(day: Day, request: pytest.FixtureRequest) -> None:
    publish(day, ASKING)
    down = False

    def behaviour(call: int, question: Question) -> Exception | None:
        return TransientError("ServiceUnavailableException") if down else None

    day.functions.managed = FakeManagedServices(behaviour)

    def borderline(minute: int) -> None:
        day.usual(minute)
        day.put([day.event("you fool")])
        day.defer([day.event("you fool")])

    day.produces = borderline
    day.calm()
    down = True
    minutes = day.trips("ModerateDegradedAlarm", "TransformDegradedAlarm")
    seen(request, minutes)


def test_nobody_acts_on_a_verdict_for_a_day(day: Day, request: pytest.FixtureRequest) -> None:
    publish(day, read_policy("default"))
    day.reads_notices = False
    day.calm()
    day.jump(days=1)
    day.twin.cloudwatch.watch.begin_anew()
    minutes = day.trips("EnforcementAgeAlarm")
    seen(request, minutes)
