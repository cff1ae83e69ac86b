"""The Lambda function that moderates a Kinesis stream: ``consumers.aws.moderate_handler.handle``.

Everything is prepared once: at import in Lambda, where that is part of the cold start anyway; else on first use.
"""

import logging
import os
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from datetime import timedelta
from importlib.metadata import PackageNotFoundError, version
from typing import Any, TypeVar

from consumers.aws.metrics import metric_line
from consumers.aws.settings import Settings
from consumers.aws.sinks import DynamoDBStatusTable, EventBridgeBus, FirehoseStreams, SystemClock, make_client
from consumers.batch import MalformedEventError, check_answer
from consumers.moderation.moderator import Moderator
from consumers.moderation.policy import Policy
from consumers.pipeline import Consumer, Destinations, Each
from consumers.policies import read_policy
from consumers.ports import Clock, DefectError
from consumers.resend import Retry
from consumers.rows import RowMaker
from glue.codec import Lateness

T = TypeVar("T")
R = TypeVar("R")
log = logging.getLogger("streamkeeper.moderate")

RESERVE_SECONDS = 3.0
"""Left of the invocation's time after the last call was begun; a fifth of it when that is less."""
DEFAULT_SECONDS = 60.0
"""How long a batch may take where there is no Lambda context."""
WORKERS = 8


class Application:
    """A consumer inside a Lambda function: time limits, metrics, and errors that hold no content."""

    def __init__(self, consumer: Consumer, *, clock: Clock, function: str, policy: str, to_log: bool) -> None:
        """Takes what was prepared.

        Args:
            consumer: moderates.
            clock: time.
            function: the function's name, for metrics.
            policy: the policy's id and version, for metrics.
            to_log: whether metrics go to standard output, which is the log in Lambda.
        """
        self._consumer = consumer
        self._clock = clock
        self._function = function
        self._policy = policy
        self._to_log = to_log

    @classmethod
    def prepare(cls, environment: Mapping[str, str]) -> "Application":
        """Everything that can be prepared from environment variables: settings, policy, clients.

        Raises:
            SettingsError: the environment is not as it must be.
            PolicyError: the policy cannot be used.
        """
        settings = Settings.read(environment)
        moderator = Moderator(Policy.load(read_policy(settings.policy)))
        clock = SystemClock()
        lateness = Lateness(timedelta(days=settings.max_late_days), timedelta(hours=settings.max_ahead_hours))
        consumer = Consumer(
            RowMaker(moderator, lateness, code_version=code_version()),
            destinations=Destinations(
                settings.verdicts_delivery_stream, settings.quarantine_delivery_stream, settings.status_seconds
            ),
            streams=FirehoseStreams(make_client("firehose")),
            bus=EventBridgeBus(make_client("events"), settings.event_bus_name),
            statuses=DynamoDBStatusTable(make_client("dynamodb"), settings.status_table),
            clock=clock,
            retry=Retry(),
            each=concurrently(ThreadPoolExecutor(WORKERS, "notify")),
        )
        return cls(
            consumer,
            clock=clock,
            function=environment.get("AWS_LAMBDA_FUNCTION_NAME", "moderate"),
            policy=f"{moderator.policy_id}@{moderator.policy_version}",
            to_log="AWS_LAMBDA_LOG_GROUP_NAME" in environment,
        )

    def handle(self, event: Any, context: Any) -> dict[str, list[dict[str, str]]]:
        """Moderates one batch and says from where Lambda must run again.

        Raises:
            MalformedEventError: it is no Kinesis event.
            DefectError: anything that no retry mends; the message holds no content.
        """
        started = self._clock.now()
        seconds = DEFAULT_SECONDS if context is None else context.get_remaining_time_in_millis() / 1000
        try:
            report = self._consumer.process(event, deadline=started + seconds - min(RESERVE_SECONDS, seconds / 5))
            check_answer(report.answer, report.sequence_numbers)
        except (MalformedEventError, DefectError):
            raise
        except Exception as error:
            # Lambda logs an exception with its text, and texts such as a KeyError's can be content.
            raise DefectError(redacted(error)) from None
        line = metric_line(
            report, function=self._function, policy=self._policy, started=started, ended=self._clock.now()
        )
        if self._to_log:
            # CloudWatch finds metrics in whole lines only, which logging would wrap.
            sys.stdout.write(f"{line}\n")
        else:
            log.debug("%s", line)
        return report.answer


def concurrently(pool: Executor) -> Each:
    """``map`` that runs what it can at the same time; a single item stays in this thread."""

    def each(function: Callable[[T], R], items: Iterable[T], /) -> Iterable[R]:
        some = list(items)
        return map(function, some) if len(some) < 2 else pool.map(function, some)

    return each


def redacted(error: BaseException) -> str:
    """The type of an error and where in this code it was raised, without its text.

    >>> try:
    ...     {}["secret"]
    ... except KeyError as error:
    ...     redacted(error)
    'KeyError at <doctest ...:2'
    """
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {'/'.join(frames[-1].filename.split('/')[-2:])}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{where}"


def code_version() -> str:
    """The version of this code, as rows carry it."""
    try:
        return version("streamkeeper")
    except PackageNotFoundError:
        return "unknown"


_lock = threading.Lock()
_application: Application | None = None


def prepare() -> Application:
    """The application, made on the first call from the environment at that moment."""
    global _application
    with _lock:
        if _application is None:
            _application = Application.prepare(os.environ)
        return _application


def handle(event: Any, context: Any) -> dict[str, list[dict[str, str]]]:
    """What Lambda calls with each batch; see :meth:`Application.handle`.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-batchfailurereporting.html
    """
    return (_application or prepare()).handle(event, context)


if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
    prepare()
