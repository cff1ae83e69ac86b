"""An environment for each client, made once with the usual installers and kept in build/clients."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROGRAMS = Path(__file__).parent / "programs"
CACHE = ROOT / "build" / "clients"
_INSTALL_SECONDS = 1200


class NotInstalledError(Exception):
    """The client cannot be had on this machine: its message says why. It is neither passed nor failed."""


def python(name: str, *requirements: str) -> Path:
    """The interpreter of a virtual environment that has the requirements."""

    def make(folder: Path) -> None:
        _run([sys.executable, "-m", "venv", str(folder)])
        program = str(folder / "bin" / "python")
        if uv := shutil.which("uv"):  # several times as fast
            _run([uv, "pip", "install", "--quiet", "--python", program, *requirements])
        else:
            _run([program, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *requirements])

    return _made(f"python-{name}", requirements, make) / "bin" / "python"


def java(program: str) -> str:
    """The class path of a program, compiled, with what its pom.xml asks for."""
    needed("mvn", "javac", "java")

    def make(folder: Path) -> None:
        _copied(program, folder)
        copy = ["dependency:copy-dependencies", f"-DoutputDirectory={folder / 'lib'}"]
        _run(["mvn", "--batch-mode", "--quiet", *copy], cwd=folder)
        if sources := sorted(str(path) for path in folder.glob("*.java")):
            _run(["javac", "-cp", str(folder / "lib" / "*"), "-d", str(folder / "classes"), *sources])

    folder = _made(f"java-{program}", (), make, program)
    return f"{folder / 'classes'}{os.pathsep}{folder / 'lib' / '*'}"


def javascript(program: str) -> Path:
    """The folder of a program with its packages installed."""
    needed("node", "npm")

    def make(folder: Path) -> None:
        _copied(program, folder)
        _run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--no-package-lock"], cwd=folder)

    return _made(program, (), make, program)


def go(program: str) -> Path:
    """The program, built."""
    needed("go")

    def make(folder: Path) -> None:
        _copied(program, folder)
        _run(["go", "mod", "tidy"], cwd=folder)
        _run(["go", "build", "-o", "program"], cwd=folder)

    return _made(program, (), make, program) / "program"


def needed(*commands: str) -> None:
    """Asks for commands of the machine.

    Raises:
        NotInstalledError: one is not there.
    """
    for command in commands:
        if shutil.which(command) is None:
            raise NotInstalledError(f"{command} is not on this machine")


def _made(name: str, wanted: Sequence[str], make: Callable[[Path], None], program: str | None = None) -> Path:
    """The environment of this name, made again when what it is made of has changed."""
    sources = sorted((PROGRAMS / program).iterdir()) if program else []
    key = "\n".join([*wanted, *(hashlib.sha256(path.read_bytes()).hexdigest() for path in sources), sys.version])
    folder, mark = CACHE / name, CACHE / name / ".made-of"
    if not mark.is_file() or mark.read_text() != key:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        try:
            make(folder)
        except subprocess.CalledProcessError as error:
            last = (error.stderr or error.stdout or "").strip().splitlines()[-1:] or ["no message"]
            raise NotInstalledError(f"{error.cmd[0]}: {last[0]}"[:200]) from error
        except subprocess.TimeoutExpired as error:
            raise NotInstalledError(f"{error.cmd[0]} did not end within {_INSTALL_SECONDS} s") from error
        mark.write_text(key)
    return folder


def _copied(program: str, folder: Path) -> None:
    for path in (PROGRAMS / program).iterdir():
        shutil.copy(path, folder / path.name)


def _run(command: Sequence[str], cwd: Path | None = None) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=_INSTALL_SECONDS, cwd=cwd)
