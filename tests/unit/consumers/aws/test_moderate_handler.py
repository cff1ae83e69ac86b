"""The Lambda function as a whole: settings, answers, metrics, and nothing of the content anywhere but in its rows."""

import json
import logging
import subprocess
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import pytest

from consumers.aws.application import Application, Parts
from consumers.aws.metrics import metric_line
from consumers.aws.settings import Settings, SettingsError
from consumers.batch import MalformedEventError, check_answer
from consumers.escalation import Tally
from consumers.moderation.moderator import Moderator
from consumers.moderation.policy import Policy
from consumers.pipeline import Consumer
from consumers.policies import read_policy
from consumers.ports import DefectError
from consumers.report import Report
from consumers.resend import Retry
from consumers.rows import RowMaker
from glue.codec import Lateness
from glue.redaction import redacted
from tests.fakes.kinesis_events import NOW, aggregate, kinesis_event, payload
from tests.fakes.policies import FixedPolicy
from tests.fakes.stream import VirtualClock
from tests.fakes.world import FakeWorld, effects_on

ENVIRONMENT = {
    "VERDICTS_DELIVERY_STREAM": "verdicts",
    "QUARANTINE_DELIVERY_STREAM": "quarantine",
    "EVENT_BUS_NAME": "bus",
    "STATUS_TABLE": "status",
}
CANARY = "xyzzy-canary"
MODERATOR = Moderator(Policy.load(read_policy("default")))


class Context:
    def __init__(self, milliseconds: int = 60_000) -> None:
        self._milliseconds = milliseconds

    def get_remaining_time_in_millis(self) -> int:
        return self._milliseconds


def application(world: FakeWorld, moderator: object = MODERATOR) -> Application:
    clock = VirtualClock(NOW.timestamp() + 5)
    effects = effects_on(world, clock, retry=Retry(attempts=2), seconds=60)
    rows = RowMaker(moderator, Lateness(), code_version="1")  # type: ignore[arg-type]
    policies = FixedPolicy(moderator)
    parts = Parts(rows=rows, effects=effects, clock=clock, function="moderate", policies=policies, to_log=True)
    return Application(parts, Consumer(rows, effects, clock=clock).process, check=check_answer)


def test_a_batch_is_answered_and_measured_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    world = FakeWorld()
    answer = application(world).handle(
        kinesis_event([payload(0, "hello"), payload(1, "you idiot"), b"garbage"]), Context()
    )
    assert answer == {"batchItemFailures": []}
    [line] = capsys.readouterr().out.splitlines()
    metrics = json.loads(line)
    [declared] = metrics["_aws"]["CloudWatchMetrics"]
    assert (declared["Namespace"], declared["Dimensions"]) == ("Streamkeeper", [["Function"]])
    values = {one["Name"]: metrics[one["Name"]] for one in declared["Metrics"]}
    assert values == {
        "Records": 3,
        "Events": 3,
        "Bad": 1,
        "Poison": 0,
        "ToRetry": 0,
        "Resent": 0,
        "Notified": 1,
        "Statuses": 1,
        "VerdictsAllow": 1,
        "VerdictsFlag": 1,
        "VerdictsReview": 0,
        "VerdictsBlock": 0,
        "Label.insult": 1,
        "PolicyRefused": 0,
        "IteratorAge": 4998,
        "Duration": 0,
    }


def test_managed_ai_is_measured_only_where_it_was_to_be_asked() -> None:
    def line(asked: Tally | None) -> dict[str, Any]:
        report = Report({"batchItemFailures": []}, asked=asked)
        document: dict[str, Any] = json.loads(metric_line(report, function="f", policy="p", started=1.0, ended=2.0))
        return document

    plain, asked = line(None), line(Tally(calls=7, failures=3, opened=1, degraded=2, over_budget=4))
    more = {"ManagedCalls": 7, "ManagedFailures": 3, "ManagedOpened": 1, "ManagedOverBudget": 4, "Degraded": 2}
    assert {name: asked[name] for name in asked.keys() - plain.keys()} == more
    declared = [{one["Name"] for one in each["_aws"]["CloudWatchMetrics"][0]["Metrics"]} for each in (plain, asked)]
    assert declared[1] - declared[0] == more.keys()


def test_no_name_in_the_metrics_depends_on_content() -> None:
    line = metric_line(Report({"batchItemFailures": []}), function="f", policy="p", started=1.0, ended=2.0)
    assert set(json.loads(line)) >= {"Function", "Policy"}
    assert json.loads(line)["Duration"] == 1000.0


def test_the_time_that_is_left_bounds_what_is_begun() -> None:
    world = FakeWorld()
    answer = application(world).handle(kinesis_event([payload(0, "hello")]), Context(milliseconds=0))
    assert answer == {"batchItemFailures": [{"itemIdentifier": "1000"}]}
    assert world.effects == []


def test_an_event_of_another_source_is_a_typed_error() -> None:
    with pytest.raises(MalformedEventError):
        application(FakeWorld()).handle({"records": []}, Context())


class Faulty:
    policy_id, policy_version = "p", "v"
    managed = ()
    velocity = None
    handling: Mapping[str, str] = MappingProxyType({})

    def judge_all(self, contents: Sequence[Any]) -> list[object]:
        return [self.judge(one.text, surface=one.surface, language=one.language) for one in contents]

    def judge(self, text: str, *, surface: str, language: str | None = None, author_id: str | None = None) -> object:
        raise ValueError(f"cannot read {text}")


FULL = [
    payload(0, f"you idiot {CANARY} jo@{CANARY}.example.org", surface=f"{CANARY}-surface", context={"a": CANARY}),
    payload(1, f"free money {CANARY}", hold=True, **{CANARY: CANARY}),
    f'{{"{CANARY}": '.encode(),
    payload(2, CANARY, event_id=CANARY),
    payload(3, CANARY, language=f"{CANARY}!"),
    aggregate([CANARY.encode()])[:-1] + b"?",
    CANARY.encode(),
]


@pytest.mark.parametrize(
    "make",
    [
        lambda: application(FakeWorld()),
        lambda: application(FakeWorld(rows_fail=lambda call, item: True)),
        lambda: application(FakeWorld(notices_fail=lambda call, item: True)),
        lambda: application(FakeWorld(raises={"rows": DefectError("refused")})),
        lambda: application(FakeWorld(raises={"notices": KeyError(CANARY)})),
        lambda: application(FakeWorld(raises={"statuses": RuntimeError(CANARY)})),
        lambda: application(FakeWorld(), Faulty()),
    ],
    ids=["well", "rows open", "notices open", "defect", "fault in notices", "fault in statuses", "fault in detectors"],
)
@pytest.mark.parametrize("payloads", [FULL, FULL[:2], FULL[:1]], ids=["all", "two", "one"])
def test_nothing_of_the_content_is_in_logs_metrics_or_errors(
    make: Callable[[], Application],
    payloads: list[bytes],
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    shown = ""
    try:
        make().handle(kinesis_event(payloads), Context())
    except (DefectError, MalformedEventError) as error:
        # As Lambda prints it: with whatever it was raised from.
        shown = "".join(traceback.format_exception(error))
    captured = capsys.readouterr()
    assert CANARY not in shown + captured.out + captured.err + caplog.text


def test_notices_and_statuses_hold_no_text_and_quarantine_details_no_payload() -> None:
    world = FakeWorld()
    application(world).handle(kinesis_event(FULL), Context())
    assert world.notices
    assert world.statuses
    assert CANARY not in repr(world.notices) + repr(world.statuses)
    assert len(world.rows("quarantine")) == 5
    assert CANARY not in "".join(str(row["detail"]) + str(row["reason"]) for row in world.rows("quarantine"))


def test_an_unforeseen_fault_is_told_by_its_type_and_place() -> None:
    try:
        {}["secret"]
    except KeyError as error:
        told = redacted(error)
    assert told.startswith("KeyError at aws/test_moderate_handler.py:")


def test_settings_are_read_and_have_defaults() -> None:
    settings = Settings.read({**ENVIRONMENT, "AWS_REGION": "x", "MAX_JOBS": "y", "STATUS_TTL_DAYS": "7"})
    assert settings == Settings(
        verdicts_delivery_stream="verdicts",
        quarantine_delivery_stream="quarantine",
        event_bus_name="bus",
        status_table="status",
        policy="default",
        status_ttl_days=7,
        max_late_days=30,
        max_ahead_hours=24,
    )
    assert settings.status_seconds == 7 * 86400


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"STATUS_TABLE": ""}, "STATUS_TABLE: received ''; allowed: a name"),
        ({"STATUS_TTL_DAYS": "0"}, "STATUS_TTL_DAYS: received '0'; allowed: a whole number from 1 to 3650"),
        ({"MAX_LATE_DAYS": "ten"}, "MAX_LATE_DAYS: received 'ten'; allowed: a whole number from 1 to 400"),
        ({"MAX_AHEAD_HOURS": "25"}, "MAX_AHEAD_HOURS: received '25'; allowed: a whole number from 0 to 24"),
        ({"STATUS_TTL_DAY": "7"}, "STATUS_TTL_DAY: unknown; allowed: EVENT_BUS_NAME, "),
    ],
)
def test_settings_that_are_wrong_are_named_with_what_is_allowed(change: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.read({**ENVIRONMENT, **change})
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("missing", sorted(ENVIRONMENT))
def test_a_missing_setting_is_named(missing: str) -> None:
    with pytest.raises(SettingsError, match=f"^{missing}: not set"):
        Settings.read({key: value for key, value in ENVIRONMENT.items() if key != missing})


@pytest.mark.parametrize("handler", ["moderate_handler", "transform_handler"])
def test_a_handler_prepares_at_import_in_lambda_and_loads_nothing_that_a_lambda_does_not_need(handler: str) -> None:
    program = f"""
import sys
import consumers.aws.{handler} as module
assert module.handle.is_ready
heavy = set("pyarrow duckdb sqlglot infra producers athena pandas pydantic click rich moto yaml".split())
print(sorted(heavy & {{name.partition(".")[0] for name in sys.modules}}))
"""
    environment = {**ENVIRONMENT, "AWS_LAMBDA_FUNCTION_NAME": handler, "AWS_REGION": "us-east-1"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**environment, "AWS_DEFAULT_REGION": "us-east-1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"
