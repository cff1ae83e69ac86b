"""The store: what was handed over is written in order, and what cannot be written is said to whoever waits."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from infra.local.durable.store import Store, StoreError
from tests.fakes.full_disk import files_of_at_most

INSERT = "INSERT INTO items VALUES (?, ?, ?)"


def keys(folder: Path) -> list[str]:
    store = Store(folder)
    found = [key for (key,) in store.rows("SELECT key FROM items ORDER BY rowid")]
    store.close()
    return found


def test_what_has_settled_is_there_for_another_process_and_in_order(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for number in range(100):
        store.add(INSERT, ("t", str(number), b""))
    store.settle()
    assert keys(tmp_path) == [str(number) for number in range(100)]
    store.close()


def test_whoever_waits_finds_his_own_change_written_when_many_write_at_once(tmp_path: Path) -> None:
    store = Store(tmp_path)

    def write(number: int) -> bool:
        written = threading.Event()
        store.add(INSERT, ("t", str(number), b""), after=written.set)
        store.settle()
        return written.is_set()

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(write, range(500)))
    assert sorted(map(int, keys(tmp_path))) == list(range(500))
    store.close()


def test_what_was_not_waited_for_is_a_beginning_of_what_was_handed_over(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.add(INSERT, ("t", "a", b""))
    store.settle()
    store.add(INSERT, ("t", "b", b""))
    assert keys(tmp_path) == ["a"]
    store.close()
    assert keys(tmp_path) == ["a", "b"]


def test_a_disk_that_takes_no_more_is_told_to_everybody_from_then_on_and_nothing_half_is_kept(tmp_path: Path) -> None:
    def full() -> None:
        raise OSError(28, "No space left on device")

    store = Store(tmp_path)
    store.add(INSERT, ("t", "a", b""))
    store.add(INSERT, ("t", "b", b""), before=full)
    for _ in range(2):
        with pytest.raises(StoreError, match="No space left on device"):
            store.settle()
    assert "make room" in (store.failure or "")
    store.add(INSERT, ("t", "c", b""))
    store.close()
    assert keys(tmp_path) == []


def test_a_file_that_is_not_a_store_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "runtime.sqlite").write_bytes(b"something else" * 1000)
    with pytest.raises(StoreError, match=r"runtime\.sqlite is not a store"):
        Store(tmp_path)


def test_a_store_that_the_disk_has_no_room_for_is_not_called_another_file(tmp_path: Path) -> None:
    with files_of_at_most(100), pytest.raises(StoreError, match=r"cannot be written \(.*\); make room") as said:
        Store(tmp_path)
    assert "not a store" not in str(said.value)


def test_a_store_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.add("PRAGMA user_version = 99", ())
    store.settle()
    store.close()
    with pytest.raises(StoreError, match="newer version"):
        Store(tmp_path)


def test_a_store_that_is_a_symbolic_link_is_not_followed(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "runtime.sqlite").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match="symbolic link"):
        Store(folder)
    assert not (tmp_path / "elsewhere").exists()
