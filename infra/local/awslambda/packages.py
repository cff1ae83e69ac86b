"""The code of functions and layers: zip archives as Lambda takes them, unpacked into folders of this machine."""

import hashlib
import io
import shutil
import stat
import tempfile
import threading
import zipfile
from base64 import b64encode
from pathlib import Path
from typing import Final

from msgspec import Struct

from infra.local.errors import ApiError

UNPACKED_LIMIT: Final = 250 * 1024 * 1024
"""Bytes of code and layers unpacked. Source: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""
PACKED_LIMIT: Final = 50 * 1024 * 1024
"""Bytes of an archive that comes with the call. Source: as above."""


class Package(Struct, frozen=True):
    """Unpacked code.

    Args:
        folder: where it lies.
        size: bytes of the archive.
        digest: SHA-256 of the archive, in base64, as ``CodeSha256`` shows it.
    """

    folder: Path
    size: int
    digest: str


class Packages:
    """Unpacks archives into a temporary folder, each content once. Safe to use from several threads."""

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._lock = threading.Lock()

    def unpack(self, archive: bytes) -> Package:
        """The package in an archive.

        Raises:
            ApiError: InvalidParameterValueException when it is not a zip archive, or too large.
        """
        digest = hashlib.sha256(archive)
        with self._lock:
            if self._folder is None:
                self._folder = Path(tempfile.mkdtemp(prefix="streamkeeper-functions-"))
            folder = self._folder / digest.hexdigest()[:32]
            if not folder.exists():
                _extract(archive, folder)
        return Package(folder, len(archive), b64encode(digest.digest()).decode())

    def close(self) -> None:
        """Removes what was unpacked."""
        with self._lock:
            if self._folder is not None:
                shutil.rmtree(self._folder, ignore_errors=True)
                self._folder = None


def packed(folder: Path) -> bytes:
    """A folder as the archive that ``sam package`` would make of it: the same bytes for the same files.

    Raises:
        FileNotFoundError: there is no such folder or file.

    >>> packed(Path("/no/such/folder"))
    Traceback (most recent call last):
    FileNotFoundError: /no/such/folder
    """
    if folder.is_file():
        if zipfile.is_zipfile(folder):
            return folder.read_bytes()
        files = [folder]
        folder = folder.parent
    elif folder.is_dir():
        files = sorted(path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    else:
        raise FileNotFoundError(str(folder))
    found = io.BytesIO()
    with zipfile.ZipFile(found, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for path in files:
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), (1980, 1, 1, 0, 0, 0))
            entry.external_attr = (stat.S_IFREG | (path.stat().st_mode & 0o777)) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, path.read_bytes())
    return found.getvalue()


def inline(text: str, *, name: str = "index.py") -> bytes:
    """The archive of a function whose source stands in the template."""
    found = io.BytesIO()
    with zipfile.ZipFile(found, "w") as archive:
        archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), text)
    return found.getvalue()


def _extract(archive: bytes, folder: Path) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            whole = sum(entry.file_size for entry in opened.infolist())
            if whole > UNPACKED_LIMIT:
                raise ApiError(
                    "InvalidParameterValueException",
                    f"Unzipped size must be smaller than {UNPACKED_LIMIT} bytes; got {whole}",
                )
            partial = folder.with_suffix(".partial")
            shutil.rmtree(partial, ignore_errors=True)
            for entry in opened.infolist():
                place = Path(opened.extract(entry, partial))
                mode = entry.external_attr >> 16 & 0o777
                if mode and not entry.is_dir():
                    place.chmod(mode | stat.S_IRUSR)
            partial.mkdir(parents=True, exist_ok=True)
            partial.rename(folder)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError) as error:
        raise ApiError(
            "InvalidParameterValueException",
            "Could not unzip uploaded file. Please check your file, then "
            f"try to upload again. ({type(error).__name__})",
        ) from None
