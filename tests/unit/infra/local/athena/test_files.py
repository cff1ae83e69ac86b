"""The objects of a query as files: one open file is read by several of DuckDB's threads at once."""

import io
import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import cycle

import pytest

from infra.local.athena.files import Meter, ObjectFile, open_objects

BODY = random.Random(1).randbytes(100_000)


@dataclass
class OneObject:
    """A store that holds one object, and gives at most ``longest`` bytes of it at a time."""

    body: bytes
    longest: int | None = None

    def put(self, bucket: str, key: str, body: bytes, *, content_type: str = "") -> object:
        raise NotImplementedError

    def get(self, bucket: str, key: str, *, start: int = 0, length: int | None = None) -> bytes:
        given = self.body[start : None if length is None else start + length]
        return given if self.longest is None else given[: self.longest]

    def list(self, bucket: str, prefix: str = "") -> Sequence[ObjectFile]:
        raise NotImplementedError

    def delete(self, bucket: str, key: str) -> None:
        raise NotImplementedError


def opened(meter: Meter | None = None) -> io.RawIOBase:
    files = open_objects(OneObject(BODY), meter or Meter())
    return files.reader(ObjectFile(bucket="b", key="k", size=len(BODY), etag="e"))


def test_a_thread_reads_from_where_it_has_sought_whatever_another_thread_seeks() -> None:
    file = opened()
    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as other:
        one.submit(file.seek, 4).result()
        other.submit(file.seek, 90_000).result()
        assert one.submit(file.read, 50_000).result() == BODY[4:50_004]
        assert other.submit(file.read, 50_000).result() == BODY[90_000:]


def test_threads_that_read_at_once_get_each_their_own_bytes() -> None:
    file = opened()

    def read(start: int) -> bool:
        file.seek(start)
        return file.read(1_000) == BODY[start : start + 1_000]

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(read, [random.Random(n).randrange(99_000) for n in range(2_000)]))


def test_a_read_needs_a_seek_of_its_own_thread_whatever_others_have_sought() -> None:
    file = opened()
    with ThreadPoolExecutor(1) as other:
        file.seek(10)
        with pytest.raises(OSError, match="seek first"):
            other.submit(file.read, 5).result()
        assert file.read(5) == BODY[10:15]
        with pytest.raises(OSError, match="seek first"):
            file.read(5)
    assert (file.seek(-10, io.SEEK_END), file.read()) == (len(BODY) - 10, BODY[-10:])


@pytest.mark.parametrize("size", [1, 7, 99_999, 100_000, 100_001])
@pytest.mark.parametrize("longest", [1, 4_096, None])
def test_chunks_are_the_object_whichever_thread_asks_for_the_next(size: int, longest: int | None) -> None:
    body = BODY if size > 1_000 else BODY[:2_000]
    meter = Meter()
    files = open_objects(OneObject(body, longest), meter)
    chunks = files.chunks(ObjectFile(bucket="b", key="k", size=len(body), etag="e"), size)

    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as other:
        found = []
        for pool in cycle([one, other, other]):
            chunk = pool.submit(next, chunks, b"").result()
            if not chunk:
                break
            found.append(chunk)

    assert b"".join(found) == body
    assert {len(chunk) for chunk in found[:-1]} <= {size}
    assert meter.total == len(body)


def test_an_object_that_has_become_shorter_is_an_error_and_not_the_rest_of_it() -> None:
    files = open_objects(OneObject(BODY[:500]), Meter())

    with pytest.raises(OSError, match="ends at byte 500; its listing says 100000"):
        list(files.chunks(ObjectFile(bucket="b", key="k", size=len(BODY), etag="e"), 300))
