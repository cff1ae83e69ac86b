"""The folder of the runtime: one owner at a time, who is named, and a folder that can be written."""

import subprocess
import sys
from pathlib import Path

import pytest

from infra.local.durable.folder import DataFolder, FolderError, FolderInUseError

CLAIM = """
import sys, pathlib
from infra.local.durable.folder import DataFolder
DataFolder(pathlib.Path(sys.argv[1])).announce("http://127.0.0.1:1")
print("claimed", flush=True)
sys.stdin.read()
"""


def test_a_folder_is_made_and_may_be_claimed_again_once_it_is_released(tmp_path: Path) -> None:
    for _ in range(2):
        folder = DataFolder(tmp_path / "a" / "b")
        assert folder.path.is_dir()
        folder.release()


def test_a_second_claim_in_one_process_is_refused_too(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    with pytest.raises(FolderInUseError, match="in use by process"):
        DataFolder(tmp_path)
    folder.release()


def test_another_process_that_owns_the_folder_is_named_until_it_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", CLAIM, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"claimed\n"
        with pytest.raises(FolderInUseError, match=rf"in use by process {owner.pid} at http://127\.0\.0\.1:1;"):
            DataFolder(tmp_path)
        owner.kill()
        owner.wait()
    DataFolder(tmp_path).release()


@pytest.mark.parametrize("path", ["/proc/nope", "/dev/null/folder"])
def test_a_folder_that_cannot_be_made_is_refused(path: str) -> None:
    with pytest.raises(FolderError, match=f"{path} cannot be written"):
        DataFolder(Path(path))


def test_a_file_is_not_a_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FolderError, match="file cannot be written"):
        DataFolder(tmp_path / "file")


def test_an_owner_file_that_is_a_symbolic_link_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("mine")
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "owner").symlink_to(tmp_path / "target")
    with pytest.raises(FolderError):
        DataFolder(folder)
    assert (tmp_path / "target").read_text() == "mine"
