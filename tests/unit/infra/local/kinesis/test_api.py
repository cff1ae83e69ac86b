"""The Kinesis API: answers, validation and throttling as a client sees them."""

import base64

import pytest

from infra.local.errors import ApiError
from infra.local.kinesis.api import KinesisApi
from infra.local.kinesis.shards import MIB, ShardLimits
from infra.local.kinesis.streams import Streams

SHARD = "shardId-000000000000"


class ManualClock:
    def __init__(self):
        self.time = 1_700_000_000.0

    def now(self):
        return self.time


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def api(clock):
    api = KinesisApi(Streams(), clock)
    api.call("CreateStream", {"StreamName": "content", "ShardCount": 1})
    return api


def blob(data):
    return base64.b64encode(data).decode()


def put(api, *data, key="k"):
    records = [{"Data": blob(one), "PartitionKey": key} for one in data]
    return api.call("PutRecords", {"StreamName": "content", "Records": records})


def iterator(api, kind="TRIM_HORIZON", **more):
    body = {"StreamName": "content", "ShardId": SHARD, "ShardIteratorType": kind, **more}
    return api.call("GetShardIterator", body)["ShardIterator"]


def get(api, token, **more):
    return api.call("GetRecords", {"ShardIterator": token, **more})


def data_of(answer):
    return [base64.b64decode(record["Data"]) for record in answer["Records"]]


def refused(api, action, body):
    with pytest.raises(ApiError) as error:
        api.call(action, body)
    return error.value


def test_records_come_back_in_order_with_numbers_and_arrival_times(api, clock):
    answer = put(api, b"one", b"two", b"")
    assert answer["FailedRecordCount"] == 0
    read = get(api, iterator(api))
    assert data_of(read) == [b"one", b"two", b""]
    assert [r["SequenceNumber"] for r in read["Records"]] == [r["SequenceNumber"] for r in answer["Records"]]
    assert read["Records"][0]["ApproximateArrivalTimestamp"] == clock.time
    assert read["MillisBehindLatest"] == 0
    assert get(api, read["NextShardIterator"])["Records"] == []


def test_every_iterator_type_starts_where_it_says(api, clock):
    first = put(api, b"0")["Records"][0]["SequenceNumber"]
    clock.time += 10
    put(api, b"1", b"2")
    latest = iterator(api, "LATEST")
    at = iterator(api, "AT_SEQUENCE_NUMBER", StartingSequenceNumber=first)
    after = iterator(api, "AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=first)
    moment = iterator(api, "AT_TIMESTAMP", Timestamp=clock.time - 5)
    put(api, b"3")
    assert data_of(get(api, latest)) == [b"3"]
    assert data_of(get(api, at)) == [b"0", b"1", b"2", b"3"]
    assert data_of(get(api, after)) == [b"1", b"2", b"3"]
    assert data_of(get(api, moment)) == [b"1", b"2", b"3"]


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"ShardIteratorType": "AT_TIMESTAMP"}, "InvalidArgumentException"),
        ({"ShardIteratorType": "AT_TIMESTAMP", "Timestamp": 2_000_000_000}, "InvalidArgumentException"),
        ({"ShardIteratorType": "AT_SEQUENCE_NUMBER"}, "InvalidArgumentException"),
        ({"ShardIteratorType": "AT_SEQUENCE_NUMBER", "StartingSequenceNumber": "7"}, "InvalidArgumentException"),
        ({"ShardIteratorType": "AT_SEQUENCE_NUMBER", "StartingSequenceNumber": "x"}, "ValidationException"),
        ({"ShardIteratorType": "SOMEWHERE"}, "ValidationException"),
        ({"ShardId": "shardId-000000000009"}, "ResourceNotFoundException"),
    ],
)
def test_an_iterator_that_cannot_be_given_is_refused(api, more, code):
    body = {"StreamName": "content", "ShardId": SHARD, "ShardIteratorType": "LATEST", **more}
    assert refused(api, "GetShardIterator", body).code == code


def test_a_throttled_record_is_a_failure_inside_a_success():
    api = KinesisApi(Streams(limits=ShardLimits(write_records=2)), ManualClock())
    api.call("CreateStream", {"StreamName": "content", "ShardCount": 1})
    answer = put(api, b"0", b"1", b"2")
    assert answer["FailedRecordCount"] == 1
    assert answer["Records"][2] == {
        "ErrorCode": "ProvisionedThroughputExceededException",
        "ErrorMessage": f"Rate exceeded for shard {SHARD} in stream content under account 000000000000.",
    }
    error = refused(api, "PutRecord", {"StreamName": "content", "PartitionKey": "k", "Data": blob(b"3")})
    assert error.code == "ProvisionedThroughputExceededException"


def test_a_shard_answers_five_reads_a_second(api, clock):
    token = iterator(api)
    for _ in range(5):
        get(api, token)
    assert refused(api, "GetRecords", {"ShardIterator": token}).code == "ProvisionedThroughputExceededException"
    clock.time += 0.2
    get(api, token)


def test_an_answer_of_ten_mib_is_paid_for_with_five_seconds(clock):
    api = KinesisApi(Streams(limits=ShardLimits(write_bytes=2**40)), clock)
    api.call("CreateStream", {"StreamName": "content", "ShardCount": 1})
    for _ in range(12):
        put(api, b"x" * (MIB - 1))
    read = get(api, iterator(api))
    assert len(read["Records"]) == 10
    clock.time += 4.9
    assert refused(api, "GetRecords", {"ShardIterator": read["NextShardIterator"]}).code.startswith("Provisioned")
    clock.time += 0.2
    assert len(get(api, read["NextShardIterator"])["Records"]) == 2


def test_a_closed_shard_ends_and_names_its_children(api):
    put(api, b"0", b"1")
    body = {"StreamName": "content", "ShardToSplit": SHARD, "NewStartingHashKey": str(2**127)}
    api.call("SplitShard", body)
    read = get(api, iterator(api), Limit=1)
    assert read["NextShardIterator"]
    assert "ChildShards" not in read
    read = get(api, read["NextShardIterator"])
    assert read["NextShardIterator"] is None
    assert [child["ShardId"][-1] for child in read["ChildShards"]] == ["1", "2"]
    assert read["ChildShards"][0]["ParentShards"] == [SHARD]
    assert read["ChildShards"][1]["HashKeyRange"]["EndingHashKey"] == str(2**128 - 1)


def test_shards_are_listed_with_lineage_filters_and_pages(api):
    api.call("UpdateShardCount", {"StreamName": "content", "TargetShardCount": 2, "ScalingType": "UNIFORM_SCALING"})
    listed = api.call("ListShards", {"StreamName": "content"})["Shards"]
    assert [shard["ShardId"][-1] for shard in listed] == ["0", "1", "2"]
    assert "EndingSequenceNumber" in listed[0]["SequenceNumberRange"]
    assert listed[1]["ParentShardId"] == SHARD
    latest = api.call("ListShards", {"StreamName": "content", "ShardFilter": {"Type": "AT_LATEST"}})["Shards"]
    assert [shard["ShardId"][-1] for shard in latest] == ["1", "2"]
    page = api.call("ListShards", {"StreamName": "content", "MaxResults": 2})
    rest = api.call("ListShards", {"NextToken": page["NextToken"], "MaxResults": 2})
    assert [shard["ShardId"][-1] for shard in page["Shards"] + rest["Shards"]] == ["0", "1", "2"]


@pytest.mark.parametrize(
    ("kind", "at", "expected"),
    [
        ("AT_TIMESTAMP", 5, "0"),
        ("AT_TIMESTAMP", 15, "12"),
        ("FROM_TIMESTAMP", 5, "012"),
        ("FROM_TIMESTAMP", 15, "12"),
    ],
)
def test_shards_are_filtered_by_the_time_they_were_open(api, clock, kind, at, expected):
    start = clock.time
    clock.time += 10
    api.call("SplitShard", {"StreamName": "content", "ShardToSplit": SHARD, "NewStartingHashKey": "9"})
    clock.time += 10
    chosen = {"Type": kind, "Timestamp": start + at}
    listed = api.call("ListShards", {"StreamName": "content", "ShardFilter": chosen})["Shards"]
    assert "".join(shard["ShardId"][-1] for shard in listed) == expected


def test_an_on_demand_stream_has_four_shards(api):
    api.call("CreateStream", {"StreamName": "od", "StreamModeDetails": {"StreamMode": "ON_DEMAND"}})
    described = api.call("DescribeStreamSummary", {"StreamName": "od"})["StreamDescriptionSummary"]
    assert described["OpenShardCount"] == 4
    assert described["StreamModeDetails"] == {"StreamMode": "ON_DEMAND"}
    body = {"StreamName": "od", "TargetShardCount": 8, "ScalingType": "UNIFORM_SCALING"}
    assert refused(api, "UpdateShardCount", body).code == "ValidationException"


def test_settings_are_kept_and_described(api):
    arn = api.call("DescribeStream", {"StreamName": "content"})["StreamDescription"]["StreamARN"]
    api.call("StartStreamEncryption", {"StreamARN": arn, "EncryptionType": "KMS", "KeyId": "alias/x"})
    api.call("IncreaseStreamRetentionPeriod", {"StreamARN": arn, "RetentionPeriodHours": 168})
    api.call("UpdateMaxRecordSize", {"StreamARN": arn, "MaxRecordSizeInKiB": 2048})
    api.call("AddTagsToStream", {"StreamARN": arn, "Tags": {"team": "safety"}})
    described = api.call("DescribeStreamSummary", {"StreamARN": arn})["StreamDescriptionSummary"]
    assert (described["EncryptionType"], described["KeyId"]) == ("KMS", "alias/x")
    assert described["RetentionPeriodHours"] == 168
    assert described["MaxRecordSizeInKiB"] == 2048
    assert api.call("ListTagsForStream", {"StreamARN": arn})["Tags"] == [{"Key": "team", "Value": "safety"}]
    assert api.call("ListTagsForResource", {"ResourceARN": arn})["Tags"] == [{"Key": "team", "Value": "safety"}]
    api.call("UntagResource", {"ResourceARN": arn, "TagKeys": ["team"]})
    assert api.call("ListTagsForStream", {"StreamARN": arn})["Tags"] == []
    api.call("StopStreamEncryption", {"StreamARN": arn, "EncryptionType": "KMS", "KeyId": "alias/x"})
    described = api.call("DescribeStreamSummary", {"StreamARN": arn})["StreamDescriptionSummary"]
    assert described["EncryptionType"] == "NONE"


@pytest.mark.parametrize(
    ("action", "hours"), [("IncreaseStreamRetentionPeriod", 8761), ("DecreaseStreamRetentionPeriod", 23)]
)
def test_retention_keeps_to_its_bounds(api, action, hours):
    body = {"StreamName": "content", "RetentionPeriodHours": hours}
    assert refused(api, action, body).code == "InvalidArgumentException"


def test_limits_of_a_request_hold(api):
    one = {"Data": blob(b"x"), "PartitionKey": "k"}
    assert refused(api, "PutRecords", {"StreamName": "content", "Records": [one] * 501}).code == "ValidationException"
    assert refused(api, "PutRecords", {"StreamName": "content", "Records": []}).code == "ValidationException"
    big = {"Data": blob(b"x" * (MIB - 1)), "PartitionKey": "k"}
    error = refused(api, "PutRecords", {"StreamName": "content", "Records": [big] * 11})
    assert error.code == "InvalidArgumentException"
    assert "10485760" in error.message
    too_big = {"StreamName": "content", "Data": blob(b"x" * MIB), "PartitionKey": "k"}
    assert refused(api, "PutRecord", too_big).code == "InvalidArgumentException"
    api.call("PutRecord", {"StreamName": "content", **big})


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        ({"Data": "aGk="}, "ValidationException"),
        ({"PartitionKey": "k"}, "ValidationException"),
        ({"Data": "aGk=", "PartitionKey": ""}, "ValidationException"),
        ({"Data": "aGk=", "PartitionKey": "k" * 257}, "ValidationException"),
        ({"Data": "%%%", "PartitionKey": "k"}, "SerializationException"),
        ({"Data": 7, "PartitionKey": "k"}, "SerializationException"),
        ({"Data": "aGk=", "PartitionKey": "k", "ExplicitHashKey": str(2**128)}, "InvalidArgumentException"),
        ({"Data": "aGk=", "PartitionKey": "k", "ExplicitHashKey": "-1"}, "InvalidArgumentException"),
        ("text", "SerializationException"),
    ],
)
def test_one_bad_entry_refuses_the_request_and_stores_nothing(api, entry, code):
    good = {"Data": "aGk=", "PartitionKey": "k"}
    assert refused(api, "PutRecords", {"StreamName": "content", "Records": [good, entry]}).code == code
    assert get(api, iterator(api))["Records"] == []


def test_no_message_repeats_content_or_key(api):
    entry = {"Data": "c2VjcmV0!", "PartitionKey": "author-secret" * 30}
    assert "secret" not in refused(api, "PutRecords", {"StreamName": "content", "Records": [entry]}).message
    entry = {"Data": "c2VjcmV0!", "PartitionKey": "author-secret"}
    message = refused(api, "PutRecords", {"StreamName": "content", "Records": [entry]}).message
    assert "secret" not in message
    assert "c2Vj" not in message


@pytest.mark.parametrize("action", ["SubscribeToShard", "CreateQueue", "Nonsense"])
def test_what_is_not_modelled_is_refused_by_name(api, action):
    error = refused(api, action, {"StreamName": "content"})
    assert error.code == "UnknownOperationException"
    assert action in error.message


def test_a_missing_stream_is_not_found_with_the_recorded_message(api):
    error = refused(api, "DescribeStream", {"StreamName": "wrong-stream-name"})
    assert error.code == "ResourceNotFoundException"
    assert error.message == "Stream wrong-stream-name under account 000000000000 not found."


def test_a_name_is_taken_once_and_free_again_after_deletion(api):
    assert refused(api, "CreateStream", {"StreamName": "content", "ShardCount": 1}).code == "ResourceInUseException"
    token = iterator(api)
    api.call("DeleteStream", {"StreamName": "content"})
    api.clock.time += 1
    api.call("CreateStream", {"StreamName": "content", "ShardCount": 1})
    assert refused(api, "GetRecords", {"ShardIterator": token}).code == "InvalidArgumentException"


def test_streams_are_listed_in_pages(api):
    for name in ("b", "a"):
        api.call("CreateStream", {"StreamName": name, "ShardCount": 1})
    page = api.call("ListStreams", {"Limit": 2})
    assert (page["StreamNames"], page["HasMoreStreams"]) == (["a", "b"], True)
    rest = api.call("ListStreams", {"NextToken": page["NextToken"]})
    assert (rest["StreamNames"], rest["HasMoreStreams"]) == (["content"], False)


def test_a_new_stream_can_take_a_while_to_become_active(clock):
    api = KinesisApi(Streams(settle_seconds=5.0), clock)
    api.call("CreateStream", {"StreamName": "content", "ShardCount": 1})
    described = api.call("DescribeStreamSummary", {"StreamName": "content"})["StreamDescriptionSummary"]
    assert described["StreamStatus"] == "CREATING"
    assert refused(api, "PutRecord", {"StreamName": "content", "PartitionKey": "k", "Data": ""}).code.startswith("Res")
    clock.time += 5
    api.call("UpdateShardCount", {"StreamName": "content", "TargetShardCount": 2, "ScalingType": "UNIFORM_SCALING"})
    described = api.call("DescribeStreamSummary", {"StreamName": "content"})["StreamDescriptionSummary"]
    assert described["StreamStatus"] == "UPDATING"
    put(api, b"still taken")


def test_the_accounts_limits_are_told_with_what_is_in_use(api):
    api.call("SplitShard", {"StreamName": "content", "ShardToSplit": SHARD, "NewStartingHashKey": str(1 << 127)})
    api.call("CreateStream", {"StreamName": "more", "StreamModeDetails": {"StreamMode": "ON_DEMAND"}})
    assert api.call("DescribeLimits", {}) == {
        "ShardLimit": 500,
        "OpenShardCount": 6,
        "OnDemandStreamCount": 1,
        "OnDemandStreamCountLimit": 50,
    }
    elsewhere = KinesisApi(Streams(region="eu-central-1"), api.clock)
    assert elsewhere.call("DescribeLimits", {})["ShardLimit"] == 200
