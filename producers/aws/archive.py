"""The archive in S3: gzip objects under ``archive/dt=YYYY-MM-DD/``, a record a line. See :mod:`glue.archive`."""

import gzip
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any, cast

from glue.archive import PREFIX
from glue.aws.clients import make_client
from glue.aws.reaching import reaching
from glue.terminal.errors import UnreachableError
from producers.replay.archived import ArchiveObject, begins_at

LONGEST_BUFFER = timedelta(minutes=20)
"""An object holds at most 15 minutes of arrivals (Firehose's longest interval); some more for its
writing. One of the archiver holds those of a single day, whenever it was written."""

WHOLE_BYTES = 8 * 1024 * 1024
"""Compressed bytes of an object that is fetched whole."""


class S3Archive:
    """The archive of a lake bucket.

    Args:
        bucket: its name.
        prefix: where the archive lies in it.
    """

    def __init__(self, bucket: str, *, prefix: str = PREFIX, client: Any = None) -> None:
        self._bucket = bucket
        self._prefix = prefix
        self._client = client or make_client("s3")

    def objects(self, since: float, until: float) -> Sequence[ArchiveObject]:
        """Those that can hold arrivals of the range, in the order of their keys."""
        found: list[ArchiveObject] = []
        first = datetime.fromtimestamp(since, UTC) - LONGEST_BUFFER
        day, last = first.date(), datetime.fromtimestamp(until, UTC).date()
        while day <= last:
            found += [
                one
                for one in self._listed(f"{self._prefix}dt={day:%Y-%m-%d}/", day_begins=_midnight(day))
                if one.begins < until and one.ends >= since
            ]
            day += timedelta(days=1)
        return sorted(found, key=lambda one: one.key)

    def lines(self, one: ArchiveObject) -> Iterator[bytes]:
        """An object's lines, without newlines.

        Small objects are fetched whole: a replay has one of each shard at hand, and may pause for longer than S3 keeps
        a connection open. Large ones are read as they come.

        Raises:
            UnreachableError: it cannot be read, or is no gzip.
        """
        where = f"s3://{self._bucket}/{one.key}"
        with reaching(where):
            body = self._client.get_object(Bucket=self._bucket, Key=one.key)["Body"]
            if one.size <= WHOLE_BYTES:
                with body:
                    body = BytesIO(body.read())
        try:
            with body, gzip.open(cast(Any, body), "rb") as file:
                for line in file:
                    yield line.removesuffix(b"\n")
        except (gzip.BadGzipFile, EOFError) as error:
            raise UnreachableError(
                f"{where} is not a complete gzip file ({type(error).__name__}); restore the object"
            ) from None
        except OSError as error:
            raise UnreachableError(
                f"{where}: {type(error).__name__} while reading; run the same command again"
            ) from None

    def _listed(self, prefix: str, *, day_begins: float) -> Iterator[ArchiveObject]:
        with reaching(f"s3://{self._bucket}/{prefix}"):
            for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix):
                for item in page.get("Contents", ()):
                    key = str(item["Key"])
                    begins = begins_at(key)
                    yield ArchiveObject(
                        key,
                        int(item["Size"]),
                        day_begins if begins is None else begins,
                        item["LastModified"].timestamp(),
                    )


def _midnight(day: Any) -> float:
    return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
