"""The SAM CLI under `streamkeeper deploy`: a creation that fails, one that stands, a lake that is found again.

All of it by somebody who has the role of ``infra/aws/deployer.yaml`` and no other right.
"""

import json
import subprocess
import sys
import uuid
from pathlib import Path

from infra.deploying.sam import SamError, find_sam
from infra.local.defaults import ACCOUNT_ID, TEMPLATE
from tests.clients.environments import ROOT, NotInstalledError
from tests.clients.runtime import Runtime, running
from tests.clients.sdks import SECONDS

STREAMKEEPER = Path(sys.executable).with_name("streamkeeper")
DEPLOYER = TEMPLATE.with_name("deployer.yaml")
WORKS_WITH = f"arn:aws:iam::{ACCOUNT_ID}:role/cloudformation"
"""The role that CloudFormation would work with; the runtime's works with none."""


def sam(runtime: Runtime) -> str:
    try:
        find_sam()
    except SamError as error:
        raise NotInstalledError(str(error)) from error
    if not (ROOT / "build" / "lambda").is_dir():
        raise NotInstalledError("build/lambda is not there: make bundle")
    scratch = runtime.scratch / "deployer"
    scratch.mkdir(exist_ok=True)
    with running(scratch, "--enforce-iam") as enforcing:
        return _as_deployer(enforcing)


def _as_deployer(runtime: Runtime) -> str:
    stack = f"clients-{uuid.uuid4().hex[:8]}"
    logs, s3 = runtime.client("logs"), runtime.client("s3")
    code, said = _run(runtime.environment(), "deploy", "--stack", f"{stack}-first", "--dry-run")
    assert code == 0, said  # an administrator makes SAM's bucket
    deployer = runtime.environment(**_assumed(runtime, _deployer(runtime, stack)))

    taken = f"/aws/kinesisfirehose/{stack}"
    logs.create_log_group(logGroupName=taken)
    code, said = _run(deployer, "deploy", "--stack", stack, "--role", WORKS_WITH)
    assert code == 1, said
    assert "taken back (ROLLBACK_COMPLETE): DeliveryLogGroup" in said, said
    logs.delete_log_group(logGroupName=taken)

    code, said = _run(deployer, "deploy", "--stack", stack, "--role", WORKS_WITH, "--json")
    assert code == 0, said
    first = json.loads(said.splitlines()[0])
    lake = first["outputs"]["LakeBucketName"]
    s3.put_object(Bucket=lake, Key="verdicts/dt=2026-01-01/kept", Body=b"kept")
    code, said = _run(deployer, "status", "--stack", stack, "--json")
    assert json.loads(said.splitlines()[0])["not_looked_at"] == [], said
    for refused in (("--stack", stack, "--role", f"{WORKS_WITH}-other"), ("--stack", f"{stack}-other")):
        code, said = _run(deployer, "deploy", *refused, "--parameter", "FlagNotices=on")
        assert (code != 0, "AccessDenied" in said) == (True, True), said

    code, said = _run(deployer, "destroy", "--stack", stack, "--yes")
    assert code == 0, said
    assert lake in said
    code, said = _run(deployer, "deploy", "--stack", stack, "--role", WORKS_WITH, "--json")
    assert code == 0, said
    second = json.loads(said.splitlines()[0])
    assert second["outputs"]["LakeBucketName"] == lake
    assert s3.get_object(Bucket=lake, Key="verdicts/dt=2026-01-01/kept")["Body"].read() == b"kept"
    return f"{len(first['changes'])} resources; a creation that fails, deployed, destroyed, deployed on the same lake"


def _deployer(runtime: Runtime, stack: str) -> str:
    """The ARN of the role of those who deploy a stack, made by its own template."""
    given = {"Stack": stack, "DeployerPrincipals": ACCOUNT_ID, "CloudFormationRoleArn": WORKS_WITH}
    cloudformation = runtime.client("cloudformation")
    made = cloudformation.create_change_set(
        StackName=f"{stack}-deployer",
        ChangeSetName="make",
        ChangeSetType="CREATE",
        TemplateBody=DEPLOYER.read_text(encoding="utf-8"),
        Capabilities=["CAPABILITY_IAM"],
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in given.items()],
    )
    cloudformation.execute_change_set(ChangeSetName=made["Id"])
    cloudformation.get_waiter("stack_create_complete").wait(StackName=made["StackId"], WaiterConfig={"Delay": 1})
    [output] = cloudformation.describe_stacks(StackName=made["StackId"])["Stacks"][0]["Outputs"]
    return str(output["OutputValue"])


def _assumed(runtime: Runtime, role: str) -> dict[str, str]:
    found = runtime.client("sts").assume_role(RoleArn=role, RoleSessionName="me")["Credentials"]
    return {
        "AWS_ACCESS_KEY_ID": found["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": found["SecretAccessKey"],
        "AWS_SESSION_TOKEN": found["SessionToken"],
    }


def _run(environment: dict[str, str], *arguments: str) -> tuple[int, str]:
    """The exit code of a command of ours, and what it said."""
    done = subprocess.run(
        [str(STREAMKEEPER), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        cwd=ROOT,
    )
    return done.returncode, done.stdout + done.stderr
