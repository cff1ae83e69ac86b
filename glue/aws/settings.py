"""Which AWS the process talks to: region, endpoint and profile, as options set them and AWS's SDKs find them."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from glue.terminal.errors import WrongUseError

ALLOWED_ENDPOINT = "a URL with its scheme, such as http://localhost:4566"


class AwsSettings(Struct, frozen=True, kw_only=True):
    """What options say of the AWS to talk to; None leaves it to the environment and the profile.

    Args:
        region: such as ``eu-west-1``.
        endpoint_url: such as ``http://localhost:4566``.
        profile: of the shared configuration files; its credentials then count more than the environment's.
    """

    region: str | None = None
    endpoint_url: str | None = None
    profile: str | None = None


_current = AwsSettings()


def aws_settings() -> AwsSettings:
    """What holds for clients that are made now."""
    return _current


@contextmanager
def using(settings: AwsSettings) -> Iterator[None]:
    """Lets these settings hold for the whole process; what they leave open stays as it is.

    >>> with using(AwsSettings(region="eu-west-1")), using(AwsSettings(profile="staging")):
    ...     aws_settings()
    AwsSettings(region='eu-west-1', endpoint_url=None, profile='staging')
    """
    global _current
    before = _current
    given = {name: value for name, value in msgspec.structs.asdict(settings).items() if value is not None}
    _current = msgspec.structs.replace(before, **given)
    try:
        yield
    finally:
        _current = before


def region_of(settings: AwsSettings, environment: Mapping[str, str] = os.environ) -> str | None:
    """The region that options or ``AWS_REGION`` name; None leaves it to boto3, which knows other places.

    boto3 reads ``AWS_DEFAULT_REGION`` and the profile, and leaves out ``AWS_REGION``, which the other SDKs read first.

    Source: https://docs.aws.amazon.com/sdkref/latest/guide/feature-region.html

    >>> region_of(AwsSettings(), {"AWS_REGION": "eu-west-1"}), region_of(AwsSettings(region="us-east-1"), {})
    ('eu-west-1', 'us-east-1')
    """
    return settings.region or environment.get("AWS_REGION") or None


def check_endpoint(settings: AwsSettings, environment: Mapping[str, str] = os.environ) -> None:
    """Nothing, when the endpoint that options or ``AWS_ENDPOINT_URL`` name is one.

    Raises:
        WrongUseError: it is not a URL with a scheme.
    """
    for where, url in (
        ("--endpoint-url", settings.endpoint_url),
        ("AWS_ENDPOINT_URL", None if settings.endpoint_url else environment.get("AWS_ENDPOINT_URL")),
    ):
        if url and not is_endpoint(url):
            raise WrongUseError(f"{where} is {url!r}; allowed: {ALLOWED_ENDPOINT}")


def is_endpoint(url: str) -> bool:
    """Whether a text is a URL that a service can be asked at.

    >>> is_endpoint("http://127.0.0.1:4566"), is_endpoint("localhost:4566")
    (True, False)
    """
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
