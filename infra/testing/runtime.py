"""The laptop runtime of a test run: a process of its own that ends with the test run, however that ends."""

import json
import signal
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

_STOP_SECONDS = 30.0


class RuntimeFailed(Exception):  # noqa: N818
    """The runtime did not start, or refused what it was asked; the message says why."""


class TestRuntime:
    """A runtime in a process of its own, for the tests of this one.

    Args:
        template: of SAM or CloudFormation; None for the project's own.
        parameters: of the template.
        options: more options of ``streamkeeper up``.

    Raises:
        RuntimeFailed: it ended before it was ready.
    """

    __test__ = False  # not a test, whatever its name

    def __init__(
        self,
        *,
        template: Path | None = None,
        parameters: Mapping[str, str] | None = None,
        options: tuple[str, ...] = (),
    ) -> None:
        command = [
            sys.executable,
            "-m",
            "infra",
            "up",
            "--json",
            "--port",
            "0",
            "--for-tests",
            "--with-stdin",
            *options,
        ]
        if template is not None:
            command += ["--template", str(template)]
        for name, value in (parameters or {}).items():
            command += ["--parameter", f"{name}={value}"]
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - for as long as the process lives
        # Its standard input stays open for as long as this process lives: it ends with us. Ctrl-C is for us alone.
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, start_new_session=True
        )
        assert self._process.stdout is not None  # noqa: S101
        line = self._process.stdout.readline()
        if not line:
            code = self._process.wait()
            said = self.log.strip().rpartition("\n")[2].removeprefix("Error: ")
            raise RuntimeFailed(f"the laptop runtime ended with exit code {code} before it was ready: {said}")
        ready = json.loads(line)
        self.endpoint_url: str = ready["endpoint_url"]
        self.region: str = ready["region"]
        self.outputs: dict[str, str] = ready["outputs"]
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    @property
    def log(self) -> str:
        """What it has written to standard error."""
        self._log.flush()
        self._log.seek(0)
        return self._log.read().decode("utf-8", "replace")

    def ask(
        self,
        method: str,
        name: str,
        query: Mapping[str, object] | None = None,
        body: object = None,
        *,
        wait: float = 60,
    ) -> Any:
        """The answer of ``/_twin/NAME``.

        Raises:
            RuntimeFailed: it refuses, with its words.
        """
        url = f"{self.endpoint_url}/_twin/{name}{'?' + urlencode(query) if query else ''}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data=data, method=method)  # noqa: S310 - our own loopback address
        try:
            with self._opener.open(request, timeout=wait) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise RuntimeFailed(json.load(error)["message"]) from None
        except OSError as error:
            raise RuntimeFailed(f"the laptop runtime does not answer ({error}); it wrote: {self.log[-2000:]}") from None

    def stop(self) -> None:
        """Ends it. Calling it twice is fine."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.communicate(timeout=_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
        self._log.close()
