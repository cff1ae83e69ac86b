"""The Lambda function that moderates the deferred lane: ``consumers.aws.transform_handler.handle``.

The transform of a Firehose stream that producers put straight into. Prepared once, as the moderate function is.
"""

import os
import threading
from collections.abc import Mapping
from typing import Any

from consumers.aws.application import Application, prepare_parts
from consumers.batch import check_transform_answer
from consumers.deferred import DeferredConsumer
from consumers.ports import ManagedServices
from consumers.resend import Retry

# Nothing runs a record again that is answered ProcessingFailed, so it is tried for as long as the invocation lasts.
RETRY = Retry(attempts=1_000, base=0.2, cap=10.0)


def application(environment: Mapping[str, str], *, managed: ManagedServices | None = None) -> Application:
    """The application that environment variables describe; they are those of the moderate function.

    Args:
        environment: the function's.
        managed: managed AI; left out, that of AWS.

    Raises:
        SettingsError: the environment is not as it must be.
        PolicyError: the policy cannot be used.
    """
    parts = prepare_parts(environment, retry=RETRY, default_name="transform", managed=managed)
    consumer = DeferredConsumer(parts.rows, parts.effects, clock=parts.clock, cascade=parts.cascade)
    return Application(
        consumer.process,
        check=check_transform_answer,
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


def handle(event: Any, context: Any) -> dict[str, list[dict[str, Any]]]:
    """What Lambda calls with each batch; see :meth:`consumers.aws.application.Application.handle`.

    Source: https://docs.aws.amazon.com/firehose/latest/dev/data-transformation.html
    """
    return (_application or prepare()).handle(event, context)


if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
    prepare()
