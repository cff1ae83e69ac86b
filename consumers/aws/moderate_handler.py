"""The Lambda function that moderates a Kinesis stream: ``consumers.aws.moderate_handler.handle``.

Everything is prepared once: at import in Lambda, where that is part of the cold start anyway; else on first use.
"""

import os
import threading
from collections.abc import Mapping
from typing import Any

from consumers.aws.application import Application, prepare_parts
from consumers.batch import check_answer
from consumers.pipeline import Consumer
from consumers.ports import ManagedServices
from consumers.resend import Retry


def application(environment: Mapping[str, str], *, managed: ManagedServices | None = None) -> Application:
    """The application that environment variables describe.

    Args:
        environment: the function's.
        managed: managed AI; left out, that of AWS.

    Raises:
        SettingsError: the environment is not as it must be.
        PolicyError: the policy cannot be used.
    """
    parts = prepare_parts(environment, retry=Retry(), default_name="moderate", managed=managed)
    consumer = Consumer(parts.rows, parts.effects, clock=parts.clock, cascade=parts.cascade)
    return Application(
        consumer.process,
        check=check_answer,
        clock=parts.clock,
        function=parts.function,
        rows=parts.rows,
        policies=parts.policies,
        to_log=parts.to_log,
    )


_lock = threading.Lock()
_application: Application | None = None


def prepare() -> Application:
    """The application, made on the first call from the environment at that moment."""
    global _application
    with _lock:
        if _application is None:
            _application = application(os.environ)
        return _application


def handle(event: Any, context: Any) -> dict[str, list[dict[str, str]]]:
    """What Lambda calls with each batch; see :meth:`consumers.aws.application.Application.handle`.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-batchfailurereporting.html
    """
    return (_application or prepare()).handle(event, context)


if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
    prepare()
