"""The one maker of boto3 clients for everything that runs from a command line."""

import os
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, NoRegionError, ProfileNotFound

from glue.aws.reaching import NEXT_STEP
from glue.aws.service_data import core_session
from glue.aws.settings import ALLOWED_ENDPOINT, aws_settings, check_endpoint, region_of
from glue.terminal.errors import UnreachableError, WrongUseError

ATTEMPTS = 5
"""Calls made for one answer: boto3's standard mode waits up to 1, 2, 4 and 8 seconds between them, which outlasts the
throttling of a busy account, and does not slow down other calls as its adaptive mode would."""
FIRST_CONTACT = 2
"""For the first call of a command: what fails there is a wrong name or nothing that listens, and no retry mends it."""
ONCE = 1
"""For puts: delivery sends again by record; a retry in here would resend what was taken, and twice as often."""


def make_client(
    service: str,
    *,
    attempts: int = ATTEMPTS,
    connections: int = 10,
    read_timeout: float = 60,
    parameter_validation: bool = True,
) -> Any:
    """A boto3 client of the AWS that options and environment name.

    Args:
        service: as boto3 names it.
        attempts: calls made for one answer.
        connections: calls at the same time, for the size of the connection pool.
        read_timeout: seconds that an answer may take.
        parameter_validation: False where whoever calls has checked everything.

    Raises:
        UnreachableError: no region is set, or there is no such profile.
        WrongUseError: the endpoint is not a URL.
    """
    settings = aws_settings()
    check_endpoint(settings)
    config = Config(
        connect_timeout=5,
        read_timeout=read_timeout,
        retries={"mode": "standard", "total_max_attempts": attempts},
        max_pool_connections=max(connections, 1),
        parameter_validation=parameter_validation,
        tcp_keepalive=True,
    )
    try:
        return session().client(service, endpoint_url=settings.endpoint_url, config=config)
    except NoRegionError:
        raise UnreachableError(
            f"{service}: no region is set; give --region, set AWS_REGION, or name a --profile that has one"
        ) from None
    except ProfileNotFound as error:
        raise UnreachableError(
            f"profile {error.kwargs.get('profile')!r} is in no AWS configuration file; `aws configure list-profiles` "
            "lists those that there are"
        ) from None
    except BotoCoreError as error:
        raise UnreachableError(f"{service}: {type(error).__name__}; {NEXT_STEP}") from None
    except ValueError as error:
        # An endpoint of one service, from AWS_ENDPOINT_URL_<SERVICE> or a profile.
        raise WrongUseError(f"{service}: {error}; allowed: {ALLOWED_ENDPOINT}") from None


def session() -> Any:
    """A boto3 session of the AWS that options and environment name."""
    settings = aws_settings()
    return boto3.session.Session(
        botocore_session=core_session(settings.profile), region_name=region_of(settings, os.environ)
    )
