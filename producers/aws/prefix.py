"""A prefix of an S3 bucket as a source: its objects, streamed one after the other in the order of their keys."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    IncompleteReadError,
    ResponseStreamingError,
)

from glue.aws.address import SCHEME, parse_prefix
from glue.aws.clients import make_client
from glue.aws.reaching import NEXT_STEP, reason_of
from glue.readers.folder import select
from glue.readers.formats import Reading
from glue.readers.rows import SourceError
from glue.readers.sources import Source

_CHUNK = 256 * 1024
_ATTEMPTS = 5
_BROKEN = (IncompleteReadError, ResponseStreamingError, HTTPClientError, ConnectionError)


class BucketPrefix:
    """The objects under a prefix. Those that are hidden (a part that begins with a dot) or empty are passed over.

    Args:
        url: ``s3://bucket/prefix``. A prefix is the beginning of a key, as in S3: end it in a slash to mean a folder.
            When there is an object of just that key, it alone is meant.
        pattern, reading: as in :class:`glue.readers.folder.Folder`, by the key behind the prefix's last slash.
        client: of S3; made when it is not given.

    Raises:
        SourceError: nothing is there, or it cannot be reached.
    """

    is_several = True

    def __init__(
        self,
        url: str,
        *,
        pattern: str | None = None,
        reading: Reading | None = None,
        client: Any = None,
    ) -> None:
        self.path = url
        try:
            self._bucket, prefix = parse_prefix(url)
        except ValueError as error:
            raise SourceError(str(error)) from None
        self._reading = reading or Reading()
        self._client = client or make_client("s3")
        found = self._list(prefix)
        self.left_out = 0
        self._base = prefix[: prefix.rfind("/") + 1]
        if prefix in found:
            # Named in full: its name may say nothing of what it holds, and Source then says so.
            names = [prefix[len(self._base) :]]
        else:
            behind = (key[len(self._base) :] for key in found)
            visible = [name for name in behind if not any(part.startswith(".") for part in name.split("/"))]
            names, self.left_out = select(visible, pattern=pattern, reading=self._reading, where=url)
        self.files = names
        self._versions = {name: found[self._base + name] for name in names}

    @property
    def name(self) -> str:
        """The last part of the prefix, or the bucket's name."""
        return self.path.removeprefix(SCHEME).rstrip("/").rpartition("/")[2]

    def parts(self) -> Iterator[Source]:
        """Each object; in ids it goes by its key behind the prefix's last slash, like a file in a folder."""
        for name in self.files:
            key = self._base + name
            opened = partial(self._read, key, self._versions[name])
            with Source(key, reading=self._reading, opened=opened, name=name) as source:
                yield source

    def spool(self) -> None:
        """Nothing to do: objects can be read twice, and a change in between is noticed."""

    def close(self) -> None:
        """Nothing to do: each part is closed when it has been read."""

    def _list(self, prefix: str) -> dict[str, str]:
        found: dict[str, str] = {}
        try:
            for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix):
                for item in page.get("Contents", ()):
                    if item["Size"] > 0:
                        found[item["Key"]] = item["ETag"]
        except (ClientError, BotoCoreError) as error:
            raise SourceError(f"{self.path}: {reason_of(error)}; {NEXT_STEP}") from None
        if not found:
            raise SourceError(f"{self.path}: no object there; {NEXT_STEP}")
        return found

    def _read(self, key: str, version: str) -> Iterator[bytes]:
        """The object's bytes; a connection that breaks is taken up where it broke."""
        place = f"s3://{self._bucket}/{key}"
        offset = broken = 0
        while True:
            before = offset
            wanted = {"Range": f"bytes={offset}-"} if offset else {}
            try:
                body = self._client.get_object(Bucket=self._bucket, Key=key, IfMatch=version, **wanted)["Body"]
                for chunk in body.iter_chunks(_CHUNK):
                    offset += len(chunk)
                    yield chunk
            except _BROKEN as error:
                # As long as it gets on, it may break as often as it likes.
                broken = 1 if offset > before else broken + 1
                if broken == _ATTEMPTS:
                    raise SourceError(f"{place}: {type(error).__name__} after {offset} bytes; run it again") from None
            except (ClientError, BotoCoreError) as error:
                code = reason_of(error)
                if code in ("InvalidRange", "416"):
                    # It had broken behind the last byte.
                    return
                changed = "changed while it was read" if code in ("PreconditionFailed", "412") else code
                raise SourceError(f"{place}: {changed} after {offset} bytes; run it again") from None
            else:
                return
