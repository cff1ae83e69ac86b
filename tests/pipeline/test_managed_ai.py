"""A policy that asks managed AI, on the laptop runtime: verdicts land decided while it answers, degraded when not."""

import json
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from athena.aws.engine import AthenaEngine
from glue.system_clock import SystemClock
from infra.commands.replay import replay
from infra.demo import Lake
from infra.local.twin import Twin
from producers.aws.kinesis import KinesisStream
from producers.delivery.sending import deliver
from producers.ports import OutRecord
from tests.fakes.handlers import handler_of, log_of
from tests.fakes.managed import ASKED, DOWN

HERE = Path(__file__).parent
POLICY = """
id = "ours"
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
[[managed]]
rule = "images"
service = "rekognition"
labels = { Violence = "insult" }
"""
PARAMETERS = {
    "PolicyPlace": "bucket",
    "PolicyRefreshSeconds": "0",
    "ComprehendAccess": "on",
    "GuardrailArns": "arn:aws:bedrock:us-east-1:111122223333:guardrail/abc",
    "MediaBucketName": "media",
}


@pytest.fixture(scope="module")
def twin() -> Iterator[Twin]:
    with Twin(parameters=PARAMETERS) as running:
        yield running


@pytest.fixture(autouse=True)
def environment(twin: Twin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", twin.endpoint_url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", twin.region)
    twin.client("s3").put_object(
        Bucket=twin.outputs["LakeBucketName"], Key="policies/default.toml", Body=POLICY.encode()
    )


def ask(twin: Twin) -> Lake:
    return Lake(AthenaEngine(twin.client("athena")), twin.outputs["DatabaseName"], twin.outputs["WorkGroupName"])


def verdicts(twin: Twin, texts: Sequence[str]) -> dict[str, tuple[str, set[str], set[str]]]:
    """Action, flags and detectors of each text's one verdict, by the text; one that begins with s3:// is an image."""
    ids = {str(uuid.uuid4()): text for text in texts}
    records = []
    for event_id, text in ids.items():
        image = [{"uri": text, "mime_type": "image/jpeg"}] if text.startswith("s3://") else []
        document = {
            "schema_version": 1,
            "event_id": event_id,
            "content_id": event_id,
            "author_id": "a",
            "surface": "chat",
            "created_at": datetime.now(UTC).isoformat(),
            "text": "" if image else text,
            "media": image,
        }
        records.append(OutRecord(event_id, event_id, msgspec.json.encode(document)))
    assert deliver(records, KinesisStream(twin.outputs["ContentStreamName"]), clock=SystemClock()).failed == []
    assert twin.drain(600)["drained"]
    sql = (
        "SELECT event_id, action, array_join(flags, ','), array_join(transform(signals, s -> s.detector), ',') "
        "FROM current_verdicts WHERE dt >= ?"
    )
    return {
        ids[str(row[0])]: (str(row[1]), set(str(row[2]).split(",")) - {""}, set(str(row[3]).split(",")) - {""})
        for row in ask(twin).run(sql, ["'2020-01-01'"]).rows
        if row[0] in ids
    }


DEGRADED = "dt >= '2020-01-01' AND contains(flags, 'degraded')"
TEXTS = ["hello", "you fool", "you awful fool", "cursed fool", "s3://media/war.jpg", "s3://media/peace.jpg"]


def test_verdicts_land_decided_while_it_answers_degraded_when_not_and_a_replay_mends_them(
    twin: Twin, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.syspath_prepend(str(HERE))
    handler = "managed_handler.handle"
    with handler_of(twin, "ModerateFunctionName", handler) as name:
        assert verdicts(twin, TEXTS) == {
            "hello": ("allow", set(), set()),
            "you fool": ("flag", set(), {"terms"}),
            "you awful fool": ("block", set(), {"terms", "bedrock"}),
            "cursed fool": ("flag", {"degraded"}, {"terms"}),
            "s3://media/war.jpg": ("block", set(), {"rekognition"}),
            "s3://media/peace.jpg": ("allow", set(), set()),
        }
        lake = [json.loads(line.removeprefix(ASKED)) for line in log_of(twin, name) if line.startswith(ASKED)]
        assert sorted(lake) == sorted(set(TEXTS) - {"hello"}), "each once, and only what was open"

    with handler_of(twin, "ModerateFunctionName", handler, {DOWN: "1"}):
        assert verdicts(twin, TEXTS) == {
            "hello": ("allow", set(), set()),
            "you fool": ("flag", {"degraded"}, {"terms"}),
            "you awful fool": ("flag", {"degraded"}, {"terms"}),
            "cursed fool": ("flag", {"degraded"}, {"terms"}),
            "s3://media/war.jpg": ("allow", {"degraded"}, set()),
            "s3://media/peace.jpg": ("allow", {"degraded"}, set()),
        }

    with handler_of(twin, "ModerateFunctionName", handler):
        mend(twin, tmp_path)
    [(left,)] = ask(twin).run(f"SELECT count(*) FROM current_verdicts WHERE {DEGRADED}", []).rows
    assert left == 2, "the text that the service refuses, of both times"


def mend(twin: Twin, folder: Path) -> None:
    """Decides degraded verdicts again, as the README says."""
    degraded = ask(twin).run(f"SELECT event_id FROM current_verdicts WHERE {DEGRADED}", []).rows
    ids = folder / "degraded.txt"
    ids.write_text("".join(f"{row[0]}\n" for row in degraded))
    options = ["--since", "1h", "--ids", str(ids), "--run-id", "mend", "--state", str(folder / "runs"), "--json"]
    result = CliRunner().invoke(replay, options)
    assert result.exit_code == 0, result.output
    assert twin.drain(600)["drained"]


def test_where_no_service_answers_the_verdicts_land_all_the_same(twin: Twin) -> None:
    # The handler as it is deployed: the laptop runtime has no managed AI, as an account without the rights.
    assert verdicts(twin, TEXTS[:3]) == {
        "hello": ("allow", set(), set()),
        "you fool": ("flag", {"degraded"}, {"terms"}),
        "you awful fool": ("flag", {"degraded"}, {"terms"}),
    }
