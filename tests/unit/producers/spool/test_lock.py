"""One process writes a spool at a time, and who only looks at it keeps nobody from writing."""

import fcntl
import os
import threading
from pathlib import Path

import pytest

from producers.spool.disk import Disk
from producers.spool.errors import SpoolLockedError
from producers.spool.findings import LOCK
from producers.spool.lock import take_lock, writer


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "spool"
    made.mkdir(mode=0o700)
    return made


def test_a_folder_is_locked_by_one_process_which_is_named_until_it_lets_go(folder: Path) -> None:
    assert writer(folder) is None
    descriptor = take_lock(folder, Disk())
    assert writer(folder) == str(os.getpid())
    with pytest.raises(SpoolLockedError, match=f"in use by process {os.getpid()};"):
        take_lock(folder, Disk())
    os.close(descriptor)
    assert writer(folder) is None
    os.close(take_lock(folder, Disk()))


def test_a_writer_waits_for_who_only_looks_however_long_that_takes(folder: Path) -> None:
    looking = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT)
    fcntl.flock(looking, fcntl.LOCK_SH)
    taken: list[int] = []
    thread = threading.Thread(target=lambda: taken.append(take_lock(folder, Disk())))
    thread.start()
    thread.join(0.3)
    assert taken == []
    os.close(looking)
    thread.join()
    assert writer(folder) == str(os.getpid())
    os.close(taken[0])


def test_two_who_wait_for_the_same_looker_do_not_wait_for_each_other(folder: Path) -> None:
    looking = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT)
    fcntl.flock(looking, fcntl.LOCK_SH)
    ended: list[object] = []

    def take() -> None:
        try:
            ended.append(take_lock(folder, Disk()))
        except SpoolLockedError as error:
            ended.append(error)

    threads = [threading.Thread(target=take) for _ in range(2)]
    for thread in threads:
        thread.start()
    os.close(looking)
    for thread in threads:
        thread.join()
    assert sorted(type(one).__name__ for one in ended) == ["SpoolLockedError", "int"]
    for one in ended:
        if isinstance(one, int):
            os.close(one)
