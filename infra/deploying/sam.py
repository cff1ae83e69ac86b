"""The SAM CLI, which packs the functions, puts them into S3 and makes the change set."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from glue.aws.settings import aws_settings, region_of
from infra.bundle import ROOT
from infra.local.defaults import TEMPLATE

HOW_TO_GET: Final = (
    "make .venv-sam/ready puts it beside this checkout; elsewhere: "
    "https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/install-sam-cli.html"
)
_CHANGE_SET: Final = re.compile(r"arn:aws[a-z-]*:cloudformation:[a-z0-9-]+:\d{12}:changeSet/[A-Za-z0-9-]+/[0-9a-f-]+")
_NOTHING: Final = "No changes to deploy"


class SamError(Exception):
    """SAM is not there, or gave no change set; the message says why."""


def find_sam(root: Path = ROOT) -> str:
    """The path of the SAM CLI.

    Raises:
        SamError: there is none.
    """
    own = root / ".venv-sam" / "bin" / "sam"
    found = str(own) if own.is_file() else shutil.which("sam")
    if found is None:
        raise SamError(f"sam is not on this machine: {HOW_TO_GET}")
    return found


def make_change_set(
    sam: str,
    *,
    stack: str,
    parameters: Mapping[str, str],
    tags: Mapping[str, str],
    role: str = "",
    template: Path = TEMPLATE,
) -> str | None:
    """The ARN of a change set that brings the stack to the template; None when there is nothing to change.

    Args:
        parameters: those that are given; an existing stack keeps its others.
        role: the ARN of the role that CloudFormation is to work with; empty for the one it has, or the caller's rights.

    Raises:
        SamError: SAM refuses; the message has its last lines.
    """
    command = [sam, "deploy", "--template", str(template), "--stack-name", stack, "--resolve-s3"]
    command += ["--capabilities", "CAPABILITY_IAM", "--no-confirm-changeset", "--no-execute-changeset"]
    command += ["--no-fail-on-empty-changeset"]
    if parameters:
        command += ["--parameter-overrides", *(f"ParameterKey={k},ParameterValue={v}" for k, v in parameters.items())]
    if role:
        command += ["--role-arn", role]
    if tags:
        command += ["--tags", *(f"{key}={value}" for key, value in tags.items())]
    # In a folder of its own: a samconfig.toml where this is called must not change what is deployed.
    done = subprocess.run(  # noqa: S603 - our own arguments
        command, capture_output=True, text=True, check=False, env=_environment(), cwd=ROOT
    )
    said = done.stdout + done.stderr
    if found := _CHANGE_SET.search(said):
        return found[0]
    if _NOTHING in said:
        return None
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("Error")] or lines[-3:]
    raise SamError(f"sam deploy gave no change set: {' '.join(errors)}")


def _environment() -> dict[str, str]:
    """What SAM is to run with: the endpoint, region and profile that this command was given."""
    settings = aws_settings()
    given = {
        "AWS_ENDPOINT_URL": settings.endpoint_url,
        "AWS_DEFAULT_REGION": region_of(settings, os.environ),
        "AWS_PROFILE": settings.profile,
        "SAM_CLI_TELEMETRY": "0",
    }
    return {**os.environ, **{name: value for name, value in given.items() if value}}
