"""``streamkeeper deploy``: looks, then has SAM make a change set, looks at that, and lets CloudFormation execute it."""

import json
import time
from collections.abc import Callable
from typing import Any, NoReturn

import click
import msgspec
from msgspec import Struct

from glue.aws.options import AWS_OPTIONS
from glue.terminal.commands import command
from glue.terminal.errors import IN_USE, UNREACHABLE, CommandError, UnreachableError, WrongUseError, exit_codes_help
from glue.terminal.progress import progress
from glue.terminal.requests import takes
from infra.deploying import going_over, looking, release, stacks
from infra.deploying import kept as kept_parts
from infra.deploying.looking import Existing, Finding
from infra.deploying.stages import Stage, pairs, read_stage
from infra.local.cloudformation.intrinsics import Template, TemplateError, parameter_values
from infra.local.cloudformation.provision import read_template


class DeployRequest(Struct, frozen=True):
    """Which stack, with which parameters, and how far it goes."""

    stage: str
    stack: str | None
    parameters: tuple[str, ...]
    role: str | None
    allow_loss: bool
    dry_run: bool
    as_json: bool


class BusyError(CommandError):
    """Something else is at work on the stack."""

    exit_code = IN_USE


@command(
    epilog="""\b
Examples:
  streamkeeper deploy --dry-run
  streamkeeper deploy --stage prod --parameter AlarmTopicArn=arn:aws:sns:eu-west-1:111122223333:alarms
  streamkeeper deploy --stack streamkeeper-team-7 --parameter ShardCount=4 --json

"""
    + exit_codes_help(
        done="the stack stands as asked, or --dry-run found nothing against it",
        failed="something speaks against it, or CloudFormation failed and rolled back",
        also=(UNREACHABLE, IN_USE),
        stopped="CloudFormation goes on; see streamkeeper status --stack",
    )
)
@takes(
    DeployRequest,
    click.option("--stage", default="dev", show_default=True, help="A stage of infra/aws/samconfig.toml."),
    click.option("--stack", envvar="STREAMKEEPER_STACK", help="The stack's name.  [default: the stage's]"),
    click.option(
        "--parameter",
        "parameters",
        multiple=True,
        metavar="NAME=VALUE",
        help="A parameter of the template. May be repeated. What is not given stays as it is, or is the stage's.",
    ),
    click.option(
        "--role",
        metavar="ARN",
        help="The role that CloudFormation works with, and remembers.  [default: the one it has, or your own rights]",
    ),
    click.option("--allow-loss", is_flag=True, help="Deploy although a shorter retention removes data."),
    click.option("--dry-run", is_flag=True, help="Look, and make the change set, but change nothing."),
    click.option("--json", "as_json", is_flag=True, help="One JSON object: findings, imports, changes, outputs."),
    *AWS_OPTIONS,
)
def deploy(context: click.Context, asked: DeployRequest) -> None:
    """Deploy the template to AWS, or to a laptop runtime, after looking at all that could go wrong.

    Looks at names, parameters that lose data together, quotas, the bundle's age and an existing stack. What outlived an
    earlier stack of that name (buckets, stream, table) is found by its tags and taken over. A change set that would
    replace what holds data is not executed. Needs `make bundle` and the SAM CLI (`make .venv-sam/ready`).
    """
    from athena.aws.engine import failure_of
    from glue.aws.errors import AWS_ERRORS

    try:
        stage = read_stage(asked.stage)
        given = pairs(asked.parameters)
    except ValueError as error:
        raise WrongUseError(str(error)) from error
    try:
        _Deployment(asked, stage, given).run()
    except AWS_ERRORS as error:
        raise UnreachableError(f"{type(error).__name__}: {failure_of(error)}") from error
    except TimeoutError as error:
        raise CommandError(f"{error}; it goes on: streamkeeper status --stack {asked.stack or stage.stack}") from error


class _Deployment:
    def __init__(self, asked: DeployRequest, stage: Stage, given: dict[str, str]) -> None:
        from glue.aws.clients import FIRST_CONTACT, make_client

        self._asked = asked
        self._stage = stage
        self._stack = asked.stack or stage.stack
        self._given = given
        self._template: Template = read_template()
        self._cloudformation = make_client("cloudformation", attempts=FIRST_CONTACT)
        self._client: Callable[[str], Any] = make_client

    def run(self) -> None:
        existing = stacks.find(self._cloudformation, self._stack)
        fresh = existing is None or looking.is_left_over(existing)
        before = {} if fresh or existing is None else dict(existing.parameters)
        parameters = {**(self._stage.parameters if fresh else {}), **self._given}
        parameters.setdefault(release.PARAMETER, self._release({**before, **parameters}))
        findings = self._look(existing, {**before, **parameters}, before)
        found = (
            kept_parts.find_kept(self._client("resourcegroupstaggingapi"), self._stack, self._template) if fresh else []
        )
        findings += kept_parts.of_the_kept(found)
        self._stop_for(findings, found)
        if not self._asked.as_json:
            for one in found:
                click.echo(f"taken over from an earlier stack: {one.part} {one.name}")
        if self._asked.dry_run and found:
            # The change set of the rest can only be made once these are in the stack.
            self._end(findings, found, [], {}, "nothing was changed; the change set would come after the import")
            return
        if existing is not None and looking.is_left_over(existing):
            if self._asked.dry_run and existing.status == "ROLLBACK_COMPLETE":
                self._end(findings, found, [], {}, "nothing was changed; what is left would go first")
                return
            self._delete_left_over(existing)
        if found:
            self._import(found, parameters)
        self._deploy(findings, found, parameters)

    def _release(self, parameters: dict[str, str]) -> str:
        return release.release(self._template, parameters, release.bundle_digest())

    # ------------------------------------------------------------------------------------------------ looking

    def _look(self, existing: Existing | None, parameters: dict[str, str], before: dict[str, str]) -> list[Finding]:
        from infra.deploying.bundles import differing

        account = self._client("sts").get_caller_identity()["Account"]
        known = {name: value for name, value in parameters.items() if name in self._template["Parameters"]}
        unknown = [name for name in self._given if name not in known]
        findings = looking.of_the_template(
            self._template,
            stack=self._stack,
            parameters={**known, **{name: self._given[name] for name in unknown}},
            account_id=account,
        )
        findings += looking.of_the_stack(self._stack, existing)
        findings += looking.of_the_parameters(self._template, known, before)
        findings += looking.of_the_bundle(differing())
        if known.get("KeyArn"):
            findings += looking.of_the_key(known["KeyArn"], self._key(known["KeyArn"]))
        try:
            values = parameter_values(self._template, known)
        except TemplateError:
            return findings
        return findings + looking.of_the_quotas(self._quotas(), values, before=before)

    def _key(self, arn: str) -> dict[str, Any] | None:
        from botocore.exceptions import ClientError

        try:
            described: dict[str, Any] = self._client("kms").describe_key(KeyId=arn)["KeyMetadata"]
        except ClientError as error:
            if error.response["Error"]["Code"] == "NotFoundException":
                return None
            raise
        return described

    def _quotas(self) -> looking.Quotas:
        from botocore.exceptions import ClientError

        shards = concurrency = unreserved = None
        try:
            limits = self._client("kinesis").describe_limits()
            shards = limits["ShardLimit"] - limits["OpenShardCount"]
        except (ClientError, KeyError):
            click.echo("the quota of shards was not looked at: kinesis:DescribeLimits gave no answer", err=True)
        try:
            limits = self._client("lambda").get_account_settings()["AccountLimit"]
            concurrency, unreserved = limits["ConcurrentExecutions"], limits["UnreservedConcurrentExecutions"]
        except (ClientError, KeyError):
            click.echo("the quota of executions was not looked at: lambda:GetAccountSettings gave no answer", err=True)
        return looking.Quotas(shards, concurrency, unreserved)

    def _stop_for(self, findings: list[Finding], found: list[kept_parts.Kept]) -> None:
        stops = [one for one in findings if one.level == "stop" or (one.level == "loss" and not self._asked.allow_loss)]
        if not self._asked.as_json:
            for one in findings:
                click.echo(f"{'x' if one in stops else '!'} {one.says}; {one.do}", err=True)
        if not stops:
            return
        if self._asked.as_json:
            self._end(findings, found, [], {}, "")
        busy = any("_IN_PROGRESS" in one.says for one in stops if one.about == "stack")
        kind = BusyError if busy else CommandError
        more = f" (and {len(stops) - 1} more, above)" if len(stops) > 1 else ""
        raise kind(f"nothing was changed: {stops[0].says}; {stops[0].do}{more}")

    # ------------------------------------------------------------------------------------------------ doing

    def _delete_left_over(self, existing: Existing) -> None:
        self._cloudformation.delete_stack(StackName=existing.arn)
        ended = stacks.watch(self._cloudformation, existing.arn, sleep=time.sleep)
        if ended.status != "DELETE_COMPLETE":
            self._failed("what is left of the earlier creation cannot be deleted", ended)

    def _import(self, found: list[kept_parts.Kept], parameters: dict[str, str]) -> None:
        request = kept_parts.import_request(self._template, found, parameters)
        made = self._cloudformation.create_change_set(
            StackName=self._stack,
            ChangeSetName=f"import-{int(time.time())}",
            ChangeSetType="IMPORT",
            **({"RoleARN": self._asked.role} if self._asked.role else {}),
            Tags=[{"Key": key, "Value": value} for key, value in self._stage.tags.items()],
            **request,
        )
        waiter = self._cloudformation.get_waiter("change_set_create_complete")
        # With the stack, by which rights on change sets are given.
        waiter.wait(ChangeSetName=made["Id"], StackName=made["StackId"], WaiterConfig={"Delay": 2})
        ended = self._execute(made["Id"], made["StackId"], "importing")
        if ended.status != "IMPORT_COMPLETE":
            self._failed("what outlived the earlier stack was not taken over", ended)

    def _deploy(
        self,
        findings: list[Finding],
        found: list[kept_parts.Kept],
        parameters: dict[str, str],
    ) -> None:
        from infra.deploying.sam import SamError, find_sam, make_change_set

        try:
            sam = find_sam()
            with progress("packing", clock=time.monotonic):
                arn = make_change_set(
                    sam, stack=self._stack, parameters=parameters, tags=self._stage.tags, role=self._asked.role or ""
                )
        except SamError as error:
            raise CommandError(str(error)) from error
        now = stacks.find(self._cloudformation, self._stack)
        if arn is None or now is None:
            self._end(findings, found, [], now.outputs if now else {}, "the stack is as asked for already")
            return
        changes = stacks.changes_of(self._cloudformation, arn, self._stack)
        against = stacks.of_the_changes(changes, kept_parts.parts(self._template))
        if against or self._asked.dry_run:
            self._drop(arn, now)
        if against:
            self._stop_for([*findings, *against], found)
        if self._asked.dry_run:
            self._end(findings, found, changes, now.outputs, "nothing was changed")
            return
        default = self._template["Parameters"][going_over.TYPE]["Default"]
        words = going_over.of_the_alias(
            changes, parameters.get(going_over.TYPE, now.parameters.get(going_over.TYPE, default))
        )
        if words and not self._asked.as_json:
            click.echo(words)
        ended = self._execute(arn, now.arn, "deploying", total=len(changes))
        if not ended.good:
            self._failed("it failed and was taken back" if "ROLLBACK_COMPLETE" in ended.status else "it failed", ended)
        after = stacks.find(self._cloudformation, self._stack)
        self._end(findings, found, changes, after.outputs if after else {}, f"stack {self._stack} stands")

    def _drop(self, change_set: str, now: Existing) -> None:
        self._cloudformation.delete_change_set(ChangeSetName=change_set, StackName=now.arn)
        if now.status == "REVIEW_IN_PROGRESS":
            self._cloudformation.delete_stack(StackName=now.arn)

    def _execute(self, change_set: str, arn: str, what: str, total: int | None = None) -> stacks.Ended:
        self._cloudformation.execute_change_set(ChangeSetName=change_set, StackName=arn)
        done: set[str] = set()
        with progress(what, total, unit="resources", clock=time.monotonic) as advance:

            def event(one: dict[str, Any]) -> None:
                if one["ResourceStatus"].endswith("_COMPLETE"):
                    done.add(one["LogicalResourceId"])
                advance(len(done), f"{one['LogicalResourceId']} {one['ResourceStatus']}")

            return stacks.watch(self._cloudformation, arn, sleep=time.sleep, on_event=event)

    # ------------------------------------------------------------------------------------------------ saying

    def _failed(self, what: str, ended: stacks.Ended) -> NoReturn:
        causes = [f"{name}: {reason}" for name, reason in ended.failures.items()]
        for cause in causes[1:6]:
            click.echo(cause, err=True)
        first = causes[0] if causes else "see streamkeeper status --stack " + self._stack
        do = going_over.after_it_came_back(self._stack, ended.failures) or "mend it and run deploy again"
        raise CommandError(f"{what} ({ended.status}): {first}; {do}")

    def _end(
        self,
        findings: list[Finding],
        found: list[kept_parts.Kept],
        changes: list[stacks.Change],
        outputs: dict[str, str],
        said: str,
    ) -> None:
        if self._asked.as_json:
            answer = {
                "stack": self._stack,
                "stage": self._stage.name,
                "findings": findings,
                "imports": found,
                "changes": changes,
                "outputs": outputs,
                "said": said,
            }
            click.echo(json.dumps(msgspec.to_builtins(answer)))
            return
        counted = {action: sum(one.action == action for one in changes) for action in ("Add", "Modify", "Remove")}
        shown = ", ".join(f"{number} to {action.lower()}" for action, number in counted.items() if number)
        if shown:
            click.echo(shown)
        click.echo(said)
        if outputs and not self._asked.dry_run:
            click.echo(f"Its outputs are found by every command with --stack {self._stack}.")
