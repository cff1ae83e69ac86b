"""A policy that is exchanged while the pipeline runs: no deploy, no lost verdict, and never a broken one."""

import itertools
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from athena.aws.engine import AthenaEngine
from consumers.moderation.policy import Policy
from glue.system_clock import SystemClock
from infra.commands.policy import policy
from infra.demo import Lake
from infra.local.twin import Twin
from producers.aws.kinesis import KinesisStream
from producers.delivery.sending import deliver
from producers.ports import OutRecord
from producers.synthetic.content import synthetic
from tests.fakes.handlers import log_of
from tests.fakes.handlers import publish as publish_version

POLICY = 'id = "ours"\n[labels.spam]\nflag = 0.3\n[[terms]]\nrule = "r"\nlabel = "spam"\nscore = 0.5\nterms = ["the"]\n'


@pytest.fixture(scope="module")
def twin() -> Iterator[Twin]:
    with Twin(parameters={"PolicyPlace": "bucket", "PolicyRefreshSeconds": "0"}) as running:
        yield running


def versions(twin: Twin, *, seed: int) -> set[tuple[str, str]]:
    """The policies that decided a few events sent now."""
    made = [one for one in synthetic(30, seed=seed, now=time.time()) if one.event_id is not None]
    records = [OutRecord(str(one.event_id), one.partition_key, one.payload) for one in made]
    report = deliver(records, KinesisStream(twin.outputs["ContentStreamName"]), clock=SystemClock())
    assert report.failed == []
    assert twin.drain(600)["drained"]
    lake = Lake(AthenaEngine(twin.client("athena")), twin.outputs["DatabaseName"], twin.outputs["WorkGroupName"])
    answer = lake.run("SELECT event_id, policy_id, policy_version FROM verdicts WHERE dt >= ?", ["'2020-01-01'"])
    sent = {record.event_id for record in records}
    assert sent <= {row[0] for row in answer.rows}
    return {(str(row[1]), str(row[2])) for row in answer.rows if row[0] in sent}


def publish(path: Path, text: str) -> tuple[int, str]:
    path.write_text(text)
    result = CliRunner().invoke(policy, ["publish", str(path)])
    return result.exit_code, result.output


@pytest.mark.usefixtures("environment")
def test_a_published_policy_holds_and_a_broken_one_never(twin: Twin, tmp_path: Path) -> None:
    first, second = Policy.load(POLICY), Policy.load(POLICY.replace('"the"', '"and"'))
    [(bundled, _)] = versions(twin, seed=1)
    assert bundled == "default", "nothing is in the bucket yet"

    code, output = publish(tmp_path / "p.toml", POLICY)
    assert re.search(r"Every function uses it within \d+ seconds", output), output
    assert (code, first.version in output) == (0, True)
    assert versions(twin, seed=2) == {("ours", first.version)}

    code, output = publish(tmp_path / "p.toml", POLICY.replace("flag", "flga"))
    assert code == 1
    assert "is not published" in output
    # By hand, past the check.
    twin.client("s3").put_object(Bucket=twin.outputs["LakeBucketName"], Key="policies/default.toml", Body=b"flga = [")
    assert versions(twin, seed=3) == {("ours", first.version)}

    assert publish(tmp_path / "p.toml", POLICY.replace('"the"', '"and"'))[0] == 0
    assert versions(twin, seed=4) == {("ours", second.version)}


MALFORMED = {
    "a misspelt key": POLICY + '[labels.pii]\n[personal_data]\nlabel = "pii"\nscores = { emial = 0.5 }\n',
    "a number without end": POLICY + "[severities]\nhigh = " + "9" * 5000 + "\n",
    "no text": "\x00\ufffd\x07",
}

STARTS = itertools.count()


def put(twin: Twin, text: str) -> None:
    """Puts a policy by hand, past every check."""
    key = "policies/default.toml"
    twin.client("s3").put_object(Bucket=twin.outputs["LakeBucketName"], Key=key, Body=text.encode())


def start_cold(twin: Twin) -> None:
    name = twin.outputs["ModerateFunctionName"]
    # A version is published only of what has changed.
    twin.client("lambda").update_function_configuration(FunctionName=name, Description=f"cold {next(STARTS)}")
    publish_version(twin, name)


def refused(twin: Twin) -> list[int]:
    """What the metric PolicyRefused said, invocation by invocation."""
    lines = log_of(twin, twin.outputs["ModerateFunctionName"])
    return [json.loads(line)["PolicyRefused"] for line in lines if line.startswith('{"_aws"')]


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("starting", [pytest.param(False, id="warm"), pytest.param(True, id="cold")])
@pytest.mark.parametrize("published", [True, False])
def test_the_stream_goes_on_with_the_last_good_policy_whatever_is_put_in_its_place(
    twin: Twin, tmp_path: Path, starting: bool, published: bool
) -> None:
    good = POLICY.replace('"the"', f'"for{int(starting)}{int(published)}"')
    if published:
        assert publish(tmp_path / "p.toml", good)[0] == 0
    else:
        put(twin, good)
    assert versions(twin, seed=5) == {("ours", Policy.load(good).version)}
    for number, text in enumerate(MALFORMED.values()):
        put(twin, text)
        if starting:
            start_cold(twin)
        before = len(refused(twin))
        assert versions(twin, seed=100 + 10 * number + 2 * published + starting) == {
            ("ours", Policy.load(good).version)
        }
        counted = refused(twin)[before:]
        assert counted
        assert all(counted)
    put(twin, good)
    assert versions(twin, seed=200 + 2 * published + starting) == {("ours", Policy.load(good).version)}
