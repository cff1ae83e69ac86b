"""Functions: isolation per function, error documents, limits."""

import importlib
import json
import os
import sys
import threading
from dataclasses import replace

import pytest

from infra.local.awslambda.functions import PAYLOAD_LIMIT, Functions, FunctionSettings
from infra.local.errors import ApiError

BARRIER = "sample_handler_barrier"
HANDLER = """
import os
import threading
from dataclasses import dataclass

@dataclass
class State:
    calls: int = 0

STATE = State()
GREETING = os.environ.get("GREETING", "none")
SEEN = {name: os.environ.get(name) for name in (
    "AWS_LAMBDA_FUNCTION_NAME", "AWS_REGION", "AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_PROFILE")}
BARRIER = None

def handle(event, context):
    STATE.calls += 1
    return {"greeting": GREETING, "calls": STATE.calls, "event": event, "seen": SEEN}

def who(event, context):
    assert 0 < context.get_remaining_time_in_millis() <= 3000
    return [context.function_name, context.invoked_function_arn, context.memory_limit_in_mb, context.aws_request_id]

def fail(event, context):
    raise LookupError("no such thing")

def leave(event, context):
    raise SystemExit(3)

def sets(event, context):
    return {1, 2}

def large(event, context):
    return "x" * (7 * 1024 * 1024)

def over(event, context):
    import sample_handler_barrier
    sample_handler_barrier.TIME[0] += 1.05

def meet(event, context):
    import sample_handler_barrier
    STATE.calls += 1
    sample_handler_barrier.BARRIER.wait(600)
    return STATE.calls
"""


@pytest.fixture
def functions(tmp_path, monkeypatch):
    (tmp_path / "sample_handler.py").write_text(HANDLER)
    (tmp_path / "sample_handler_barrier.py").write_text(
        "import threading\nBARRIER = threading.Barrier(3)\nTIME = [0.0]\n"
    )
    (tmp_path / "broken_handler.py").write_text("import no_such_module_at_all\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("AWS_PROFILE", "private")
    yield Functions(endpoint_url="http://127.0.0.1:1", monotonic=lambda: importlib.import_module(BARRIER).TIME[0])
    for name in [name for name in sys.modules if name.startswith(("sample_handler", "broken_handler"))]:
        del sys.modules[name]


def settings(name="f", handler="sample_handler.handle", **more):
    return FunctionSettings(name=name, handler=handler, role="arn:aws:iam::000000000000:role/r", **more)


def invoke(functions, name="f", event=None):
    done = functions.invoke(name, json.dumps(event or {}).encode())
    return done, json.loads(done.payload)


def test_a_handler_gets_the_event_and_its_answer_comes_back_as_json(functions):
    functions.create(settings())
    done, answer = invoke(functions, event={"a": [1, "é"]})
    assert done.error is None
    assert answer["event"] == {"a": [1, "é"]}


def test_two_functions_with_one_handler_share_neither_state_nor_environment(functions):
    functions.create(settings("one", environment={"GREETING": "hello"}))
    functions.create(settings("two", environment={"GREETING": "hi"}))
    assert [invoke(functions, name)[1]["greeting"] for name in ("one", "two")] == ["hello", "hi"]
    assert [invoke(functions, name)[1]["calls"] for name in ("one", "one", "two")] == [2, 3, 2]


def test_the_environment_is_lambdas_at_import_and_ours_afterwards(functions):
    before = dict(os.environ)
    functions.create(settings())
    _, answer = invoke(functions)
    assert answer["seen"] == {
        "AWS_LAMBDA_FUNCTION_NAME": "f",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_PROFILE": None,
    }
    assert dict(os.environ) == before


def test_the_context_knows_the_invocation(functions):
    functions.create(settings(handler="sample_handler.who", memory_mb=512))
    done, answer = invoke(functions)
    assert answer == ["f", "arn:aws:lambda:us-east-1:000000000000:function:f", "512", done.request_id]


def test_an_exception_becomes_lambdas_error_document(functions):
    functions.create(settings(handler="sample_handler.fail"))
    done, answer = invoke(functions)
    assert done.error == "Unhandled"
    assert answer["errorMessage"] == "no such thing"
    assert answer["errorType"] == "LookupError"
    assert answer["requestId"] == done.request_id
    assert any("raise LookupError" in frame for frame in answer["stackTrace"])
    assert all("functions.py" not in frame for frame in answer["stackTrace"])


@pytest.mark.parametrize(
    ("handler", "kind"),
    [
        ("sample_handler.leave", "Runtime.ExitError"),
        ("sample_handler.sets", "Runtime.MarshalError"),
        ("sample_handler.large", "Function.ResponseSizeTooLarge"),
        ("sample_handler.nothing", "Runtime.HandlerNotFound"),
        ("no_such_module_here.handle", "Runtime.ImportModuleError"),
        ("broken_handler.handle", "Runtime.ImportModuleError"),
    ],
)
def test_every_way_to_fail_has_its_error_type(functions, handler, kind):
    functions.create(settings(handler=handler))
    done, answer = invoke(functions)
    assert (done.error, answer["errorType"]) == ("Unhandled", kind)


def test_an_invocation_over_its_timeout_counts_as_timed_out_and_its_copy_is_dropped(functions):
    functions.create(settings(handler="sample_handler.over", timeout_seconds=1))
    done, answer = invoke(functions)
    assert done.error == "Unhandled"
    assert answer["errorMessage"].endswith("Task timed out after 1.00 seconds")
    functions.get("f").configure(settings())
    assert invoke(functions)[1]["calls"] == 1


def test_invocations_at_the_same_time_run_in_copies_of_their_own(functions):
    functions.create(settings(handler="sample_handler.meet"))
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(invoke(functions)[1])) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [1, 1, 1]


def test_new_settings_start_fresh_copies(functions):
    function = functions.create(settings(environment={"GREETING": "old"}))
    invoke(functions)
    function.configure(replace(function.settings, environment={"GREETING": "new"}))
    _, answer = invoke(functions)
    assert (answer["greeting"], answer["calls"]) == ("new", 1)


def test_a_payload_over_six_megabytes_is_refused(functions):
    functions.create(settings())
    with pytest.raises(ApiError) as error:
        functions.invoke("f", b'"' + b"x" * PAYLOAD_LIMIT + b'"')
    assert (error.value.code, error.value.status) == ("RequestTooLargeException", 413)


def test_a_payload_that_is_not_json_is_refused(functions):
    functions.create(settings())
    with pytest.raises(ApiError, match="InvalidRequestContentException"):
        functions.invoke("f", b"{")


def test_functions_are_found_by_name_and_arn(functions):
    function = functions.create(settings())
    for name in ("f", function.arn, function.arn + ":$LATEST", "000000000000:function:f"):
        assert functions.get(name) is function
    for name in ("g", function.arn.replace("us-east-1", "eu-west-1")):
        with pytest.raises(ApiError, match="Function not found"):
            functions.get(name)
