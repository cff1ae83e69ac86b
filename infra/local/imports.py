"""Packages that this process does without, although they may be installed."""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType


class _LeftOut(MetaPathFinder):
    def __init__(self, name: str) -> None:
        self._name = name

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname == self._name:
            raise ModuleNotFoundError(f"the runtime does without {fullname}", name=fullname)
        return None


def leave_out(name: str) -> None:
    """Nothing is found under this name from now on, unless it was imported already.

    None in ``sys.modules`` would say so to Python only: Cython's import takes it for the module.

    Args:
        name: of a package.
    """
    sys.meta_path.insert(0, _LeftOut(name))
