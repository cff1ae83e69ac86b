"""The Lambda function that moderates a Kinesis stream: ``consumers.aws.moderate_handler.handle``."""

from collections.abc import Mapping
from typing import Any

from consumers.aws.application import Application, prepare_parts
from consumers.aws.handler import Handler
from consumers.batch import check_answer
from consumers.pipeline import Consumer
from consumers.ports import ManagedServices
from consumers.resend import Retry
from glue.ports import Clock


def application(
    environment: Mapping[str, str], *, managed: ManagedServices | None = None, clock: Clock | None = None
) -> Application:
    """The application that environment variables describe.

    Args:
        environment: the function's.
        managed: managed AI; left out, that of AWS.
        clock: time; left out, the machine's.

    Raises:
        SettingsError: the environment is not as it must be.
        PolicyError: the policy cannot be used.
    """
    parts = prepare_parts(environment, retry=Retry(), default_name="moderate", managed=managed, clock=clock)
    consumer = Consumer(parts.rows, parts.effects, clock=parts.clock, escalation=parts.escalation)
    return Application(parts, consumer.process, check=check_answer)


handle: Handler[dict[str, Any]] = Handler(application)
"""Source: https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-batchfailurereporting.html"""
