"""What a function runs: zips, layers, logs, tracing; and who may call it."""

import base64
import io
import json
import zipfile

from infra.local.awslambda.packages import inline


def zipped(text, name="index.py"):
    return base64.b64encode(inline(text, name=name)).decode()


def test_the_zip_that_is_given_is_what_runs_and_an_update_runs_the_new_one(rig):
    _, _, created = rig.function("z", "index.handle", Code={"ZipFile": zipped("def handle(e, c): return 'first'")})
    assert created["CodeSize"] > 0
    assert rig.request("POST", "/functions/z/invocations", {})[2] == "first"
    code = {"ZipFile": zipped("def handle(e, c): return 'second'")}
    _, _, updated = rig.request("PUT", "/functions/z/code", code)
    assert updated["CodeSha256"] != created["CodeSha256"]
    assert rig.request("POST", "/functions/z/invocations", {})[2] == "second"


def test_the_zip_may_lie_in_s3(rig):
    rig.stored["code", "f.zip"] = inline("def handle(e, c): return 'from S3'")
    rig.function("z", "index.handle", Code={"S3Bucket": "code", "S3Key": "f.zip"})
    assert rig.request("POST", "/functions/z/invocations", {})[2] == "from S3"


def test_an_archive_that_leaves_its_folder_or_is_too_large_is_contained(rig):
    _, _, created = rig.function("z", "index.handle", Code={"ZipFile": zipped("x", name="../../outside.py")})
    assert created["State"] == "Active"
    assert not list(rig.kept.parents[1].rglob("outside.py"))
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("bomb", bytes(251 << 20))
    code = {"ZipFile": base64.b64encode(archive.getvalue()).decode()}
    status, _, answer = rig.function("bomb", "index.handle", Code=code)
    assert (status, answer["message"][:36]) == (400, "Unzipped size must be smaller than 2")


def test_layers_are_on_the_path_and_the_later_one_wins(rig):
    arns = []
    for text in ("VALUE = 'earlier'", "VALUE = 'later'"):
        body = {"Content": {"ZipFile": zipped(text, name="python/shared_module.py")}}
        status, _, layer = rig.request("POST", "/layers/shared/versions", body)
        assert status == 201
        arns.append(layer["LayerVersionArn"])
    assert arns[1] == "arn:aws:lambda:us-east-1:000000000000:layer:shared:2"
    source = "import shared_module\ndef handle(e, c): return shared_module.VALUE"
    _, _, created = rig.function("z", "index.handle", Code={"ZipFile": zipped(source)}, Layers=arns)
    assert [layer["Arn"] for layer in created["Layers"]] == arns
    assert rig.request("POST", "/functions/z/invocations", {})[2] == "later"
    rig.request("PUT", "/functions/z/configuration", {"Layers": arns[:1]})
    assert rig.request("POST", "/functions/z/invocations", {})[2] == "earlier"
    assert [version["Version"] for version in rig.request("GET", "/layers/shared/versions")[2]["LayerVersions"]] == [
        2,
        1,
    ]
    assert rig.request("GET", "/layers")[2]["Layers"][0]["LayerName"] == "shared"
    assert rig.request("DELETE", "/layers/shared/versions/1")[0] == 204
    assert rig.request("GET", "/layers/shared/versions/1")[0] == 404


def test_the_end_of_the_log_comes_with_the_answer_when_it_is_asked_for(rig):
    source = "def handle(e, c): print('said', 'x' * 5000)"
    rig.function("z", "index.handle", Code={"ZipFile": zipped(source)})
    _, headers, _ = rig.request("POST", "/functions/z/invocations", {}, headers={"x-amz-log-type": "Tail"})
    log = base64.b64decode(headers["X-Amz-Log-Result"]).decode()
    assert len(log) == 4096
    assert log.rstrip().splitlines()[-1].startswith("REPORT RequestId: ")
    assert "X-Amz-Log-Result" not in rig.request("POST", "/functions/z/invocations", {})[1]


def test_a_traced_function_is_given_a_trace_id(rig):
    source = "import os\ndef handle(e, c): return os.environ.get('_X_AMZN_TRACE_ID')"
    rig.function("z", "index.handle", Code={"ZipFile": zipped(source)}, TracingConfig={"Mode": "Active"})
    assert rig.request("POST", "/functions/z/invocations", {})[2].startswith("Root=1-")
    rig.request("PUT", "/functions/z/configuration", {"TracingConfig": {"Mode": "PassThrough"}})
    assert rig.request("POST", "/functions/z/invocations", {})[2] is None


def test_permissions_are_kept_shown_and_taken_back(rig):
    body = {"StatementId": "sns", "Action": "lambda:InvokeFunction", "Principal": "sns.amazonaws.com"}
    assert rig.request("POST", "/functions/moderate/policy", body)[0] == 201
    _, _, shown = rig.request("GET", "/functions/moderate/policy")
    [statement] = json.loads(shown["Policy"])["Statement"]
    assert (statement["Sid"], statement["Principal"]) == ("sns", {"Service": "sns.amazonaws.com"})
    assert rig.request("DELETE", "/functions/moderate/policy/sns")[0] == 204
    assert rig.request("GET", "/functions/moderate/policy")[0] == 404
