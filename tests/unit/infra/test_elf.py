import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from infra.elf import without_symbols

LIBRARIES = {
    name: path
    for name in ("ahocorasick-rs", "google-re2", "msgspec", "pybase64")
    for path in (Path(str(file.locate())) for file in metadata.files(name) or [])
    if path.suffix == ".so"
}


@pytest.mark.parametrize("name", LIBRARIES)
def test_the_libraries_of_the_bundle_are_smaller_without_symbols_and_nothing_is_taken_twice(name: str) -> None:
    whole = LIBRARIES[name].read_bytes()
    less = without_symbols(whole)
    assert len(less) < len(whole)
    assert without_symbols(less) == less


def test_a_library_without_symbols_still_loads_and_works(tmp_path: Path) -> None:
    library = LIBRARIES["msgspec"]
    (tmp_path / library.name).write_bytes(without_symbols(library.read_bytes()))
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import _core; print(_core.__file__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == (str(tmp_path / library.name), "")


@pytest.mark.parametrize("content", [b"", b"def\n", b"\x7fELF", b"\x7fELF\x01\x01" + bytes(90)])
def test_what_is_no_64_bit_library_stays_as_it_is(content: bytes) -> None:
    assert without_symbols(content) == content
