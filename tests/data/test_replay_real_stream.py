"""A real stream through the laptop runtime, then replayed twice: equal checksums, from the archive and the stream."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from athena.aws.engine import AthenaEngine
from infra.cli import streamkeeper
from infra.local.twin import Twin
from tests.fakes.checksum import Checksum, checksum

FOLDER = Path(os.environ["STREAMKEEPER_DATA"]) / "streams"
STREAMS = {
    "ubuntu_irc_chat": ["--map", "created_at=ts", "--map", "author_id=user", "--set", "surface=chat", "--shift-time"],
    "reddit_goemotions": ["--map", "event_id=id", "--set", "surface=comment", "--default", "author_id=reddit"],
}


@pytest.fixture
def twin(monkeypatch: pytest.MonkeyPatch) -> Iterator[Twin]:
    with Twin(parameters={"ShardCount": "8"}) as running:
        monkeypatch.setenv("AWS_ENDPOINT_URL", running.endpoint_url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        monkeypatch.setenv("AWS_DEFAULT_REGION", running.region)
        yield running


def run(*arguments: str) -> dict[str, Any]:
    result = CliRunner().invoke(streamkeeper, [*arguments, "--json"])
    assert result.exit_code == 0, result.output
    return dict(msgspec.json.decode(result.stdout))


def counts(twin: Twin) -> Checksum:
    assert twin.drain(600)["drained"]
    engine = AthenaEngine(twin.client("athena"))
    names = {"database": twin.outputs["DatabaseName"], "workgroup": twin.outputs["WorkGroupName"]}
    return checksum(engine, **names, first_day="2020-01-01", last_day="2999-12-31")


def notices(twin: Twin) -> int:
    queue, names = twin.outputs["EnforcementQueueUrl"], ["ApproximateNumberOfMessages"]
    found = twin.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
    return int(found[names[0]])


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", STREAMS)
def test_a_real_stream_replayed_twice_has_equal_checksums(twin: Twin, tmp_path: Path, name: str) -> None:
    # given a real stream that has landed
    source = str(FOLDER / name / "events.jsonl.gz")
    rejects = ["--rejects", str(tmp_path / "rejects.jsonl"), "--allow-rejects"]
    produced = run("produce", "--from", source, *STREAMS[name], "--limit", "12000", *rejects)
    before, told = counts(twin), notices(twin)
    assert before.events == produced["accepted"] > 9_000
    # when it is replayed from the archive, and once more from the stream itself
    state = ["--state", str(tmp_path / "runs"), "--since", "1h", "--rate", "max"]
    for source_of, run_id in (("archive", "first"), ("stream", "second")):
        started = time.monotonic()
        done = run("replay", *state, "--from", source_of, "--run-id", run_id)
        after = counts(twin)
        print(f"{name} from {source_of}: {done['sent']:,} sent in {time.monotonic() - started:.1f} s, {after.value}")
        # then every event came again, the checksum is the same, and nobody was told again
        assert (done["sent"], done["refused"], done["estimated"]) == (before.events, {}, 0)
        assert (after, notices(twin)) == (before, told)
