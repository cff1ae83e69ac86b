"""Addresses of objects and prefixes in S3."""

import re
from typing import NamedTuple

SCHEME = "s3://"
# Names given before 2018 may hold capitals and underscores, and be longer than 63 characters.
# Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
_ADDRESS = re.compile(r"s3://([A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9])(?:/(.*))?", re.ASCII | re.DOTALL)


class Address(NamedTuple):
    """A bucket, and a key or the beginning of keys; empty for the whole bucket."""

    bucket: str
    key: str

    def __str__(self) -> str:
        return f"{SCHEME}{self.bucket}/{self.key}"


def is_address(text: str) -> bool:
    """Whether a text says that it means S3.

    >>> is_address("s3://bucket/policies/default.toml"), is_address("default")
    (True, False)
    """
    return text.startswith(SCHEME)


def parse_prefix(text: str) -> Address:
    """Bucket and prefix; the prefix may be empty.

    Raises:
        ValueError: the text is not such an address; the message says what is allowed.

    >>> parse_prefix("s3://bucket/2026/"), parse_prefix("s3://bucket")
    (Address(bucket='bucket', key='2026/'), Address(bucket='bucket', key=''))
    """
    found = _ADDRESS.fullmatch(text)
    if found is None:
        raise ValueError(f"received {text!r}; allowed: s3://BUCKET/PREFIX")
    return Address(found[1], found[2] or "")


def parse_object(text: str) -> Address:
    """Bucket and key of one object.

    Raises:
        ValueError: the text is not such an address; the message says what is allowed.

    >>> parse_object("s3://bucket/policies/default.toml")
    Address(bucket='bucket', key='policies/default.toml')
    """
    found = _ADDRESS.fullmatch(text)
    if found is None or not found[2]:
        raise ValueError(f"received {text!r}; allowed: s3://BUCKET/KEY")
    return Address(found[1], found[2])
