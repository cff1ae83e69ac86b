"""An object in S3 as a test looks at it."""

import bz2
import gzip
import io
import json
from typing import Any

from msgspec import Struct


class StoredObject(Struct, frozen=True):
    """One object.

    Args:
        bucket, key: where it is.
        body: its bytes.

    >>> StoredObject("b", "k.json.gz", gzip.compress(b'{"a": 1}\\n{"a": 2}\\n')).records()
    [{'a': 1}, {'a': 2}]
    """

    bucket: str
    key: str
    body: bytes

    @property
    def text(self) -> str:
        """Its text, decompressed, as UTF-8."""
        return self._plain().decode()

    def records(self) -> list[Any]:
        """Its records: the rows of Parquet, or the JSON documents of lines or one after the other.

        Raises:
            ValueError: it holds neither.
        """
        body = self._plain()
        if body[:4] == b"PAR1":
            import pyarrow.parquet as pq

            return list(pq.read_table(io.BytesIO(body)).to_pylist())
        decoder, text, at, found = json.JSONDecoder(), body.decode(), 0, []
        while at < len(text):
            if text[at].isspace():
                at += 1
                continue
            document, at = decoder.raw_decode(text, at)
            found.append(document)
        return found

    def _plain(self) -> bytes:
        if self.body[:2] == b"\x1f\x8b":
            return gzip.decompress(self.body)
        return bz2.decompress(self.body) if self.body[:3] == b"BZh" else self.body
