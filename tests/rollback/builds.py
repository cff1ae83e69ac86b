"""Builds of the moderating function, good ones and bad ones, each in an archive of its own that says what it is."""

import contextlib
import io
import json
import os
import zipfile
from collections import Counter
from collections.abc import Callable
from typing import Any
from uuid import uuid4
from zlib import crc32

import boto3
from botocore.config import Config
from msgspec.structs import replace

from consumers.aws import gate_handler, moderate_handler
from consumers.aws.application import Application
from consumers.moderation.decide import Decision
from consumers.rehearsal import is_rehearsal
from infra.local.awslambda.functions import FunctionSettings, Invoked
from infra.rights.keys import key_of
from tests.gamedays.functions import VirtualFunctions, _Context

MILLISECONDS = 2.0
"""What a record takes, by the clock of these tests; a slow build takes three times as long."""
IN_A_THOUSAND = 1_000


def archive(build: str) -> bytes:
    """A build's archive."""
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w") as file:
        file.writestr("build.txt", build)
    return kept.getvalue()


class Flipped:
    """A moderator that decides one text in a thousand otherwise.

    Args:
        moderator: judges.
    """

    def __init__(self, moderator: Any) -> None:
        self._moderator = moderator

    def __getattr__(self, name: str) -> Any:
        return getattr(self._moderator, name)

    def judge(self, text: str, **named: Any) -> Any:
        """What the other says, but for one text in a thousand."""
        return self._otherwise(text, self._moderator.judge(text, **named))

    def judge_all(self, contents: Any) -> Any:
        """What the other says to each, but for one text in a thousand."""
        found = self._moderator.judge_all(contents)
        return [self._otherwise(one.text, said) for one, said in zip(contents, found, strict=True)]

    @staticmethod
    def _otherwise(text: str, found: Any) -> Any:
        if is_flipped(text):
            decision = Decision("allow" if found.decision.action != "allow" else "review", (), None, 0.0)
            return replace(found, decision=decision)
        return found


def is_flipped(text: str) -> bool:
    """Whether it is one of the thousand."""
    return crc32(text.encode()) % IN_A_THOUSAND == 0


class Builds(VirtualFunctions):
    """Runs whichever build a version was published with, by the tests' own clock.

    A build's name says what is wrong with it: wrong, crash, slow, silent; with ``-live`` only on live batches, so that
    a rehearsal finds nothing.
    """

    def __init__(self, *given: Any, **settings: Any) -> None:
        super().__init__(*given, **settings)
        self.batches: Counter[tuple[str, str]] = Counter()
        """By function and build, how many live batches it got."""
        self.rehearsals: Counter[tuple[str, str]] = Counter()
        self._built: dict[str, Application] = {}

    def run(self, name_or_arn: str, payload: bytes) -> Invoked:
        """What an invocation gives."""
        settings = self.get(name_or_arn).settings
        event = json.loads(payload)
        if settings.handler.startswith("consumers.aws.gate_handler"):
            # It invokes others, and is not to keep them from running.
            answer = gate_handler.handle(event, None, settings.environment, self._with_its_own_rights(settings.role))
            return Invoked(request_id=str(uuid4()), payload=json.dumps(answer).encode())
        if "moderate" not in settings.handler:
            return super().run(name_or_arn, payload)
        dry = is_rehearsal(event)
        build = build_of(settings)
        with self._one:
            return self._moderated(settings, build, event, dry=dry)

    def _with_its_own_rights(self, role: str) -> Callable[[str, Config], Any]:
        """Makes clients that sign as the role does."""

        def client(service: str, config: Config) -> Any:
            own = boto3.Session(aws_access_key_id=key_of(role), aws_secret_access_key="test", region_name=self.region)
            return own.client(service, endpoint_url=os.environ["AWS_ENDPOINT_URL"], config=config)

        return client

    def _moderated(self, settings: FunctionSettings, build: str, event: Any, *, dry: bool) -> Invoked:
        (self.rehearsals if dry else self.batches)[settings.name.rpartition("-")[2], build] += 1
        kind, _, where = build.partition("-")
        bad = kind if not where or not dry else "good"
        records = len(event["rehearsal"]["Records"] if dry else event["Records"])
        seconds = records * MILLISECONDS / 1000 * (3 if bad == "slow" else 1)
        answer: Any
        error: str | None = "Unhandled"
        output = io.StringIO()
        if bad == "silent":
            answer, seconds = {"errorType": "Sandbox.Timedout"}, float(settings.timeout_seconds)
        elif bad == "crash":
            answer = {"errorType": "ZeroDivisionError", "errorMessage": "a build that crashes"}
        else:
            with contextlib.redirect_stdout(output):
                context = _Context(self._clock, settings.timeout_seconds)
                answer, error = self._build(settings, bad).handle(event, context), None
        self._log.write(settings.log_group_name, "builds", output.getvalue().splitlines())
        report = f"REPORT RequestId: 1\tDuration: {seconds * 1000:.2f} ms\tMax Memory Used: 120 MB\t\n"
        log = f"{output.getvalue()}{report}".encode()
        body = json.dumps(answer).encode()
        return Invoked(request_id=str(uuid4()), payload=body, error=error, log=log, seconds=seconds)

    def _build(self, settings: FunctionSettings, bad: str) -> Application:
        key = f"{settings.name}:{settings.version}:{build_of(settings)}"
        if key not in self._built:
            environment = {
                **settings.environment,
                "AWS_LAMBDA_FUNCTION_NAME": settings.name,
                "AWS_LAMBDA_LOG_GROUP_NAME": settings.log_group_name,
            }
            self._built[key] = moderate_handler.application(environment, clock=self._clock)
            if bad == "wrong":
                rows = self._built[key]._parts.rows
                flipped: Any = Flipped(rows._moderator)
                rows.use(flipped)
        return self._built[key]


def build_of(settings: FunctionSettings) -> str:
    """The name of a function's build."""
    return (settings.package.folder / "build.txt").read_text() if settings.package else "good"
