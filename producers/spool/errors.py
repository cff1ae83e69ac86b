"""What a spool says when it cannot: each message ends with what to do."""

from pathlib import Path


class SpoolError(Exception):
    """A spool that cannot do what it was asked; the text says what to do."""


class SpoolLockedError(SpoolError):
    """Another process writes this spool."""


class SpoolFullError(SpoolError):
    """No room: nothing was accepted. It comes back when the stream takes records, or with a larger bound."""


class SpoolTooSmallError(SpoolError):
    """What was given could not fit into an empty spool of this size."""


class SpoolBrokenError(SpoolError):
    """The disk failed. Everything accepted before is in the spool; nothing more is accepted."""


def broken(folder: Path, error: BaseException) -> SpoolBrokenError:
    """The error of a spool whose disk failed with ``error``."""
    why = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
    return SpoolBrokenError(
        f"spool {folder} cannot be written: {why}. Everything accepted so far is in it. Make room on that "
        "disk, then run the same command again: what the spool holds goes out first"
    )


def unusable(folder: Path, error: OSError) -> SpoolError:
    """The error of a spool that cannot be opened."""
    where = f" ({error.filename})" if error.filename and str(error.filename) != str(folder) else ""
    return SpoolError(
        f"spool {folder} cannot be opened: {error.strerror or type(error).__name__}{where}. Make room or "
        "ask for the right to write there, or name another --spool; what was accepted before is still there"
    )
