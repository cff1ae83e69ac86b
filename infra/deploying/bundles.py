"""Whether the bundle in ``build/lambda`` is what the sources are now."""

import filecmp
import tempfile
from pathlib import Path

from consumers import native
from infra import bundle


def differing(target: Path = bundle.TARGET) -> list[str] | None:
    """The files that differ from the sources, or are in one of both only, by their names; None without a bundle.

    Only our own packages are looked at: the others are pinned by the lock, and the bundle was made from one. What is
    compiled differs when it is of another source; without it the bundle is only slower.
    """
    if not target.is_dir():
        return None
    with tempfile.TemporaryDirectory(prefix="streamkeeper-bundle-") as folder:
        fresh = Path(folder)
        bundle.copy_packages(fresh)
        found = []
        for package in bundle.PACKAGES:
            there, here = _files(target / package), _files(fresh / package)
            library = there.pop(bundle.LIBRARY.removeprefix(f"{package}/"), None)
            if library is not None and not _is_of_the_source(library):
                found.append(bundle.LIBRARY)
            found += [f"{package}/{name}" for name in sorted(there.keys() ^ here.keys())]
            found += [
                f"{package}/{name}"
                for name in sorted(there.keys() & here.keys())
                if not filecmp.cmp(there[name], here[name], shallow=False)
            ]
    return found


def _is_of_the_source(library: Path) -> bool:
    return native.digest(native.sources() or b"").encode() in library.read_bytes()


def _files(folder: Path) -> dict[str, Path]:
    return {
        path.relative_to(folder).as_posix(): path
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
