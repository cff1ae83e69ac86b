"""Which runtimes run: told by locks, so that a file of a killed one is never taken for a runtime."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from infra.local.runs import MARK, Announced, Run, clear, crashed, folder, is_alive, leftovers, running
from tests.fakes.until import until

RUN = Run(pid=os.getpid(), port=4999, started_at=1.0, stack="s", data="/d")


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def killed(code: str) -> None:
    """Runs code that announces a runtime and then dies without a word."""
    program = (
        "import os, subprocess, sys\nfrom infra.local.runs import *\n"
        "run = Announced(Run(pid=os.getpid(), port=4999, started_at=1.0, stack='s')).run\n"
        f"{code}\nos.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=False)


def test_a_runtime_is_found_while_it_lives_and_leaves_nothing() -> None:
    assert (running(), crashed()) == ([], [])
    announced = Announced(RUN)
    announced.ready()
    [found] = running()
    assert (found.pid, found.port, found.data, found.ready) == (os.getpid(), 4999, "/d", True)
    assert is_alive(found)
    announced.release()
    assert (running(), crashed(), list(folder().iterdir())) == ([], [], [])


def test_temporary_files_have_a_folder_of_their_own_meanwhile() -> None:
    before = tempfile.gettempdir()
    announced = Announced(RUN)
    assert tempfile.gettempdir() == announced.run.temporary == os.environ["TMPDIR"]
    (Path(tempfile.gettempdir()) / "buffer").touch()
    announced.release()
    assert tempfile.gettempdir() == before
    assert not Path(announced.run.temporary or "").exists()
    assert MARK not in os.environ


def test_the_file_of_a_killed_runtime_is_stale_though_its_process_number_may_be_taken() -> None:
    killed("")
    [stale] = crashed()
    # Whoever has the number now is not the runtime.
    path = folder() / "4999.json"
    path.write_text(path.read_text().replace(f'"pid":{stale.pid}', f'"pid":{os.getpid()}'))
    assert running() == []
    assert [run.pid for run in crashed()] == [os.getpid()]


def test_what_a_killed_runtime_left_is_ended_and_removed() -> None:
    killed("subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], start_new_session=True)")
    [stale] = crashed()
    assert Path(stale.temporary or "").is_dir()
    [child] = leftovers(stale)
    assert clear(stale) == [child]
    until(lambda: leftovers(stale) == [], "the process has ended")
    assert not Path(stale.temporary or "").exists()
    assert (running(), crashed()) == ([], [])


def test_a_port_whose_runtime_was_killed_can_be_had_again() -> None:
    killed("")
    announced = Announced(RUN)
    assert [run.pid for run in running()] == [os.getpid()]
    assert crashed() == []
    announced.release()


def test_a_folder_of_garbage_names_no_runtime() -> None:
    folder().mkdir(parents=True)
    for name, content in (("1.json", b""), ("2.json", b"{}"), ("3.json", b"\xff"), ("x.json", b"{}"), ("4.log", b"")):
        (folder() / name).write_bytes(content)
    (folder() / "5.json").mkdir()
    (folder() / "6.json").symlink_to("/etc/passwd")
    assert (running(), crashed()) == ([], [])


def test_a_temporary_folder_that_is_not_ours_is_never_removed(tmp_path: Path) -> None:
    killed("")
    path = folder() / "4999.json"
    [stale] = crashed()
    path.write_text(path.read_text().replace(str(stale.temporary), str(tmp_path)))
    [stale] = crashed()
    clear(stale)
    assert tmp_path.is_dir()
