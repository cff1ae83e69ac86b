"""Functions in processes of their own: what a handler may observe, every way to fail, limits, nothing left behind."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from infra.local.awslambda.functions import PAYLOAD_LIMIT, Function, Functions, FunctionSettings, Invoked
from infra.local.awslambda.packages import Packages, inline
from infra.local.errors import ApiError
from infra.rights.keys import key_of
from tests.fakes.until import until

HANDLER = """
import json
import os
import sys
from dataclasses import dataclass

@dataclass
class State:
    calls: int = 0

STATE = State()
NAMES = ("GREETING", "AWS_LAMBDA_FUNCTION_NAME", "AWS_REGION", "AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_PROFILE")
AT_IMPORT = {name: os.environ.get(name) for name in NAMES}
print("imported")

def handle(event, context):
    STATE.calls += 1
    now = {name: os.environ.get(name) for name in NAMES}
    return {"calls": STATE.calls, "event": event, "at_import": AT_IMPORT, "now": now, "pid": os.getpid()}

def who(event, context):
    assert 0 < context.get_remaining_time_in_millis() <= 60_000
    return [context.function_name, context.invoked_function_arn, context.memory_limit_in_mb, context.aws_request_id,
            context.log_group_name]

def fail(event, context):
    raise LookupError("no such thing")

def leave(event, context):
    raise SystemExit(3)

def crash(event, context):
    os._exit(9)

def fault(event, context):
    import ctypes
    ctypes.string_at(0)

def hungry(event, context):
    return len(bytearray(4 << 30))

def sets(event, context):
    return {1, 2}

def large(event, context):
    return "x" * (7 * 1024 * 1024)

def stuck(event, context):
    if event.get("once") and STATE.calls == 0 and not os.path.exists(event["once"]):
        open(event["once"], "w").close()
        while True:
            pass
    return "done"

def speak(event, context):
    import logging
    print("to standard output")
    print("to standard error", file=sys.stderr)
    logging.warning("a warning")
    os.write(1, b"past Python\\n")
    return None

def chatty(event, context):
    for number in range(20_000):
        print("a line that is long enough to fill a pipe", number)
    return "said"

def meet(event, context):
    with open(event["folder"] + "/" + str(os.getpid()), "w"):
        pass
    while len(os.listdir(event["folder"])) < 3:
        pass
    return STATE.calls

def children(event, context):
    import subprocess
    child = subprocess.Popen(["sleep", "600"])
    return [os.getpid(), child.pid]
"""


class Kept:
    """A log that keeps everything."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, str]] = []

    def write(self, group: str, stream: str, lines: Sequence[str]) -> None:
        self.lines += [(group, stream, line) for line in lines]

    def text(self) -> list[str]:
        return [line for _, _, line in self.lines]


class Rig(Functions):
    """Functions of which a test gives the source."""

    def __init__(self, **options: Any) -> None:
        self.kept = Kept()
        self.packages = Packages()
        super().__init__(endpoint_url="http://127.0.0.1:1", log=self.kept, **options)

    def make(self, handler: str = "handle", *, name: str = "f", source: str = HANDLER, **more: Any) -> Function:
        more = {"timeout_seconds": 60, **more}
        package = self.packages.unpack(inline(source))
        return self.create(
            FunctionSettings(name=name, handler=f"index.{handler}", role="arn:role", package=package, **more)
        )

    def ask(self, name: str = "f", event: object = None) -> tuple[Invoked, Any]:
        done = self.invoke(name, json.dumps(event or {}).encode())
        return done, json.loads(done.payload)


@pytest.fixture
def functions(monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    monkeypatch.setenv("AWS_PROFILE", "private")
    rig = Rig()
    yield rig
    rig.close()
    rig.packages.close()


def test_a_handler_gets_the_event_and_its_answer_comes_back_as_json(functions: Rig) -> None:
    functions.make()
    done, answer = functions.ask(event={"a": [1, "é", "x" * 3_000_000]})
    assert done.error is None
    assert answer["event"] == {"a": [1, "é", "x" * 3_000_000]}


def test_the_environment_is_lambdas_at_import_and_at_call_time_and_none_of_ours(functions: Rig) -> None:
    functions.make(environment={"GREETING": "hello"})
    _, answer = functions.ask()
    expected = {
        "GREETING": "hello",
        "AWS_LAMBDA_FUNCTION_NAME": "f",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_ACCESS_KEY_ID": key_of("arn:role"),
        "AWS_PROFILE": None,
    }
    assert (answer["at_import"], answer["now"]) == (expected, expected)


def test_two_functions_with_modules_of_one_name_do_not_meet(functions: Rig) -> None:
    functions.make(name="one", source="import index\ndef handle(event, context):\n    return 'one'\n")
    functions.make(name="two", source="import index\ndef handle(event, context):\n    return 'two'\n")
    assert [functions.ask(name)[1] for name in ("one", "two", "one")] == ["one", "two", "one"]


def test_modules_of_the_runtime_do_not_hide_a_functions_own(functions: Rig) -> None:
    functions.make(source="import settings_of_mine\ndef handle(event, context):\n    return 1\n")
    assert "No module named 'settings_of_mine'" in functions.ask()[1]["errorMessage"]
    source = "import settings, api\ndef handle(event, context):\n    return 1\n"
    functions.make(name="two", source=source)
    assert "No module named 'settings'" in functions.ask("two")[1]["errorMessage"]


def test_state_stays_between_invocations_and_is_not_shared_by_functions(functions: Rig) -> None:
    functions.make(name="one")
    functions.make(name="two")
    assert [functions.ask(name)[1]["calls"] for name in ("one", "one", "two")] == [1, 2, 1]


def test_the_context_knows_the_invocation(functions: Rig) -> None:
    functions.make("who", memory_mb=512)
    done, answer = functions.ask()
    arn = "arn:aws:lambda:us-east-1:000000000000:function:f"
    assert answer == ["f", arn, "512", done.request_id, "/aws/lambda/f"]


def test_an_exception_becomes_lambdas_error_document(functions: Rig) -> None:
    functions.make("fail")
    done, answer = functions.ask()
    assert done.error == "Unhandled"
    assert (answer["errorMessage"], answer["errorType"]) == ("no such thing", "LookupError")
    assert answer["requestId"] == done.request_id
    assert any("raise LookupError" in frame for frame in answer["stackTrace"])
    assert all("bootstrap.py" not in frame for frame in answer["stackTrace"])


@pytest.mark.parametrize(
    ("handler", "kind", "message"),
    [
        ("leave", "Runtime.ExitError", "exit status 3"),
        ("crash", "Runtime.ExitError", "exit status 9"),
        ("fault", "Runtime.ExitError", "signal: segmentation fault"),
        ("hungry", "Runtime.OutOfMemory", "signal: killed"),
        ("sets", "Runtime.MarshalError", "Unable to marshal response"),
        ("large", "Function.ResponseSizeTooLarge", "exceeded maximum allowed payload size"),
        ("nothing", "Runtime.HandlerNotFound", "Handler 'nothing' missing on module 'index'"),
    ],
)
def test_every_way_to_fail_has_its_error_type_and_the_next_invocation_runs(
    functions: Rig, handler: str, kind: str, message: str
) -> None:
    function = functions.make(handler)
    done, answer = functions.ask()
    assert (done.error, answer["errorType"]) == ("Unhandled", kind)
    assert message in answer["errorMessage"]
    function.configure(replace(function.settings, handler="index.handle"))
    assert functions.ask()[1]["calls"] == 1


@pytest.mark.parametrize(
    ("source", "kind", "message"),
    [
        ("import no_such_module", "Runtime.ImportModuleError", "Unable to import module 'index': No module named"),
        ("def handle(:", "Runtime.UserCodeSyntaxError", "Syntax error in module 'index': invalid syntax"),
        ("1 / 0", "ZeroDivisionError", "division by zero"),
        ("import os; os._exit(4)", "Runtime.ExitError", "exit status 4"),
    ],
)
def test_a_module_that_cannot_be_imported_is_reported_as_lambda_does(
    functions: Rig, source: str, kind: str, message: str
) -> None:
    functions.make(source=source)
    for _ in range(2):
        done, answer = functions.ask()
        assert (done.error, answer["errorType"]) == ("Unhandled", kind)
        assert message in answer["errorMessage"]


def test_an_invocation_over_its_timeout_is_killed_and_the_next_starts_a_fresh_process(
    functions: Rig, tmp_path: Path
) -> None:
    functions.make("stuck", timeout_seconds=1)
    done, answer = functions.ask(event={"once": str(tmp_path / "hung")})
    assert (done.error, answer["errorType"]) == ("Unhandled", "Sandbox.Timedout")
    assert answer["errorMessage"] == f"RequestId: {done.request_id} Error: Task timed out after 1.00 seconds"
    assert functions.ask(event={"once": str(tmp_path / "hung")})[1] == "done"
    assert len({stream for _, stream, _ in functions.kept.lines}) == 2, "two processes, two log streams"


def test_invocations_at_the_same_time_run_in_processes_of_their_own(tmp_path: Path) -> None:
    functions = Rig(copies=3)
    functions.make("meet")
    answers = []
    threads = [
        threading.Thread(target=lambda: answers.append(functions.ask(event={"folder": str(tmp_path)})[1]))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    functions.close()
    functions.packages.close()
    assert answers == [0, 0, 0]


def test_new_settings_start_fresh_processes(functions: Rig) -> None:
    function = functions.make(environment={"GREETING": "old"})
    functions.ask()
    function.configure(replace(function.settings, environment={"GREETING": "new"}))
    _, answer = functions.ask()
    assert (answer["now"]["GREETING"], answer["calls"]) == ("new", 1)


def test_a_process_that_was_killed_between_two_invocations_is_replaced(functions: Rig) -> None:
    functions.make()
    pid = functions.ask()[1]["pid"]
    os.kill(pid, signal.SIGKILL)
    until(lambda: _has_ended(pid), "the process's end")
    done, answer = functions.ask()
    assert done.error is None
    assert answer["calls"] == 1


def test_what_a_function_writes_is_in_its_log_between_what_lambda_writes(functions: Rig) -> None:
    functions.make("speak")
    done, _ = functions.ask()
    lines = functions.kept.text()
    assert lines[0] == f"START RequestId: {done.request_id} Version: $LATEST"
    assert lines[1:3] == ["imported", "to standard output"]
    assert set(lines[3:6]) >= {"to standard error", "past Python"}
    assert any(line.startswith("[WARNING]\t") and line.endswith(f"\t{done.request_id}\ta warning") for line in lines)
    assert lines[-2] == f"END RequestId: {done.request_id}"
    assert lines[-1].startswith(f"REPORT RequestId: {done.request_id}\tDuration: ")
    assert {group for group, _, _ in functions.kept.lines} == {"/aws/lambda/f"}


def test_the_memory_that_is_reported_is_the_functions_own(functions: Rig) -> None:
    ballast = bytearray(400 << 20)
    ballast[::4096] = b"x" * len(ballast[::4096])
    functions.make()
    functions.ask()
    del ballast
    used = int(functions.kept.text()[-1].partition("Max Memory Used: ")[2].split(None, 1)[0])
    assert 5 < used < 200


def test_a_log_in_json_holds_json_documents_with_the_request_id(functions: Rig) -> None:
    functions.make("speak", log_format="JSON", log_group="/of/mine")
    done, _ = functions.ask()
    documents = [json.loads(line) for line in functions.kept.text() if line.startswith("{")]
    assert documents[0] == {"type": "platform.start", "record": {"requestId": done.request_id, "version": "$LATEST"}}
    assert documents[-1]["type"] == "platform.report"
    [warning] = [one for one in documents if one.get("level") == "WARNING"]
    assert (warning["message"], warning["requestId"]) == ("a warning", done.request_id)
    assert {group for group, _, _ in functions.kept.lines} == {"/of/mine"}


def test_a_function_that_writes_more_than_a_pipe_holds_goes_on(functions: Rig) -> None:
    functions.make("chatty")
    assert functions.ask()[1] == "said"
    assert sum(line.startswith("a line that") for line in functions.kept.text()) == 20_000


def test_a_payload_over_six_megabytes_is_refused(functions: Rig) -> None:
    functions.make()
    with pytest.raises(ApiError) as error:
        functions.invoke("f", b'"' + b"x" * PAYLOAD_LIMIT + b'"')
    assert (error.value.code, error.value.status) == ("RequestTooLargeException", 413)


def test_functions_are_found_by_name_and_arn(functions: Rig) -> None:
    function = functions.make()
    for name in ("f", function.arn, function.arn + ":$LATEST", "000000000000:function:f"):
        assert functions.get(name) is function
    for name in ("g", function.arn.replace("us-east-1", "eu-west-1")):
        with pytest.raises(ApiError, match="Function not found"):
            functions.get(name)


def test_what_a_function_started_ends_with_it(functions: Rig) -> None:
    functions.make("children")
    pids = functions.ask()[1]
    assert all(_is_running(pid) for pid in pids)
    functions.delete("f")
    until(lambda: not any(_is_running(pid) for pid in pids), "the end of both processes")


RUNTIME = """
import sys
from tests.unit.infra.local.awslambda.test_functions import Rig
rig = Rig()
rig.make("children")
print(*rig.ask()[1], flush=True)
import threading
rig.make("stuck", name="busy")
threading.Thread(target=rig.ask, args=("busy", {"once": sys.argv[1]}), daemon=True).start()
threading.Event().wait()
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_no_process_outlives_the_runtime_however_it_ends(tmp_path: Path, how: signal.Signals) -> None:
    once = tmp_path / "hung"
    runtime = subprocess.Popen([sys.executable, "-c", RUNTIME, str(once)], stdout=subprocess.PIPE, text=True)
    assert runtime.stdout is not None
    with runtime, runtime.stdout:
        pids = [int(pid) for pid in runtime.stdout.readline().split()]
        until(once.exists, "a busy function")
        pids += [pid for pid in _children(runtime.pid) if pid not in pids]
        assert len(pids) == 3
        runtime.send_signal(how)
        runtime.wait()
    until(lambda: not any(_is_running(pid) for pid in pids), "the end of every process")


def _children(parent: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                status = (entry / "stat").read_text()
            except OSError:
                continue
            if int(status.rpartition(")")[2].split()[1]) == parent:
                found.append(int(entry.name))
    return found


def _has_ended(pid: int) -> bool:
    """Whether this child could be waited for: a first thread that has ended is a zombie before the others are gone."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
