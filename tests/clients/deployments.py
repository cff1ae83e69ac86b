"""The SAM CLI under `streamkeeper deploy`: a creation that fails, one that stands, a lake that is found again."""

import json
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

from infra.deploying.sam import SamError, find_sam
from tests.clients.environments import ROOT, NotInstalledError
from tests.clients.runtime import Runtime
from tests.clients.sdks import SECONDS

STREAMKEEPER = Path(sys.executable).with_name("streamkeeper")


def sam(runtime: Runtime) -> str:
    import boto3

    try:
        find_sam()
    except SamError as error:
        raise NotInstalledError(str(error)) from error
    if not (ROOT / "build" / "lambda").is_dir():
        raise NotInstalledError("build/lambda is not there: make bundle")
    stack = f"clients-{uuid.uuid4().hex[:8]}"
    given = {"endpoint_url": runtime.url, "aws_access_key_id": "test", "aws_secret_access_key": "test"}
    clients: Any = boto3.Session(region_name=runtime.ready["region"])
    logs, s3 = clients.client("logs", **given), clients.client("s3", **given)

    taken = f"/aws/kinesisfirehose/{stack}"
    logs.create_log_group(logGroupName=taken)
    code, said = _run(runtime, "deploy", "--stack", stack)
    assert code == 1, said
    assert "taken back (ROLLBACK_COMPLETE): DeliveryLogGroup" in said, said
    logs.delete_log_group(logGroupName=taken)

    code, said = _run(runtime, "deploy", "--stack", stack, "--json")
    assert code == 0, said
    first = json.loads(said.splitlines()[0])
    lake = first["outputs"]["LakeBucketName"]
    s3.put_object(Bucket=lake, Key="verdicts/dt=2026-01-01/kept", Body=b"kept")

    code, said = _run(runtime, "destroy", "--stack", stack, "--yes")
    assert code == 0, said
    assert lake in said
    code, said = _run(runtime, "deploy", "--stack", stack, "--json")
    assert code == 0, said
    second = json.loads(said.splitlines()[0])
    assert second["outputs"]["LakeBucketName"] == lake
    assert s3.get_object(Bucket=lake, Key="verdicts/dt=2026-01-01/kept")["Body"].read() == b"kept"
    return f"{len(first['changes'])} resources; a creation that fails, deployed, destroyed, deployed on the same lake"


def _run(runtime: Runtime, *arguments: str) -> tuple[int, str]:
    """The exit code of a command of ours, and what it said."""
    done = subprocess.run(
        [str(STREAMKEEPER), *arguments],
        env=runtime.environment(),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        cwd=ROOT,
    )
    return done.returncode, done.stdout + done.stderr
