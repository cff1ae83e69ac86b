"""A folder of states: a disk that takes nothing is said, and leaves what was there."""

from pathlib import Path

import pytest

from glue.terminal.errors import CommandError
from producers.replay.run_files import FolderStore
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
