"""Whether the bundle in ``build/lambda`` is what the sources are now."""

import filecmp
import tempfile
from pathlib import Path

from infra import bundle


def differing(target: Path = bundle.TARGET) -> list[str] | None:
    """The files that differ from the sources, or are in one of both only, by their names; None without a bundle.

    Only our own packages are looked at: the others are pinned by the lock, and the bundle was made from one.
    """
    if not target.is_dir():
        return None
    with tempfile.TemporaryDirectory(prefix="streamkeeper-bundle-") as folder:
        fresh = Path(folder)
        bundle.copy_packages(fresh)
        found = []
        for package in bundle.PACKAGES:
            there, here = _files(target / package), _files(fresh / package)
            found += [f"{package}/{name}" for name in sorted(there.keys() ^ here.keys())]
            found += [
                f"{package}/{name}"
                for name in sorted(there.keys() & here.keys())
                if not filecmp.cmp(there[name], here[name], shallow=False)
            ]
    return found


def _files(folder: Path) -> dict[str, Path]:
    return {
        path.relative_to(folder).as_posix(): path
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
