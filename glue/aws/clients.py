"""Clients of the services that hold the past, and what their errors mean to whoever runs a command."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoRegionError

from glue.terminal.errors import UnreachableError

CONDITION_CODES = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412", "409"})
ABSENT_CODES = frozenset({"NoSuchKey", "404", "NotFound"})
_WHERE = "Check the name, the credentials and AWS_REGION; on a laptop, `streamkeeper up` prints the lines to paste"


def make_client(service: str, *, connections: int = 10) -> Any:
    """A boto3 client that retries what may pass.

    Raises:
        UnreachableError: no region is set.
    """
    config = Config(
        connect_timeout=5,
        read_timeout=60,
        retries={"mode": "standard", "max_attempts": 5},
        max_pool_connections=connections,
    )
    try:
        return boto3.session.Session().client(service, config=config)
    except (NoRegionError, BotoCoreError) as error:
        raise UnreachableError(f"{service}: {type(error).__name__}. {_WHERE}") from None


def code_of(error: ClientError) -> str:
    """AWS's name of the error."""
    return str(error.response.get("Error", {}).get("Code", "Unknown"))


@contextmanager
def reaching(what: str) -> Iterator[None]:
    """Turns what AWS says into one line.

    Raises:
        UnreachableError: the call failed; it names ``what`` and AWS's error, and nothing that was sent.
    """
    try:
        yield
    except ClientError as error:
        raise UnreachableError(f"{what}: {code_of(error)}. {_WHERE}") from None
    except BotoCoreError as error:
        raise UnreachableError(f"{what}: {type(error).__name__}. {_WHERE}") from None
