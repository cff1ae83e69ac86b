"""Objects of S3 on disk: they read as if moto held them in a file each."""

import errno
import io
import os
import random

from hypothesis import given
from hypothesis import strategies as st

from infra.local.object_bodies import INLINE_BYTES, ObjectBody
from infra.local.unnamed_files import Piece, UnnamedFiles

_bodies = st.one_of(
    st.binary(max_size=20), st.integers(INLINE_BYTES - 1, INLINE_BYTES + 9).map(random.Random(7).randbytes)
)


class _Full(UnnamedFiles):
    def write(self, body: bytes) -> Piece:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@given(st.lists(_bodies, min_size=1, max_size=4), st.integers(0, INLINE_BYTES + 20), st.integers(-1, 5_000))
def test_a_body_reads_like_a_file_whatever_was_there_before(written: list[bytes], start: int, size: int) -> None:
    ours, plain = ObjectBody(UnnamedFiles(file_bytes=5_000)), io.BytesIO()
    for body in written:
        for one in (ours, plain):
            one.seek(0)
            one.truncate()
            one.write(body)
    for one in (ours, plain):
        one.seek(start)
    assert ours.read(size) == plain.read(size)
    assert ours.read() == plain.read()


def test_what_is_written_behind_a_place_follows_what_was_before_it() -> None:
    body = ObjectBody(UnnamedFiles())
    body.write(b"a" * 5_000)
    body.seek(4_999)
    body.write(b"b" * 5_000)
    body.seek(4_998)
    assert body.read(3) == b"abb"
    assert len(body.read()) == 4_998


def test_many_objects_share_few_files() -> None:
    files = UnnamedFiles()
    before = len(os.listdir("/proc/self/fd"))
    bodies = [ObjectBody(files) for _ in range(200)]
    for number, body in enumerate(bodies):
        body.write(b"%05d" % number * 1_000)
    assert len(os.listdir("/proc/self/fd")) <= before + 1
    for number, body in enumerate(bodies):
        body.seek(4_995)
        assert body.read() == b"%05d" % number


def test_an_object_that_the_disk_does_not_take_stays_in_memory() -> None:
    body = ObjectBody(_Full())
    body.write(b"a" * 100_000)
    body.seek(0)
    assert body.read() == b"a" * 100_000


def test_a_closed_body_holds_nothing() -> None:
    body = ObjectBody(UnnamedFiles())
    body.write(b"a" * 100_000)
    body.close()
    assert body.read() == b""
