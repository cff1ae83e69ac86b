"""``streamkeeper destroy``: deletes a stack, keeps what holds data, and says how that is removed."""

import json
import sys
import time
from typing import Any

import click
import msgspec
from msgspec import Struct

from glue.aws.options import AWS_OPTIONS
from glue.terminal.commands import command
from glue.terminal.errors import IN_USE, UNREACHABLE, CommandError, UnreachableError, WrongUseError, exit_codes_help
from glue.terminal.progress import progress
from glue.terminal.requests import takes
from infra.commands.deploy import BusyError
from infra.deploying import kept as kept_parts
from infra.deploying import looking, stacks
from infra.local.cloudformation.provision import read_template


class DestroyRequest(Struct, frozen=True):
    """Which stack, and whether somebody has to be asked first."""

    stack: str
    yes: bool
    dry_run: bool
    as_json: bool


@command(
    epilog="""\b
Examples:
  streamkeeper destroy --stack streamkeeper-dev --dry-run
  streamkeeper destroy --stack streamkeeper-dev --yes --json

"""
    + exit_codes_help(
        done="the stack is gone, or was not there",
        failed="it could not be deleted",
        also=(UNREACHABLE, IN_USE),
        stopped="CloudFormation goes on; see streamkeeper status --stack",
    )
)
@takes(
    DestroyRequest,
    click.option("--stack", required=True, envvar="STREAMKEEPER_STACK", help="Which stack."),
    click.option("--yes", is_flag=True, help="Do not ask."),
    click.option("--dry-run", is_flag=True, help="Say what would stay and what would go."),
    click.option("--json", "as_json", is_flag=True, help="One JSON object: stack, status, kept, removed."),
    *AWS_OPTIONS,
)
def destroy(context: click.Context, request: DestroyRequest) -> None:
    """Delete a stack. What holds data stays, and is taken over when a stack of that name is deployed again.

    Buckets, the stream and the status table stay; empty buckets go. Each is named, with the command that removes it.
    """
    from athena.aws.engine import failure_of
    from glue.aws.clients import FIRST_CONTACT, make_client
    from glue.aws.errors import AWS_ERRORS

    cloudformation = make_client("cloudformation", attempts=FIRST_CONTACT)
    try:
        existing = stacks.find(cloudformation, request.stack)
        if existing is None:
            tagging = make_client("resourcegroupstaggingapi")
            _say(request, "not there", kept_parts.find_kept(tagging, request.stack, read_template()), [])
            return
        _check(request, existing)
        template = read_template()
        held = [
            kept_parts.Kept(one["LogicalResourceId"], one["ResourceType"], one["PhysicalResourceId"])
            for one in stacks.resources(cloudformation, existing.arn)
            if one["LogicalResourceId"] in kept_parts.parts(template) and one.get("PhysicalResourceId")
        ]
        if request.dry_run:
            _say(request, "would be deleted", held, [])
            return
        _ask(request, existing, held)
        cloudformation.delete_stack(StackName=existing.arn)
        ended = _watch(cloudformation, existing)
        if ended.status != "DELETE_COMPLETE":
            cause = next((f"{name}: {reason}" for name, reason in ended.failures.items()), ended.status)
            raise CommandError(
                f"stack {request.stack} could not be deleted whole: {cause}; mend it and run destroy again"
            )
        removed = [one for one in held if one.type == "AWS::S3::Bucket" and _removed(make_client("s3"), one.name)]
        _say(request, "deleted", [one for one in held if one not in removed], removed)
    except AWS_ERRORS as error:
        raise UnreachableError(f"stack {request.stack}: {failure_of(error)}") from error
    except TimeoutError as error:
        raise CommandError(f"{error}; it goes on: streamkeeper status --stack {request.stack}") from error


def _check(request: DestroyRequest, existing: looking.Existing) -> None:
    if existing.status.endswith("_IN_PROGRESS") and existing.status != "REVIEW_IN_PROGRESS":
        raise BusyError(f"stack {request.stack} is in {existing.status}; wait until that is over")
    whole = existing.status.endswith("_COMPLETE") and existing.status not in ("ROLLBACK_COMPLETE", "IMPORT_COMPLETE")
    if whole and "ROLLBACK" not in existing.status and not set(existing.outputs) >= looking.OWN_OUTPUTS:
        raise CommandError(
            f"stack {request.stack} is not one of Streamkeeper's: it lacks the outputs of its template; delete it by "
            f"aws cloudformation delete-stack --stack-name {request.stack}"
        )


def _ask(request: DestroyRequest, existing: looking.Existing, held: list[kept_parts.Kept]) -> None:
    if request.yes:
        return
    if request.as_json or not sys.stdin.isatty():
        raise WrongUseError("nobody can be asked here: give --yes, or --dry-run to see what would go")
    question = (
        f"Delete stack {request.stack} with {existing.resources - len(held)} of its {existing.resources} resources?"
    )
    if not click.confirm(question, err=True):
        raise CommandError("nothing was deleted")


def _watch(cloudformation: Any, existing: looking.Existing) -> stacks.Ended:
    gone: set[str] = set()
    with progress("deleting", existing.resources, unit="resources", clock=time.monotonic) as advance:

        def event(one: dict[str, Any]) -> None:
            if one["ResourceStatus"] in ("DELETE_COMPLETE", "DELETE_SKIPPED"):
                gone.add(one["LogicalResourceId"])
            advance(len(gone), f"{one['LogicalResourceId']} {one['ResourceStatus']}")

        return stacks.watch(cloudformation, existing.arn, sleep=time.sleep, on_event=event)


def _removed(s3: Any, bucket: str) -> bool:
    """Whether a bucket was empty and is gone; S3 deletes no other."""
    from botocore.exceptions import ClientError

    try:
        s3.delete_bucket(Bucket=bucket)
    except ClientError:
        return False
    return True


def _say(request: DestroyRequest, status: str, kept: list[kept_parts.Kept], removed: list[kept_parts.Kept]) -> None:
    if request.as_json:
        answer = {
            "stack": request.stack,
            "status": status,
            "kept": [{**msgspec.to_builtins(one), "remove": kept_parts.how_to_remove(one)} for one in kept],
            "removed": removed,
        }
        click.echo(json.dumps(msgspec.to_builtins(answer)))
        return
    click.echo(f"stack {request.stack}: {status}")
    for one in removed:
        click.echo(f"removed, since it was empty: {one.part} {one.name}")
    if not kept:
        return
    verb = "would stay" if request.dry_run else "stays"
    click.echo(
        f"What holds data {verb}; streamkeeper deploy --stack {request.stack} takes it over. To remove it for good:"
    )
    for one in kept:
        click.echo(f"  {one.part} {one.name}\n    {kept_parts.how_to_remove(one)}")
    if any(one.type == "AWS::Kinesis::Stream" for one in kept):
        click.echo("The stream costs by the hour, and what it holds and nobody moderated expires with its retention.")
