from pathlib import Path

import pytest

from glue.terminal.renderings import keep_fresh


def run(root: Path, *arguments: str) -> int:
    files = {root / "fresh.txt": "as it is\n", root / "made" / "stale.txt": "new\n"}
    return keep_fresh(files, arguments, command="python -m rooms render", description="Renders.", root=root)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "fresh.txt").write_text("as it is\n")
    return tmp_path


def test_a_check_names_what_is_stale_and_what_to_run_and_writes_nothing(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(root, "render", "--check") == 1
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("stale: made/stale.txt\n", "Run: python -m rooms render\n")
    assert not (root / "made").exists()


def test_what_is_stale_is_written_and_fresh_from_then_on(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(root, "render") == 0
    assert capsys.readouterr().out == "written: made/stale.txt\n"
    assert (root / "made" / "stale.txt").read_text() == "new\n"
    assert run(root, "render", "--check") == 0
    assert capsys.readouterr().out == ""


def test_another_word_is_refused_with_the_one_that_is_allowed(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run(root, "paint")
    assert "choose from" in capsys.readouterr().err
