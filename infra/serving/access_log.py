"""One line a request: what was answered to whom and how fast; never content, keys, paths or addresses."""

import logging
import sys
from datetime import UTC, datetime
from typing import BinaryIO, Protocol

import msgspec

from consumers.scoring.messages import Request, Response

_logger = logging.getLogger(__name__)


class AccessLog(Protocol):
    """Takes note of requests."""

    def note(self, request: Request, response: Response, *, at: float, seconds: float) -> None:
        """Writes one line.

        Args:
            request: what was asked.
            response: what was answered.
            at: seconds since 1970.
            seconds: that it took.
        """
        ...


class JsonLog:
    """JSON lines in a file.

    Args:
        file: unbuffered, so that lines of several processes stay whole.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._is_full = False

    def note(self, request: Request, response: Response, *, at: float, seconds: float) -> None:
        """Writes one line; see :class:`AccessLog`."""
        line = msgspec.json.encode(
            {
                "at": datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds"),
                "method": request.method if request.method in _METHODS else "other",
                "route": response.route,
                "status": response.status,
                "client": response.client,
                "texts": response.texts,
                "bytes_in": len(request.body),
                "bytes_out": len(response.body),
                "ms": round(seconds * 1000, 2),
            }
        )
        try:
            self._file.write(line + b"\n")
        except OSError as error:
            # A request has its answer, whether or not there is room for a line about it.
            if not self._is_full:
                _logger.warning("the access log takes no lines: %s", error.strerror or type(error).__name__)
            self._is_full = True
        else:
            self._is_full = False


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})


def open_log(path: str) -> AccessLog | None:
    """The log at a path; ``-`` is standard error, and an empty path none."""
    if not path:
        return None
    if path == "-":
        return JsonLog(open(sys.stderr.fileno(), "ab", buffering=0, closefd=False))
    return JsonLog(open(path, "ab", buffering=0))
