"""What is in C: compiled where it can be, and a line about what is in use where it cannot."""

from pathlib import Path

import pytest

from consumers import native
from infra.native import CompilerError, compile_with, compiler, for_lambda, for_this_machine


def a_compiler(folder: Path, script: str) -> dict[str, str]:
    """An environment whose C compiler is this shell script; the library's file is its last argument but one."""
    path = folder / "cc"
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return {"CC": str(path)}


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo 'scoring.c:1: no such header' >&2; exit 1", "does not compile native: scoring.c:1: no such header"),
        ("exit 3", "does not compile native: it ended with 3"),
        ("exit 0", "does not compile native: it ended with 0"),
        ('for one; do before=$last; last=$one; done; echo nothing > "$before"', "this Python cannot load what"),
    ],
)
def test_a_compiler_that_makes_nothing_of_use_leaves_judging_to_python(tmp_path: Path, script: str, said: str) -> None:
    target = tmp_path / native.FILE
    target.write_bytes(b"an older one")
    line = for_this_machine(a_compiler(tmp_path, script), target)
    assert line.startswith("Texts are judged by Python alone, which gives the same and takes longer: ")
    assert said in line
    assert [path.name for path in tmp_path.iterdir()] == ["cc"]


def test_without_a_compiler_judging_is_left_to_python(tmp_path: Path) -> None:
    assert compiler({"CC": "no-such-compiler"}) is None
    line = for_this_machine({"CC": "no-such-compiler"}, tmp_path / native.FILE)
    assert line.endswith("no C compiler (no-such-compiler) is on the path. With one: make native")
    with pytest.raises(CompilerError, match="does not run: No such file"):
        compile_with([str(tmp_path / "gone")], tmp_path / native.FILE)


def test_without_the_compiler_for_lambda_the_bundle_says_what_fetches_it(tmp_path: Path) -> None:
    with pytest.raises(CompilerError, match="make bundle fetches it"):
        for_lambda(tmp_path / native.FILE, tmp_path / "python")
