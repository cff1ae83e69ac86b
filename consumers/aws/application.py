"""A consumer inside a Lambda function: everything prepared once, time limits, metrics, errors that hold no content."""

import logging
import sys
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol, TypeVar

from msgspec import Struct

from consumers.aws.managed import AwsManagedServices
from consumers.aws.metrics import metric_line
from consumers.aws.policy_store import S3PolicyStore
from consumers.aws.settings import Settings, SettingsError
from consumers.aws.sinks import Changes, DynamoDBStatusTable, EventBridgeBus, FirehoseStreams, make_client
from consumers.aws.tracing import send_subsegment
from consumers.batch import MalformedEventError
from consumers.effects import Destinations, Effects
from consumers.escalation import Escalation
from consumers.moderation.moderator import Moderator
from consumers.moderation.policy import Policy
from consumers.policies import read_policy
from consumers.policy_keeper import PolicyKeeper
from consumers.ports import DefectError, Each, ManagedServices
from consumers.rehearsal import is_rehearsal, rehearse
from consumers.report import Report
from consumers.resend import Retry
from consumers.rows import RowMaker
from glue.aws.address import is_address, parse_object
from glue.codec import Lateness
from glue.ports import Clock
from glue.redaction import redacted
from glue.system_clock import SystemClock

T = TypeVar("T")
R = TypeVar("R")
log = logging.getLogger("streamkeeper.moderate")

RESERVE_SECONDS = 3.0
"""Left of the invocation's time after the last call was begun; a fifth of it when that is less."""
DEFAULT_SECONDS = 60.0
"""How long a batch may take where there is no Lambda context."""
WORKERS = 8
_DISTRIBUTION = "streamkeeper"


class Process(Protocol):
    """What a consumer does with one event."""

    def __call__(self, event: Any, /, *, deadline: float) -> Report: ...


class Parts(Struct, frozen=True, kw_only=True):
    """What every consumer is put together from.

    Args:
        rows: makes rows under the policy in the settings.
        effects: lands, notifies, keeps statuses.
        clock: time.
        environment: the function's, as it is at each moment: an invocation's trace is in there.
        function: the function's name, for metrics.
        policies: keeps the policy that holds.
        to_log: whether metrics go to standard output, which is the log in Lambda.
        escalation: asks managed AI; None: nobody is asked.
    """

    rows: RowMaker
    effects: Effects
    clock: Clock
    environment: Mapping[str, str] = {}
    function: str
    policies: PolicyKeeper
    to_log: bool
    escalation: Escalation | None = None


class PolicySource(Protocol):
    """Where a policy comes from."""

    @property
    def policy(self) -> str:
        """A name in the bundle, or s3://BUCKET/KEY."""
        ...

    @property
    def policy_refresh_seconds(self) -> int:
        """Between two looks at a policy in S3."""
        ...


def keep_policy(settings: PolicySource, *, now: float) -> PolicyKeeper:
    """The keeper of the policy that settings name: one of the bundle, or an object in S3.

    Raises:
        PolicyError: the bundle's policy cannot be used.
        SettingsError: there is no policy of that name.
    """
    if not is_address(settings.policy):
        try:
            text = read_policy(settings.policy)
        except ValueError as error:
            raise SettingsError(f"POLICY: {error}; or s3://BUCKET/KEY") from None
        return PolicyKeeper(None, bundled=lambda: Policy.load(text), now=now)
    try:
        bucket, key = parse_object(settings.policy)
    except ValueError as error:
        raise SettingsError(f"POLICY: {error}") from None
    store = S3PolicyStore(bucket, key, client=make_client("s3"))
    keeper = PolicyKeeper(
        store,
        bundled=lambda: Policy.load(read_policy("default")),
        now=now,
        interval=settings.policy_refresh_seconds,
    )
    if keeper.refused:
        log.error(
            "the policy at %s is refused, %s holds: %s", settings.policy, keeper.moderator.policy_id, keeper.refused
        )
    return keeper


def prepare_parts(
    environment: Mapping[str, str],
    *,
    retry: Retry,
    default_name: str,
    managed: ManagedServices | None = None,
    clock: Clock | None = None,
) -> Parts:
    """Everything that can be prepared from environment variables: settings, policy, clients.

    Args:
        environment: the function's.
        retry: how long effects are tried.
        default_name: the function's name outside Lambda.
        managed: managed AI; left out, that of AWS.
        clock: time; left out, the machine's.

    Raises:
        SettingsError: the environment is not as it must be.
        PolicyError: the policy cannot be used.
    """
    settings = Settings.read(environment)
    clock = clock or SystemClock()
    keeper = keep_policy(settings, now=clock.now())
    lateness = Lateness(
        timedelta(days=settings.max_late_days),
        timedelta(hours=settings.max_ahead_hours),
        timedelta(minutes=settings.late_after_minutes),
    )
    each = concurrently(ThreadPoolExecutor(WORKERS, "calls"))
    effects = Effects(
        Destinations(
            settings.verdicts_delivery_stream,
            settings.quarantine_delivery_stream,
            settings.status_seconds,
            tells_flags=settings.flag_notices == "on",
            every_status=settings.status_of == "all",
        ),
        streams=FirehoseStreams(make_client("firehose")),
        bus=EventBridgeBus(make_client("events"), settings.event_bus_name),
        statuses=DynamoDBStatusTable(
            make_client("dynamodb"),
            settings.status_table,
            changes=None
            if settings.status_changes == "off"
            else Changes(clock, tenants=settings.status_changes == "tenants"),
        ),
        clock=clock,
        retry=retry,
        each=each,
    )
    return Parts(
        rows=RowMaker(keeper.moderator, lateness, code_version=code_version()),
        effects=effects,
        clock=clock,
        environment=environment,
        function=environment.get("AWS_LAMBDA_FUNCTION_NAME", default_name),
        policies=keeper,
        to_log="AWS_LAMBDA_LOG_GROUP_NAME" in environment,
        escalation=Escalation(managed or AwsManagedServices(), clock=clock, each=each),
    )


class Application:
    """A consumer inside a Lambda function.

    Args:
        parts: what it was put together from.
        process: the consumer's work on one event.
        check: raises when an answer would not mean what it should, given the ids of the batch.
    """

    def __init__(self, parts: Parts, process: Process, *, check: Callable[[Any, list[str]], None]) -> None:
        self._parts = parts
        self._process = process
        self._check = check

    def handle(self, event: Any, context: Any) -> dict[str, Any]:
        """Moderates one batch and gives the answer; of a rehearsal what would be decided, and nothing is done.

        Raises:
            MalformedEventError: it is no event of the kind.
            DefectError: anything that no retry mends; the message holds no content.
        """
        parts = self._parts
        policies, started = parts.policies, parts.clock.now()
        if policies.refresh(started):
            parts.rows.use(policies.moderator)
            log.info("policy %s@%s holds from now on", *_named(policies.moderator))
        if is_rehearsal(event):
            policy = "@".join(_named(policies.moderator))
            return rehearse(parts.rows, event, policy=policy, refused=policies.refused)
        seconds = DEFAULT_SECONDS if context is None else context.get_remaining_time_in_millis() / 1000
        try:
            report = self._process(event, deadline=started + seconds - min(RESERVE_SECONDS, seconds / 5))
            self._check(report.answer, report.ids)
        except (MalformedEventError, DefectError):
            raise
        except Exception as error:
            # Lambda logs an exception with its text, and texts such as a KeyError's can be content.
            raise DefectError(redacted(error)) from None
        policy, ended = "@".join(_named(policies.moderator)), parts.clock.now()
        line = metric_line(
            report,
            function=parts.function,
            policy=policy,
            policy_refused=bool(policies.refused),
            started=started,
            ended=ended,
        )
        place = {"first": report.ids[0], "last": report.ids[-1]} if report.ids else {}
        send_subsegment(
            parts.environment,
            name="moderate",
            started=started,
            ended=ended,
            annotations={"policy": policy, "records": len(report.ids), **place},
        )
        if parts.to_log:
            # CloudWatch finds metrics in whole lines only, which logging would wrap.
            sys.stdout.write(f"{line}\n")
        else:
            log.debug("%s", line)
        return report.answer


def _named(moderator: Moderator) -> tuple[str, str]:
    return moderator.policy_id, moderator.policy_version


def concurrently(pool: Executor) -> Each:
    """``map`` that runs what it can at the same time. The first item stays in this thread, which would only wait."""

    def each(function: Callable[[T], R], items: Iterable[T], /) -> Iterable[R]:
        some = list(items)
        others = [pool.submit(function, item) for item in some[1:]]
        return [*map(function, some[:1]), *(other.result() for other in others)]

    return each


def code_version() -> str:
    """The version of this code, as rows carry it."""
    # The bundle has it beside the packages; to look for it anywhere takes longer than to load the policy.
    for info in Path(__file__).parents[2].glob(f"{_DISTRIBUTION}-*.dist-info"):
        return info.name.removeprefix(f"{_DISTRIBUTION}-").removesuffix(".dist-info")
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(_DISTRIBUTION)
    except PackageNotFoundError:
        return "unknown"
