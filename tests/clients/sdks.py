"""The AWS SDKs and command lines."""

import json
import os
import shutil
import subprocess
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from tests.clients import environments
from tests.clients.environments import PROGRAMS, NotInstalledError
from tests.clients.runtime import Runtime

SECONDS = 600


def output_of(command: Sequence[str], environment: Mapping[str, str], cwd: Any = None) -> str:
    """What a program prints; an AssertionError with its last words when it fails."""
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=SECONDS, cwd=cwd)
    assert done.returncode == 0, f"exit code {done.returncode}: {(done.stderr + done.stdout).strip()[-1500:]}"
    return done.stdout


def exchange(command: Sequence[str], environment: Mapping[str, str]) -> None:
    """A program of ours puts 500 records, reads them back and asks for a stream that is not there."""
    said = json.loads(output_of(command, environment).strip().splitlines()[-1])
    assert said == {"failed": 0, "read": 500, "text": 500, "in_time": True, "error": "ResourceNotFoundException"}, said


def stream() -> str:
    """A name that no other client takes."""
    return f"clients-{uuid.uuid4().hex[:8]}"


def boto3(runtime: Runtime) -> str:
    program = environments.python("boto3", "boto3")
    lake, workgroup = runtime.outputs["LakeBucketName"], runtime.outputs["WorkGroupName"]
    for environment in (runtime.environment(), runtime.over_tls()):
        exchange([str(program), str(PROGRAMS / "python" / "sdk.py"), stream(), lake, workgroup], environment)
    return "500 records, objects, a query; over HTTP and TLS"


def aws_cli_1(runtime: Runtime) -> str:
    return _command_line([str(environments.python("awscli", "awscli").with_name("aws"))], runtime)


def aws_cli_2(runtime: Runtime) -> str:
    candidates = {shutil.which("aws", path=folder) for folder in os.environ["PATH"].split(os.pathsep)} - {None}
    versions = {str(one): output_of([str(one), "--version"], runtime.environment()) for one in candidates}
    found = next((one for one, version in versions.items() if version.startswith("aws-cli/2")), None)
    if found is None:
        raise NotInstalledError("no AWS CLI 2 on this machine; Debian 12 has one: apt-get install awscli")
    # The one in Debian is older than AWS_ENDPOINT_URL.
    return _command_line([found, "--endpoint-url", runtime.url], runtime)


def _command_line(aws: list[str], runtime: Runtime) -> str:
    environment, name, lake = runtime.environment(), stream(), runtime.outputs["LakeBucketName"]

    def ask(*arguments: str) -> Any:
        said = output_of([*aws, "--output", "json", *arguments], environment)
        return json.loads(said) if said.strip() else None

    ask("kinesis", "create-stream", "--stream-name", name, "--shard-count", "1")
    ask("kinesis", "wait", "stream-exists", "--stream-name", name)
    ask("kinesis", "put-record", "--stream-name", name, "--partition-key", "k", "--data", "aGVsbG8=")
    iterator = ask(
        *("kinesis", "get-shard-iterator", "--stream-name", name),
        *("--shard-id", "shardId-000000000000", "--shard-iterator-type", "TRIM_HORIZON"),
    )["ShardIterator"]
    assert len(ask("kinesis", "get-records", "--shard-iterator", iterator)["Records"]) == 1
    large = runtime.scratch / "large"
    large.write_bytes(bytes(range(256)) * 80_000)
    output_of([*aws, "s3", "cp", "--quiet", str(large), f"s3://{lake}/clients/large"], environment)
    output_of([*aws, "s3", "cp", "--quiet", f"s3://{lake}/clients/large", str(large) + ".back"], environment)
    assert (runtime.scratch / "large.back").read_bytes() == large.read_bytes()
    query = ask(
        *("athena", "start-query-execution", "--query-string", "SELECT 42"),
        *("--work-group", runtime.outputs["WorkGroupName"]),
    )["QueryExecutionId"]
    state = "QUEUED"
    while state in ("QUEUED", "RUNNING"):
        execution = ask("athena", "get-query-execution", "--query-execution-id", query)["QueryExecution"]
        state = execution["Status"]["State"]
    assert state == "SUCCEEDED", state
    [stack] = ask("cloudformation", "describe-stacks", "--stack-name", "streamkeeper")["Stacks"]
    assert stack["Outputs"]
    assert ask("glue", "get-tables", "--database-name", runtime.outputs["DatabaseName"])["TableList"]
    return "kinesis, s3 cp of 20 MB, athena, glue, cloudformation"


def java(runtime: Runtime) -> str:
    classes = environments.java("java-sdk")
    exchange(["java", "-Xmx256m", "-cp", classes, "Sdk", stream()], runtime.environment())
    return "KinesisAsyncClient.create(): CBOR over HTTP/2, 500 records"


def javascript(runtime: Runtime) -> str:
    folder = environments.javascript("javascript")
    for environment in (runtime.environment(), runtime.over_tls()):
        exchange(["node", str(folder / "kinesis.mjs"), stream()], environment)
    return "new KinesisClient(): HTTP/2, 500 records; over TLS too"


def go(runtime: Runtime) -> str:
    program = environments.go("go")
    for environment in (runtime.environment(), runtime.over_tls()):
        exchange([str(program), stream()], environment)
    return "config.LoadDefaultConfig: 500 records; over TLS too"
