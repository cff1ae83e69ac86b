"""The buckets as an audit reads them."""

import gzip
import zlib
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Protocol

from msgspec import Struct

from glue.aws.clients import make_client
from glue.aws.reaching import reaching


class LakeObject(Struct, frozen=True, order=True):
    """One object: its key, its size in bytes, its entity tag, and when it was written, in epoch seconds."""

    key: str
    size: int
    etag: str
    written: float


class UnreadableError(ValueError):
    """An object that is not what it should be; the message says in what way, and nothing of its content."""


class Lake(Protocol):
    """A bucket."""

    @property
    def address(self) -> str:
        """``s3://BUCKET/``."""
        ...

    def objects(self, prefix: str) -> Sequence[LakeObject]:
        """All objects below a prefix, by key."""
        ...

    def read(self, key: str) -> bytes:
        """An object's bytes.

        Raises:
            UnreadableError: it is gone.
        """
        ...

    def write(self, key: str, data: bytes) -> None:
        """Puts an object there."""
        ...


class S3Lake:
    """A bucket in S3.

    Args:
        bucket: its name.
    """

    def __init__(self, bucket: str, *, client: Any = None) -> None:
        self._bucket = bucket
        self._client = client or make_client("s3")

    @property
    def address(self) -> str:
        """See :class:`Lake`."""
        return f"s3://{self._bucket}/"

    def objects(self, prefix: str) -> list[LakeObject]:
        """See :class:`Lake`."""
        with reaching(self.address + prefix):
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
            return sorted(
                LakeObject(str(one["Key"]), int(one["Size"]), str(one["ETag"]), one["LastModified"].timestamp())
                for page in pages
                for one in page.get("Contents", ())
            )

    def read(self, key: str) -> bytes:
        """See :class:`Lake`."""
        with reaching(self.address + key):
            try:
                body: bytes = self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()
            except self._client.exceptions.NoSuchKey:
                raise UnreadableError("it is gone") from None
        return body

    def write(self, key: str, data: bytes) -> None:
        """See :class:`Lake`."""
        with reaching(self.address + key):
            self._client.put_object(Bucket=self._bucket, Key=key, Body=data)


def unpacked(data: bytes) -> bytes:
    """What is in a gzip object.

    Raises:
        UnreadableError: it is no gzip, or not whole.
    """
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise UnreadableError(f"no whole gzip file ({type(error).__name__})") from None


def days(first: date, last: date) -> Iterator[date]:
    """Each day, both included."""
    while first <= last:
        yield first
        first += timedelta(days=1)


def day_of(moment: datetime) -> date:
    """The day of a moment, in UTC."""
    return moment.astimezone(UTC).date()
