"""``streamkeeper audit``: is everything that was archived accounted for, and nothing else there?"""

import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import msgspec
from msgspec import Struct

from athena.output import size
from consumers.moderation.moderator import Moderator
from consumers.moderation.policy import Policy, PolicyError
from consumers.policies import policy_names, read_policy
from consumers.policy_tools.loading import unusable
from glue.aws.options import aws_options
from glue.terminal.commands import command
from glue.terminal.errors import DONE, FAILED, NOTHING_TO_JUDGE, UNREACHABLE, WrongUseError, exit_codes_help
from glue.terminal.moment_option import MOMENT, MOMENT_HELP, Moment
from glue.terminal.moments import Period, in_utc
from glue.terminal.progress import progress
from glue.terminal.sanitize import inert
from infra.audit.auditing import Auditor, Deciding
from infra.audit.findings import FAILING, MEANINGS, AuditReport
from infra.audit.lake import S3Lake
from infra.audit.retention import Retention
from infra.commands.query_options import asking
from infra.commands.stack import STACK, output, outputs

SETTLED_MINUTES = 20
"""How old an arrival is when it has certainly landed: five minutes in a buffer, with retries on the way."""
_SHOWN = 20


class World(Struct, frozen=True, kw_only=True):
    """What the command works with. Given as click's context object, it is used as it is."""

    auditor: Auditor
    now: float


@command(
    epilog="""\b
Examples:
  streamkeeper audit --since 7d
  streamkeeper audit --since 2026-11-20 --until 2026-11-21 --verify --json
  streamkeeper audit --settle 0        # on a laptop, after streamkeeper drain

"""
    + exit_codes_help(
        done="everything is accounted for",
        failed="something is missing, altered, made up or unreadable",
        also=(UNREACHABLE, NOTHING_TO_JUDGE),
        stopped="the query is stopped at Athena too",
    ),
)
@click.option(
    "--since", type=MOMENT, default="24h", show_default=True, help=f"Arrivals from this moment on: {MOMENT_HELP}."
)
@click.option("--until", type=MOMENT, help="Arrivals before this moment; else before the last that has settled.")
@click.option(
    "--settle",
    type=click.IntRange(0, 1440),
    default=SETTLED_MINUTES,
    show_default=True,
    metavar="MINUTES",
    help="How long a record may be on its way; younger ones are not judged.",
)
@click.option("--verify", is_flag=True, help="Decide each archived event again and compare it with its verdict.")
@click.option(
    "--share",
    type=click.FloatRange(0, 1, min_open=True),
    default=1.0,
    show_default=True,
    help="With --verify: which share of the events, the same ones each time.",
)
@click.option(
    "--policy",
    "policies",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="With --verify: a policy that verdicts were made with, beside those of the bundle. May be repeated.",
)
@click.option("--keep/--no-keep", default=True, help="Put the counts into the audits table, and seal the objects.")
@click.option("--limit", type=click.IntRange(0), default=_SHOWN, show_default=True, help="Findings shown of each kind.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object with every finding.")
@click.option("--stack", default=STACK, show_default=True, envvar="STREAMKEEPER_STACK", help="Which stack.")
@aws_options
@click.pass_context
def audit(
    context: click.Context,
    since: Moment,
    until: Moment | None,
    settle: int,
    verify: bool,
    share: float,
    policies: tuple[Path, ...],
    keep: bool,
    limit: int,
    as_json: bool,
    stack: str,
) -> None:
    """Compare the archive with verdicts, quarantine and dead letters, by id.

    Names ids that are missing, doubled, made up or altered, each with the hop where it was last seen, and objects that
    were changed since an earlier audit. Times are those of arrival.
    """
    given = context.find_object(World)
    now = given.now if given else time.time()
    try:
        start = since.at(now)
        settled = datetime.fromtimestamp(int(now), UTC) - timedelta(minutes=settle)
        end = settled if until is None else until.at(now)
        if until is None and end <= start:
            raise WrongUseError(
                f"nothing that arrived since {in_utc(start)} is {settle} minutes old yet; "
                "give an earlier --since, or a shorter --settle"
            )
        Period(start, end)
    except ValueError as error:
        raise WrongUseError(str(error)) from error
    deciding = Deciding(_moderators(policies), share) if verify else None
    auditor = given.auditor if given else _auditor(stack)
    judged_from = auditor.retention.judged_from(datetime.fromtimestamp(now, UTC))
    if start < judged_from:
        raise WrongUseError(
            f"--since {in_utc(start)} is further back than quarantine, dead letters and the rest are all kept: "
            f"what was deleted would be called missing. Give {in_utc(judged_from)} or later"
        )
    with asking(), progress("auditing") as advance:
        report = auditor.audit(
            audit_id=datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%S.%fZ"),
            start=start,
            end=end,
            now=datetime.fromtimestamp(now, UTC),
            deciding=deciding,
            on_step=lambda step: advance(0, step),
        )
        if keep:
            auditor.keep(report)
    if as_json:
        click.echo(json.dumps(_document(report), indent=1))
    else:
        _print(report, limit)
    context.exit(NOTHING_TO_JUDGE if report.is_empty else DONE if report.is_clean else FAILED)


def _auditor(stack: str) -> Auditor:
    from athena.aws.engine import connect

    found = outputs(stack)
    names = {
        name: output(found, name, stack=stack)
        for name in ("DatabaseName", "WorkGroupName", "LakeBucketName", "DeadLetterBucketName")
    }
    with asking():
        days = {
            field: int(found[name])
            for field, name in (
                ("archive_days", "ArchiveRetentionDays"),
                ("verdict_days", "VerdictRetentionDays"),
                ("quarantine_days", "QuarantineRetentionDays"),
                ("error_days", "ErrorRetentionDays"),
            )
            if name in found
        }
        return Auditor(
            retention=Retention(**days),
            engine=connect(),
            database=names["DatabaseName"],
            workgroup=names["WorkGroupName"],
            lake=S3Lake(names["LakeBucketName"]),
            letters=S3Lake(names["DeadLetterBucketName"]),
        )


class _AtHand:
    """The policies that verdicts can be made with again; each compiled when it is first asked for."""

    def __init__(self, policies: Sequence[Policy]) -> None:
        self._policies = {
            (version.id, version.version): version for policy in policies for version in policy.versions()
        }
        self._made: dict[tuple[str, str], Moderator] = {}

    def __call__(self, policy_id: str, version: str) -> Moderator | None:
        key = (policy_id, version)
        if key not in self._made and key in self._policies:
            self._made[key] = Moderator(self._policies[key])
        return self._made.get(key)


def _moderators(files: Sequence[Path]) -> _AtHand:
    found = [Policy.load(read_policy(name)) for name in policy_names()]
    for path in files:
        try:
            found.append(Policy.load(path.read_text("utf-8")))
        except PolicyError as error:
            raise unusable(str(path), error, WrongUseError) from error
        except (UnicodeDecodeError, OSError) as error:
            raise WrongUseError(f"{path}: {error}") from error
    return _AtHand(found)


def _document(report: AuditReport) -> dict[str, Any]:
    made: dict[str, Any] = msgspec.to_builtins(report)
    return {"is_clean": report.is_clean, "is_empty": report.is_empty, "completeness": report.completeness, **made}


def _print(report: AuditReport, limit: int) -> None:
    names = ("archived", "landed", "quarantined", "dead_lettered", "missing", "ghosts", "doubled", "conflicts")
    shown = [*names, "altered"] if any(day.altered is not None for day in report.days) else list(names)
    if report.days:
        click.echo("".join(["day       ", *(f"{name.replace('_', '-'):>14}" for name in shown)]))
    for day in report.days:
        counts = (getattr(day, name) for name in shown)
        click.echo("".join([day.window_start[:10], *(f"{count or 0:>14,}" for count in counts)]))
    for kind, meaning in MEANINGS.items():
        found = [finding for finding in report.findings if finding.kind == kind]
        if found:
            click.echo(f"\n{kind}: {len(found) + report.unnamed.get(kind, 0):,} ({meaning})")
        for finding in found[:limit]:
            detail = f" ({finding.detail})" if finding.detail else ""
            click.echo(f"  {finding.day} {inert(finding.id)}  last seen: {inert(finding.seen)}{inert(detail)}")
        if len(found) > limit:
            click.echo(f"  and {len(found) - limit:,} more; --limit 0 shows none, --json names all")
    for reason, count in report.unjudged.items():
        click.echo(f"\n{count:,} verdicts were not decided again, or not wholly: {inert(reason)}")
    whole = report.completeness
    share = "nothing is known of completeness" if whole is None else f"completeness {whole:.6%}"
    window = f"arrivals from {in_utc(report.window_start)} until {in_utc(report.window_end)}"
    bad = sum(finding.kind in FAILING for finding in report.findings)
    verdict = "everything is accounted for" if report.is_clean else f"{bad:,} findings ask for attention"
    if report.is_empty:
        verdict = "nothing to judge yet: no record of these arrivals is in the archive; younger ones need --settle"
    click.echo(f"\n{window}: {verdict}; {share}, {size(report.bytes_scanned)} scanned")
