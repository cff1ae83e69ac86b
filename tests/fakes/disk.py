"""A disk that dies at a chosen step, and then looks as a killed process or a power cut would leave it."""

import random
from pathlib import Path

from producers.spool.disk import Disk


class Crash(BaseException):
    """The process ends here."""


class MortalDisk(Disk):
    """Does its work until the step ``dies_at``; half of an append may still happen then.

    Args:
        dies_at: number of the step that does not happen any more; None: never.
        seed: of what a crash leaves behind.
    """

    def __init__(self, dies_at: int | None = None, seed: int = 0) -> None:
        self.steps = 0
        self.dies_at = dies_at
        self.chance = random.Random(seed)
        self.synced: dict[Path, int] = {}
        self.unsure: set[Path] = set()
        self.removed: dict[Path, bytes] = {}

    def _step(self) -> None:
        self.steps += 1
        if self.dies_at is not None and self.steps >= self.dies_at:
            raise Crash

    def make_folder(self, folder: Path) -> None:
        self._step()
        super().make_folder(folder)

    def create(self, path: Path) -> int:
        self._step()
        self.unsure.add(path)
        self.synced[path] = 0
        return super().create(path)

    def reopen(self, path: Path) -> int:
        self._step()
        if not path.exists():
            self.unsure.add(path)
        self.synced.setdefault(path, path.stat().st_size if path.exists() else 0)
        return super().reopen(path)

    def append(self, path: Path, descriptor: int, data: bytes) -> None:
        try:
            self._step()
        except Crash:
            super().append(path, descriptor, data[: self.chance.randrange(len(data) + 1)])
            raise
        super().append(path, descriptor, data)

    def sync(self, path: Path, descriptor: int) -> None:
        self._step()
        super().sync(path, descriptor)
        self.synced[path] = path.stat().st_size

    def sync_folder(self, folder: Path) -> None:
        self._step()
        super().sync_folder(folder)
        self.unsure = {path for path in self.unsure if path.parent != folder}
        self.removed = {path: content for path, content in self.removed.items() if path.parent != folder}

    def truncate(self, path: Path, size: int) -> None:
        self._step()
        super().truncate(path, size)
        self.synced[path] = size

    def rename(self, path: Path, to: Path) -> None:
        self._step()
        super().rename(path, to)

    def remove(self, path: Path) -> None:
        self._step()
        if path.exists():
            self.removed[path] = path.read_bytes()
        super().remove(path)
        self.unsure.discard(path)

    def cut_power(self) -> None:
        """What was not synced is there in part or not at all; what was removed may be there again."""
        for path, size in self.synced.items():
            if not path.exists():
                continue
            if path in self.unsure and self.chance.random() < 0.5:
                path.unlink()
                continue
            now = path.stat().st_size
            if now > size:
                with path.open("r+b") as file:
                    file.truncate(self.chance.randint(size, now))
        for path, content in self.removed.items():
            if self.chance.random() < 0.5 and not path.exists():
                path.write_bytes(content)
