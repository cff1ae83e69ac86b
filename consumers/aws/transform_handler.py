"""The Lambda function that moderates the deferred lane: ``consumers.aws.transform_handler.handle``.

The transform of a Firehose stream that producers put straight into.
"""

from collections.abc import Mapping
from typing import Any

from consumers.aws.application import Application, prepare_parts
from consumers.aws.handler import Handler
from consumers.batch import check_transform_answer
from consumers.deferred import DeferredConsumer
from consumers.ports import ManagedServices
from consumers.resend import Retry
from glue.ports import Clock

# Nothing runs a record again that is answered ProcessingFailed, so it is tried for as long as the invocation lasts.
RETRY = Retry(attempts=1_000, base=0.2, cap=10.0)


def application(
    environment: Mapping[str, str], *, managed: ManagedServices | None = None, clock: Clock | None = None
) -> Application:
    """The application that environment variables describe; they are those of the moderate function.

    The arguments and errors are those of :func:`consumers.aws.moderate_handler.application`.
    """
    parts = prepare_parts(environment, retry=RETRY, default_name="transform", managed=managed, clock=clock)
    consumer = DeferredConsumer(parts.rows, parts.effects, clock=parts.clock, escalation=parts.escalation)
    return Application(parts, consumer.process, check=check_transform_answer)


handle: Handler[dict[str, Any]] = Handler(application)
"""Source: https://docs.aws.amazon.com/firehose/latest/dev/data-transformation.html"""
