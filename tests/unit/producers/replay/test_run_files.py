"""A folder of states: a disk that takes nothing is said, and leaves what was there."""

from collections.abc import Callable
from pathlib import Path

import pytest

from glue.terminal.errors import CommandError
from producers.redrive.ledger import Ledger
from producers.replay.run_files import FolderStore, is_alive, this_process
from producers.replay.runs import DamagedStateError, Holder, Run
from tests.fakes.full_disk import files_of_at_most


def test_a_folder_that_cannot_be_made_is_named_with_the_option(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CommandError, match=r"--state .*/file/runs cannot be written: Not a directory; make room"):
        FolderStore(tmp_path / "file" / "runs").write("r", b"{}", None)


def test_a_state_that_there_is_no_room_for_leaves_the_one_before_and_no_draft(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "runs")
    version = store.write("r", b"old", None)
    with files_of_at_most(100), pytest.raises(CommandError, match="make room"):
        store.write("r", b"new" * 1000, version)
    assert store.read("r") == (b"old", version)
    assert [path.name for path in (tmp_path / "runs").iterdir() if "draft" in path.name] == []


DAMAGED = [b"", b"{", b"null", b"[]", b"\xff\xfe", b"[" * 100_000, b'{"run_id": 1}', b'{"state": "gone"}']


@pytest.mark.parametrize("data", DAMAGED)
def test_a_damaged_state_is_named_and_left_as_it_is(tmp_path: Path, data: bytes) -> None:
    store = FolderStore(tmp_path)
    version = store.write("r", data, None)
    ledger = Ledger(store, holder=this_process(), is_alive=is_alive)
    attempts: list[Callable[[], object]] = [
        lambda: Run.take(store, run_id="r", plan={}, holder=this_process(), is_alive=is_alive, now=1.0),
        lambda: ledger.look("r"),
        lambda: ledger.claim("r", "run", now=1.0),
    ]
    for attempt in attempts:
        with pytest.raises(DamagedStateError, match=r"written down for r is damaged .* backup"):
            attempt()
    assert store.read("r") == (data, version)


def test_a_process_with_a_number_beyond_all_is_not_alive() -> None:
    assert is_alive(Holder(this_process().host, 10**30)) is False
