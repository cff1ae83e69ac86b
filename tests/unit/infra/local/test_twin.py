"""The stack as its services describe it, once the template was made on the twin."""

import json
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from infra.local.cloudformation.intrinsics import TemplateError
from infra.local.twin import Twin


@pytest.fixture(scope="module")
def twin() -> Iterator[Twin]:
    with Twin(parameters={"ShardCount": 3}) as twin:
        yield twin


def control(twin: Twin, path: str, method: str = "GET") -> Any:
    request = urllib.request.Request(f"{twin.endpoint_url}/_twin/{path}", method=method)
    with urllib.request.urlopen(request, timeout=600) as answer:
        return json.load(answer)


def test_a_twin_that_cannot_start_makes_way_for_the_next() -> None:
    for _ in range(2):
        with pytest.raises(TemplateError, match="no such parameter: Shards"):
            Twin(parameters={"Shards": 3}).start()


def test_the_outputs_are_what_cloudformation_says(twin: Twin) -> None:
    [stack] = twin.client("cloudformation").describe_stacks(StackName="streamkeeper")["Stacks"]
    assert {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]} == twin.outputs


def test_the_stream_has_its_shards_its_retention_and_its_encryption(twin: Twin) -> None:
    found = twin.client("kinesis").describe_stream_summary(StreamName=twin.outputs["ContentStreamName"])
    summary = found["StreamDescriptionSummary"]
    assert (summary["OpenShardCount"], summary["RetentionPeriodHours"], summary["EncryptionType"]) == (3, 168, "KMS")


def test_the_mapping_is_the_templates(twin: Twin) -> None:
    mapping = twin.client("lambda").get_event_source_mapping(UUID=twin.outputs["ModerateMappingId"])
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["BisectBatchOnFunctionError"] is True
    assert (mapping["MaximumRetryAttempts"], mapping["MaximumRecordAgeInSeconds"]) == (10_000, 43_200)
    assert mapping["DestinationConfig"]["OnFailure"]["Destination"].endswith(twin.outputs["DeadLetterBucketName"])


def test_the_delivery_streams_are_the_templates(twin: Twin) -> None:
    firehose = twin.client("firehose")
    for name in ("Verdicts", "Quarantine", "Deferred"):
        described = firehose.describe_delivery_stream(DeliveryStreamName=twin.outputs[f"{name}DeliveryStreamName"])
        [given] = described["DeliveryStreamDescription"]["Destinations"]
        destination = given["ExtendedS3DestinationDescription"]
        assert destination["BucketARN"].endswith(twin.outputs["LakeBucketName"])
        assert destination["ErrorOutputPrefix"].startswith(f"errors/{name.lower()}/")


def test_the_buckets_keep_their_settings(twin: Twin) -> None:
    s3 = twin.client("s3")
    lake = twin.outputs["LakeBucketName"]
    assert s3.get_bucket_versioning(Bucket=lake)["Status"] == "Enabled"
    assert all(s3.get_public_access_block(Bucket=lake)["PublicAccessBlockConfiguration"].values())
    assert "ServerSideEncryptionConfiguration" in s3.get_bucket_encryption(Bucket=lake)
    rules = {rule["ID"]: rule for rule in s3.get_bucket_lifecycle_configuration(Bucket=lake)["Rules"]}
    assert rules["archive"]["Expiration"] == {"Days": 400}
    assert "aws:SecureTransport" in s3.get_bucket_policy(Bucket=lake)["Policy"]


def test_the_tables_are_projected_into_the_lake(twin: Twin) -> None:
    for name in ("verdicts", "quarantine"):
        table = twin.catalog.get_table(twin.outputs["DatabaseName"], name)
        assert table["Parameters"]["storage.location.template"] == (
            f"s3://{twin.outputs['LakeBucketName']}/{name}/dt=${{dt}}/"
        )
        assert len(table["StorageDescriptor"]["Columns"]) > 10


def test_the_workgroup_limits_what_is_scanned(twin: Twin) -> None:
    found = twin.client("athena").get_work_group(WorkGroup=twin.outputs["WorkGroupName"])["WorkGroup"]
    assert found["Configuration"]["BytesScannedCutoffPerQuery"] == 107_374_182_400
    assert found["Configuration"]["EnforceWorkGroupConfiguration"] is True


def test_the_status_table_expires_what_is_old(twin: Twin) -> None:
    dynamodb, table = twin.client("dynamodb"), twin.outputs["StatusTableName"]
    found = dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    assert found == {"AttributeName": "expires_at", "TimeToLiveStatus": "ENABLED"}
    recovery = dynamodb.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
    assert recovery["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"


def test_the_alarms_are_there(twin: Twin) -> None:
    alarms = twin.client("cloudwatch").describe_alarms()["MetricAlarms"]
    seen = {
        part["MetricStat"]["Metric"]["MetricName"]
        for alarm in alarms
        for part in alarm.get("Metrics", [])
        if "MetricStat" in part
    }
    assert {"IteratorAge", "DeliveryToS3.DataFreshness"} <= {alarm.get("MetricName") for alarm in alarms} | seen


def test_control_says_how_it_is_and_drains(twin: Twin) -> None:
    assert control(twin, "health")["status"] == "ready"
    assert set(control(twin, "state")["delivery_streams"]) == {
        "streamkeeper-deferred",
        "streamkeeper-quarantine",
        "streamkeeper-verdicts",
    }
    assert control(twin, "drain?timeout=600", "POST")["drained"] is True


def test_a_second_twin_in_the_same_process_is_refused(twin: Twin) -> None:
    with pytest.raises(RuntimeError, match="another twin runs in this process"):
        Twin(stack_name="second").start()
    assert control(twin, "health")["stack"] == "streamkeeper"


def test_what_was_put_is_in_cloudwatch_in_json_and_in_the_older_protocol(twin: Twin) -> None:
    stream = twin.outputs["ContentStreamName"]
    twin.client("kinesis").put_record(StreamName=stream, Data=b"no event", PartitionKey="a")
    twin.drain(60)
    now = datetime.now(UTC)
    asked = {
        "Namespace": "AWS/Kinesis",
        "MetricName": "IncomingRecords",
        "StartTime": now - timedelta(minutes=5),
        "EndTime": now + timedelta(minutes=2),
        "Period": 60,
    }
    found = twin.client("cloudwatch").get_metric_statistics(
        **asked, Dimensions=[{"Name": "StreamName", "Value": stream}], Statistics=["Sum"]
    )
    assert sum(one["Sum"] for one in found["Datapoints"]) >= 1
    own = twin.client("cloudwatch").list_metrics(Namespace="Streamkeeper", MetricName="Bad")["Metrics"]
    assert [one["Dimensions"][0]["Value"] for one in own] == [twin.outputs["ModerateFunctionName"]]
    request = urllib.request.Request(
        twin.endpoint_url,
        data=b"Action=ListMetrics&Version=2010-08-01&Namespace=AWS%2FKinesis&MetricName=IncomingRecords",
        headers={
            "Authorization": "AWS4-HMAC-SHA256 Credential=test/20261130/us-east-1/monitoring/aws4_request, x=y",
            "Content-Type": "application/x-www-form-urlencoded",
        },
    )
    with urllib.request.urlopen(request, timeout=600) as answer:
        text = answer.read().decode()
    assert "<MetricName>IncomingRecords</MetricName>" in text
    assert f"<Value>{stream}</Value>" in text


def test_the_state_names_aliases_and_what_mappings_call(twin: Twin) -> None:
    state = control(twin, "state")
    function = twin.outputs["ModerateFunctionName"]
    assert state["aliases"] == {function: {"live": {"version": "1", "shares": {}}}}
    called = {(one["function"], one["qualifier"]) for one in state["mappings"].values()}
    assert called == {(function, "live"), (twin.outputs["ArchiveFunctionName"], "")}


def test_alarms_that_go_off_are_in_the_state(twin: Twin) -> None:
    cloudwatch = twin.client("cloudwatch")
    name = cloudwatch.describe_alarms()["MetricAlarms"][0]["AlarmName"]
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="a test")
    assert [one["name"] for one in control(twin, "state")["alarms"] if one["state"] == "ALARM"] == [name]
