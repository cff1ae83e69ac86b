"""Clients of the SDK for tests, made by one session of the process: it reads a service's description once."""

from functools import cache
from typing import Any

import boto3
from botocore.config import Config

from glue.aws.service_data import core_session


def client(service: str, url: str) -> Any:
    """A client of a server on the loopback, which asks once and gives a bucket's name in the path.

    Args:
        service: its name in boto3.
        url: of the server, with its port.
    """
    config = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
    return _session().client(service, endpoint_url=url, config=config)


@cache
def _session() -> boto3.Session:
    return boto3.Session(
        botocore_session=core_session(),
        aws_access_key_id="test",
        aws_secret_access_key="test",
        region_name="us-east-1",
    )
