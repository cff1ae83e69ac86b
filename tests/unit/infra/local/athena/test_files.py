"""The objects of a query as files: one open file is read by several of DuckDB's threads at once."""

import io
import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from infra.local.athena.files import Meter, ObjectFile, open_objects

BODY = random.Random(1).randbytes(100_000)


@dataclass
class OneObject:
    """A store that holds one object."""

    body: bytes

    def put(self, bucket: str, key: str, body: bytes, *, content_type: str = "") -> object:
        raise NotImplementedError

    def get(self, bucket: str, key: str, *, start: int = 0, length: int | None = None) -> bytes:
        return self.body[start : None if length is None else start + length]

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
        assert one.submit(file.tell).result() == 50_004


def test_threads_that_read_at_once_get_each_their_own_bytes() -> None:
    file = opened()

    def read(start: int) -> bool:
        file.seek(start)
        return file.read(1_000) == BODY[start : start + 1_000]

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(read, [random.Random(n).randrange(99_000) for n in range(2_000)]))


def test_what_is_read_one_after_the_other_is_the_object_and_counted_once() -> None:
    meter = Meter()
    file = opened(meter)
    pieces = iter(lambda: file.read(7_000), b"")
    assert b"".join(pieces) == BODY
    assert (file.seek(-10, io.SEEK_END), file.read()) == (len(BODY) - 10, BODY[-10:])
    assert meter.total == len(BODY)
