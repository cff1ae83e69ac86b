"""The buckets as an audit reads them: every page of a listing, an object that is gone, what is no whole gzip."""

import gzip
import io
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest

from infra.audit.lake import LakeObject, S3Lake, UnreadableError, days, unpacked

WRITTEN = datetime(2026, 11, 20, 12, tzinfo=UTC)


class GoneError(Exception):
    """S3's own."""


class Exceptions:
    NoSuchKey = GoneError


class TwoPages:
    """S3 whose listings have a key a page, the last page none."""

    exceptions = Exceptions()

    def __init__(self, stored: dict[str, bytes]) -> None:
        self.stored = stored

    def get_paginator(self, name: str) -> "TwoPages":
        assert name == "list_objects_v2"
        return self

    def paginate(self, *, Bucket: str, Prefix: str) -> Iterator[dict[str, Any]]:
        for key in sorted(self.stored, reverse=True):
            if f"{Bucket}/{key}".startswith(f"lake/{Prefix}"):
                size = len(self.stored[key])
                yield {"Contents": [{"Key": key, "Size": size, "ETag": f"of {key}", "LastModified": WRITTEN}]}
        yield {}

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        if (Bucket, Key) not in {("lake", key) for key in self.stored}:
            raise GoneError
        return {"Body": io.BytesIO(self.stored[Key])}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes) -> None:
        assert Bucket == "lake"
        self.stored[Key] = Body


def test_all_objects_below_a_prefix_are_listed_by_key_whatever_page_they_are_on() -> None:
    lake = S3Lake("lake", client=TwoPages({"a/2": b"xx", "a/1": b"x", "b/3": b"xxx"}))
    assert lake.address == "s3://lake/"
    assert lake.objects("a/") == [
        LakeObject("a/1", 1, "of a/1", WRITTEN.timestamp()),
        LakeObject("a/2", 2, "of a/2", WRITTEN.timestamp()),
    ]
    assert lake.objects("c/") == []


def test_what_is_written_is_read_and_what_is_not_there_is_gone() -> None:
    lake = S3Lake("lake", client=TwoPages({}))
    with pytest.raises(UnreadableError, match="gone"):
        lake.read("a")
    lake.write("a", b"body")
    assert lake.read("a") == b"body"


@pytest.mark.parametrize("cut", [0, 1, 5, 12, -9, -1])
def test_what_is_no_whole_gzip_is_told_by_its_kind_alone(cut: int) -> None:
    whole = gzip.compress(b"secret" * 50)
    assert unpacked(whole) == b"secret" * 50
    if cut == 0:
        assert unpacked(whole[:0]) == b""
        return
    with pytest.raises(UnreadableError, match="no whole gzip file") as caught:
        unpacked(whole[:cut])
    assert "secret" not in str(caught.value)
    with pytest.raises(UnreadableError):
        unpacked(whole[:20] + bytes([whole[20] ^ 255]) + whole[21:])


def test_days_are_both_ends_and_all_between() -> None:
    assert list(days(date(2026, 2, 27), date(2026, 3, 1))) == [
        date(2026, 2, 27),
        date(2026, 2, 28),
        date(2026, 3, 1),
    ]
    assert list(days(date(2026, 3, 1), date(2026, 3, 1))) == [date(2026, 3, 1)]
    assert list(days(date(2026, 3, 2), date(2026, 3, 1))) == []
