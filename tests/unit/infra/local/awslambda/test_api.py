"""Lambda's REST API: functions, invocations and event source mappings."""

import base64
import json
import threading

import boto3
import pytest
from botocore.config import Config

from infra.local.awslambda.api import EventSourceApi
from infra.local.awslambda.driver import EventSourceDriver
from infra.local.front import Front
from tests.fakes.lambda_rig import CODE, ROLE, STREAM, Nowhere
from tests.fakes.until import until


def test_a_function_is_shown_as_it_was_created(rig):
    status, _, created = rig.function("two", Timeout=60, MemorySize=512, Environment={"Variables": {"A": "1"}})
    assert status == 201
    assert created["FunctionArn"] == "arn:aws:lambda:us-east-1:000000000000:function:two"
    assert (created["Timeout"], created["MemorySize"]) == (60, 512)
    assert (created["State"], created["LastUpdateStatus"]) == ("Active", "Successful")
    _, _, shown = rig.request("GET", "/functions/two")
    assert shown["Configuration"] == created
    _, _, configuration = rig.request("GET", f"/functions/{created['FunctionArn']}/configuration")
    assert configuration == created
    _, _, listed = rig.request("GET", "/functions")
    assert [function["FunctionName"] for function in listed["Functions"]] == ["moderate", "two"]


def test_a_function_is_changed_and_deleted(rig):
    _, _, changed = rig.request("PUT", "/functions/moderate/configuration", {"Handler": "sample_lambda.fail"})
    assert changed["Handler"] == "sample_lambda.fail"
    assert rig.request("DELETE", "/functions/moderate")[0] == 204
    status, headers, _ = rig.request("GET", "/functions/moderate")
    assert (status, headers["x-amzn-errortype"]) == (404, "ResourceNotFoundException")


def test_a_payload_that_is_not_json_is_refused(rig):
    status, headers, _ = rig.request("POST", "/functions/moderate/invocations", b"{")
    assert (status, headers["x-amzn-errortype"]) == (400, "InvalidRequestContentException")


def test_a_name_is_taken_once(rig):
    status, headers, _ = rig.function()
    assert (status, headers["x-amzn-errortype"]) == (409, "ResourceConflictException")


@pytest.mark.parametrize(
    "more",
    [
        {"Handler": "nodot"},
        {"Handler": None},
        {"Role": None},
        {"FunctionName": "no spaces"},
        {"Timeout": 901},
        {"MemorySize": 1},
        {"Environment": {"Variables": {"A": 1}}},
        {"Layers": ["arn:aws:lambda:us-east-1:1:layer:x:1"]},
        {"Layers": [f"arn:aws:lambda:us-east-1:1:layer:x:{number}" for number in range(6)]},
        {"Runtime": "nodejs22.x"},
        {"PackageType": "Image"},
        {"Code": {"ImageUri": "000000000000.dkr.ecr.us-east-1.amazonaws.com/image:1"}},
        {"Code": {"ZipFile": "eA=="}},
        {"Code": {"ZipFile": "no base64"}},
        {"Code": {"S3Bucket": "bucket", "S3Key": "missing.zip"}},
        {"Code": {}},
        {"TracingConfig": {"Mode": "Sometimes"}},
        {"LoggingConfig": {"LogFormat": "XML"}},
        {"VpcConfig": {"SubnetIds": ["subnet-1"]}},
        {"DeadLetterConfig": {"TargetArn": "arn:aws:sqs:us-east-1:000000000000:q"}},
    ],
)
def test_a_function_that_cannot_be_is_refused(rig, more):
    status, headers, _ = rig.request(
        "POST", "/functions", {"FunctionName": "x", "Handler": "a.b", "Role": ROLE, "Code": CODE, **more}
    )
    assert (status, headers["x-amzn-errortype"]) == (400, "InvalidParameterValueException")


def test_an_invocation_answers_with_what_the_handler_returned(rig):
    status, headers, answer = rig.request("POST", "/functions/moderate/invocations", {"a": 1})
    assert (status, answer) == (200, {"got": {"a": 1}})
    assert "X-Amz-Function-Error" not in headers
    rig.function("failing", "sample_lambda.fail")
    status, headers, answer = rig.request("POST", "/functions/failing/invocations", {})
    assert (status, headers["X-Amz-Function-Error"], answer["errorType"]) == (200, "Unhandled", "ValueError")


def test_an_event_is_taken_at_once_and_run_later(rig):
    rig.function("keeping", "sample_lambda.keep")
    status, _, answer = rig.request(
        "POST", "/functions/keeping/invocations", {}, headers={"x-amz-invocation-type": "Event"}
    )
    assert (status, answer) == (202, None)
    until(lambda: rig.kept.exists() and rig.kept.read_text() == "x", "what was kept")


def test_what_is_left_of_an_event_goes_with_its_function(rig):
    before = set(threading.enumerate())
    rig.function("waiting", "sample_lambda.keep_and_wait")
    rig.request("POST", "/functions/waiting/invocations", {}, headers={"x-amz-invocation-type": "Event"})
    until(lambda: rig.kept.exists() and rig.kept.read_text() == "x", "the first attempt")
    assert rig.request("DELETE", "/functions/waiting")[0] == 204
    # The attempt ends with its process, and the next one finds no function; an error in a thread fails a test.
    until(lambda: set(threading.enumerate()) <= before, "the end of the attempts")
    assert rig.kept.read_text() == "x"


def test_a_body_that_is_not_json_is_refused(rig):
    status, headers, _ = rig.request("POST", "/functions", b"{")
    assert (status, headers["x-amzn-errortype"]) == (400, "InvalidRequestContentException")


def test_a_path_that_is_not_modelled_is_refused_by_name(rig):
    status, headers, answer = rig.request("GET", "/functions/moderate/concurrency")
    assert (status, headers["x-amzn-errortype"]) == (404, "UnknownOperationException")
    assert "/functions/moderate/concurrency" in answer["message"]


@pytest.mark.parametrize(
    "more",
    [
        {"FunctionName": "nobody"},
        {"EventSourceArn": "arn:aws:sqs:us-east-1:000000000000:queue"},
        {"EventSourceArn": STREAM + "x"},
        {"StartingPosition": None},
        {"StartingPosition": "NOW"},
        {"StartingPosition": "AT_TIMESTAMP"},
        {"StartingPositionTimestamp": 5.0},
        {"BatchSize": 0},
        {"BatchSize": 10_001},
        {"BatchSize": "7"},
        {"MaximumBatchingWindowInSeconds": 301},
        {"ParallelizationFactor": 11},
        {"MaximumRetryAttempts": -2},
        {"MaximumRecordAgeInSeconds": 59},
        {"MaximumRecordAgeInSeconds": 604_801},
        {"TumblingWindowInSeconds": 901},
        {"TumblingWindowInSeconds": 60, "ParallelizationFactor": 2},
        {"FilterCriteria": {"Filters": [{"Pattern": "{}"}]}},
        {"FilterCriteria": {"Filters": [{"Pattern": '{"data": "text"}'}]}},
        {"FilterCriteria": {"Filters": [{"Pattern": '{"data": {"a": ["b"]}}'}] * 6}},
        {"FilterCriteria": []},
        {"FunctionResponseTypes": ["ReportBatchItemFailure"]},
        {"DestinationConfig": {"OnFailure": {"Destination": "arn:aws:kafka:x"}}},
        {"DestinationConfig": {"OnSuccess": {"Destination": "arn:aws:sqs:x"}}},
        {"ProvisionedPollerConfig": {"MinimumPollers": 1}},
        {"BisectBatchOnFunctionError": "true"},
    ],
)
def test_a_mapping_that_cannot_be_is_refused(rig, more):
    status, headers, answer = rig.map(**more)
    assert (status, headers["x-amzn-errortype"]) == (400, "InvalidParameterValueException")
    assert answer["message"]
    assert rig.request("GET", "/event-source-mappings")[2] == {"EventSourceMappings": []}


def test_a_mapping_to_a_consumer_is_refused_with_the_stream_to_give_instead(rig):
    status, headers, answer = rig.map(EventSourceArn=f"{STREAM}/consumer/app:1700000000")
    assert (status, headers["x-amzn-errortype"]) == (400, "InvalidParameterValueException")
    assert "enhanced fan-out" in answer["message"]
    assert answer["message"].endswith(STREAM)


def test_the_accounts_settings_count_its_functions(rig):
    rig.function("two")
    status, _, settings = rig.request("GET", "/account-settings/")
    assert status == 200
    assert settings["AccountLimit"]["ConcurrentExecutions"] == 1000
    assert settings["AccountUsage"]["FunctionCount"] == 2


def test_a_mapping_is_shown_listed_changed_and_deleted(rig):
    _, _, created = rig.map(ParallelizationFactor=2, BisectBatchOnFunctionError=True)
    path = f"/event-source-mappings/{created['UUID']}"
    assert created["State"] == "Creating"
    rig.driver.run_once()
    assert rig.request("GET", path)[2]["State"] == "Enabled"
    for query in ({}, {"FunctionName": "moderate"}, {"EventSourceArn": STREAM}):
        assert len(rig.request("GET", "/event-source-mappings", query=query)[2]["EventSourceMappings"]) == 1
    nothing = rig.request("GET", "/event-source-mappings", query={"EventSourceArn": STREAM + "x"})
    assert nothing[2] == {"EventSourceMappings": []}
    status, _, changed = rig.request("PUT", path, {"BatchSize": 7, "ParallelizationFactor": 5})
    assert (status, changed["State"], changed["BatchSize"]) == (202, "Updating", 7)
    rig.driver.run_once()
    shown = rig.request("GET", path)[2]
    assert (shown["State"], shown["ParallelizationFactor"], shown["BisectBatchOnFunctionError"]) == ("Enabled", 5, True)
    status, _, deleted = rig.request("DELETE", path)
    assert (status, deleted["State"]) == (202, "Deleting")
    assert rig.request("GET", path)[0] == 404


def test_a_changed_mapping_goes_on_at_its_checkpoint(rig):
    rig.function("keeping", "sample_lambda.keep")
    _, _, created = rig.map(FunctionName="keeping", BatchSize=2)
    path = f"/event-source-mappings/{created['UUID']}"
    body = {"StreamName": "content", "Records": [{"Data": "aGk=", "PartitionKey": str(i)} for i in range(5)]}
    rig.kinesis.call("PutRecords", body)
    rig.driver.run_once()
    assert rig.kept.read_text() == "xx"
    rig.request("PUT", path, {"Enabled": False})
    assert rig.driver.run_once() == 0
    rig.request("PUT", path, {"Enabled": True, "BatchSize": 100})
    rig.driver.run_once()
    assert rig.kept.read_text() == "xxxxx"
    assert rig.driver.idle()


def test_a_mapping_of_a_deleted_stream_shows_its_problem(rig):
    _, _, created = rig.map()
    rig.driver.run_once()
    rig.kinesis.call("DeleteStream", {"StreamName": "content"})
    rig.driver.run_once()
    shown = rig.request("GET", f"/event-source-mappings/{created['UUID']}")[2]
    assert shown["LastProcessingResult"].startswith("PROBLEM")
    assert rig.driver.idle()


def test_progress_tells_how_far_a_mapping_is(rig):
    _, _, created = rig.map(BatchSize=1)
    rig.kinesis.call("PutRecord", {"StreamName": "content", "Data": "aGk=", "PartitionKey": "k"})
    rig.clock.time += 3
    rig.driver._poll()
    progress = rig.driver.progress()[created["UUID"]]
    assert progress["age_seconds"] == 3.0
    shard = progress["shards"]["shardId-000000000000"]
    assert (shard["undone"], shard["in_flight"], shard["finished"]) == (1, 1, False)
    assert json.loads(json.dumps(progress))


def test_the_running_driver_delivers_and_comes_to_rest(rig):
    rig.function("keeping", "sample_lambda.keep")
    rig.map(FunctionName="keeping", MaximumBatchingWindowInSeconds=300, ParallelizationFactor=3)
    rig.driver.start()
    try:
        records = [{"Data": "aGk=", "PartitionKey": str(i)} for i in range(300)]
        rig.kinesis.call("PutRecords", {"StreamName": "content", "Records": records})
        rig.driver.flush()
        until(rig.driver.idle, "an idle driver")
        assert rig.driver.idle()
    finally:
        rig.driver.stop()
    assert len(rig.kept.read_text()) == 300


def test_boto3_speaks_with_it_over_a_socket(rig):
    from werkzeug.serving import make_server

    front = Front(lambda environ, start: [], apis={"kinesis": rig.kinesis}, functions=rig.api)
    server = make_server("127.0.0.1", 0, front, threaded=True)
    import threading

    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        options = {
            "endpoint_url": f"http://127.0.0.1:{server.server_port}",
            "region_name": "us-east-1",
            "aws_access_key_id": "test",
            "aws_secret_access_key": "test",
            "config": Config(retries={"max_attempts": 0}),
        }
        kinesis, functions = boto3.client("kinesis", **options), boto3.client("lambda", **options)
        kinesis.put_records(StreamName="content", Records=[{"Data": b"\x00hi", "PartitionKey": "é"}])
        token = kinesis.get_shard_iterator(
            StreamName="content", ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        [record] = kinesis.get_records(ShardIterator=token)["Records"]
        assert (record["Data"], record["PartitionKey"]) == (b"\x00hi", "é")
        with pytest.raises(kinesis.exceptions.ResourceNotFoundException):
            kinesis.describe_stream(StreamName="missing")
        created = functions.create_event_source_mapping(
            FunctionName="moderate", EventSourceArn=STREAM, StartingPosition="LATEST"
        )
        assert functions.get_event_source_mapping(UUID=created["UUID"])["BatchSize"] == 100
        with pytest.raises(functions.exceptions.ResourceConflictException):
            functions.create_event_source_mapping(
                FunctionName="moderate", EventSourceArn=STREAM, StartingPosition="LATEST"
            )
        answer = functions.invoke(FunctionName="moderate", Payload=b'{"a": 1}')
        assert json.loads(answer["Payload"].read()) == {"got": {"a": 1}}
        with pytest.raises(functions.exceptions.ResourceNotFoundException):
            functions.get_function(FunctionName="nobody")
    finally:
        kinesis.close()
        functions.close()
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_destination_gets_the_record_in_the_form_of_its_service():
    from infra.local.awslambda.destinations import AwsDestinations
    from infra.local.awslambda.documents import Discarded, Origin
    from infra.local.kinesis.records import Record

    calls = []

    class Client:
        def __getattr__(self, name):
            return lambda **options: calls.append((name, options)) or {"QueueUrl": "url"}

    discarded = Discarded(
        origin=Origin(stream_arn=STREAM, shard_id="shardId-000000000000", region="us-east-1", role_arn=ROLE),
        records=[Record(5, 1_700_000_000.0, "k", b"data")],
        condition="RetryAttemptsExhausted",
        invoke_count=1,
        request_id="r",
        function_arn="f",
        function_error="Unhandled",
        at=1_700_000_001.0,
    )
    destinations = AwsDestinations(lambda service: Client())
    for arn in ("arn:aws:s3:::bucket", "arn:aws:sqs:us-east-1:1:queue", "arn:aws:sns:us-east-1:1:topic"):
        destinations.write(discarded, destination=arn, mapping_uuid="u")
    names = [name for name, _ in calls]
    assert names == ["put_object", "get_queue_url", "send_message", "publish"]
    stored = calls[0][1]
    assert stored["Bucket"] == "bucket"
    assert stored["Key"].startswith("aws/lambda/u/shardId-000000000000/2023/11/14/2023-11-14T22.13.21-")
    [record] = json.loads(stored["Body"])["payload"]["Records"]
    assert base64.b64decode(record["kinesis"]["data"]) == b"data"
    assert "payload" not in json.loads(calls[2][1]["MessageBody"])
    with pytest.raises(ValueError, match="on-failure destination"):
        destinations.write(discarded, destination="arn:aws:kafka:x", mapping_uuid="u")


def test_a_restarted_runtime_goes_on_where_its_mapping_stopped(rig, tmp_path):
    from infra.local.awslambda.checkpoints import Checkpoints
    from infra.local.durable.store import Store

    store = Store(tmp_path)

    def driver():
        return EventSourceDriver(
            streams=rig.streams,
            functions=rig.functions,
            destinations=Nowhere(),
            clock=rig.clock,
            checkpoints=Checkpoints(store),
        )

    rig.function("keeping", "sample_lambda.keep")
    request = {"FunctionName": "keeping", "EventSourceArn": STREAM, "StartingPosition": "TRIM_HORIZON"}
    records = [{"Data": "aGk=", "PartitionKey": str(at)} for at in range(4)]
    rig.kinesis.call("PutRecords", {"StreamName": "content", "Records": records})
    first = driver()
    created = EventSourceApi(first, rig.functions, rig.streams).create(request)
    first.run_once()
    first.stop()
    store.settle()

    second = driver()
    second.stop()
    EventSourceApi(second, rig.functions, rig.streams).create(request)
    assert second.run_once() == 0
    assert rig.kept.read_text() == "xxxx"

    # Deleting a mapping forgets its place, as it does on AWS.
    [uuid] = second.entries
    # Made again by the same call, it has the same id: calls that name it can be made again too.
    assert uuid == created["UUID"]
    second.remove(uuid)
    EventSourceApi(second, rig.functions, rig.streams).create(request)
    assert second.run_once() == 1
    store.close()
