"""The pytest plugin as its users meet it: in a pytest of their own."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PLUGIN = "infra.testing.plugin"


def pytest_run(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTEST_"))}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", PLUGIN, "-p", "no:cacheprovider", *arguments],
        cwd=folder,
        env={**environment, "PYTHONPATH": str(ROOT), "XDG_STATE_HOME": str(folder / "state")},
        check=False,
        capture_output=True,
        text=True,
        timeout=900,
    )


def outcome(answer: "subprocess.CompletedProcess[str]") -> dict[str, int]:
    last = answer.stdout.strip().rpartition("\n")[2]
    return {word.rstrip("s"): int(count) for count, word in re.findall(r"(\d+) (passed|failed|errors?)", last)}


def test_the_example_of_the_documentation_passes(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "testing-your-pipeline.md").read_text("utf-8")
    [example] = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    (tmp_path / "test_example.py").write_text(example)
    answer = pytest_run(tmp_path)
    assert outcome(answer) == {"passed": example.count("\ndef test_")}, answer.stdout + answer.stderr
    assert list((tmp_path / "state" / "streamkeeper").iterdir()) == []


def test_tests_leave_one_another_nothing_in_processes_of_their_own_and_after_a_broken_stack(tmp_path: Path) -> None:
    (tmp_path / "test_many.py").write_text(
        """
import boto3
import pytest


def in_stream():
    kinesis = boto3.client("kinesis")
    name, *others = kinesis.list_streams()["StreamNames"]
    assert others == []
    shards = kinesis.list_shards(StreamName=name)["Shards"]
    found = 0
    for shard in shards:
        start = kinesis.get_shard_iterator(StreamName=name, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")
        found += len(kinesis.get_records(ShardIterator=start["ShardIterator"])["Records"])
    return name, len(shards), found


@pytest.mark.parametrize("turn", range(3))
def test_a_test_finds_nothing_of_others(stack, turn):
    name, shards, found = in_stream()
    assert (shards, found) == (3, 0)
    stack.put(["x"] * 5)
    boto3.client("kinesis").create_stream(StreamName="mine", ShardCount=1)
    stack.drain(300)


def test_breaks_the_stack(stack):
    boto3.client("firehose").delete_delivery_stream(DeliveryStreamName=stack.name(
        "AWS::KinesisFirehose::DeliveryStream", "QuarantineDeliveryStream"))


def test_finds_it_whole_again(stack):
    assert len(boto3.client("firehose").list_delivery_streams()["DeliveryStreamNames"]) == 3
    with stack.faults.throttle("kinesis.PutRecord", times=1) as fault:
        boto3.client("kinesis").put_record(StreamName=in_stream()[0], Data=b"x", PartitionKey="k")
        assert fault.struck == 1


def test_what_is_not_drained_is_named(stack):
    stack.faults.function_error("ModerateFunction", error="KeyError")
    stack.put("x")
    with pytest.raises(AssertionError, match="KeyError"):
        stack.drain(2)
"""
    )
    answer = pytest_run(tmp_path, "--streamkeeper-parameter", "ShardCount=3", "-n", "1")
    assert outcome(answer) == {"passed": 6}, answer.stdout + answer.stderr


def test_a_run_that_asks_for_no_stack_imports_and_starts_nothing(tmp_path: Path) -> None:
    (tmp_path / "test_plain.py").write_text(
        """
import sys


def test_plain():
    ours = {name for name in sys.modules if name.split(".")[0] in ("infra", "glue", "athena", "consumers")}
    assert ours <= {"infra", "infra.testing", "infra.testing.plugin"}
    assert not {"boto3", "botocore", "moto", "msgspec", "pyarrow", "duckdb"} & sys.modules.keys()
"""
    )
    answer = pytest_run(tmp_path)
    assert outcome(answer) == {"passed": 1}, answer.stdout + answer.stderr
    assert not (tmp_path / "state").exists()


def test_what_the_stack_cannot_be_made_of_is_said(tmp_path: Path) -> None:
    (tmp_path / "test_one.py").write_text("def test_one(stack):\n    pass\n")
    wrong = pytest_run(tmp_path, "--streamkeeper-parameter", "Shards=3")
    assert outcome(wrong) == {"error": 1}
    assert "Shards" in wrong.stdout
    assert outcome(pytest_run(tmp_path, "--streamkeeper-parameter", "Shards")) == {"error": 1}
