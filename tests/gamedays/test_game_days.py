"""Game days: something breaks, and the alarm that names it goes off within 15 minutes, and no other.

Everything runs on the laptop runtime with the template's default parameters, on a clock that a test moves.
"""

from typing import Any

import pytest

from tests.gamedays.conftest import seen
from tests.gamedays.day import ACTED_ON, CALM_MINUTES, CLEAN, Day

WAITING = ("IteratorAgeAlarm",)
"""Goes off beside whatever holds batches back for long."""


# ----------------------------------------------------------------------------------------------- what stands still


def test_the_mapping_is_disabled(day: Day, request: pytest.FixtureRequest) -> None:
    day.calm()
    day.twin.client("lambda").update_event_source_mapping(UUID=day.outputs["ModerateMappingId"], Enabled=False)
    seen(request, day.trips("PipelineStoppedAlarm"))


def test_the_mappings_role_may_not_read(day: Day, request: pytest.FixtureRequest) -> None:
    day.calm()
    day.fault(kind="denied", call="kinesis.GetRecords", by=day.outputs["ModerateFunctionName"])
    seen(request, day.trips("PipelineStoppedAlarm"))


def test_no_producer_puts_anything(day: Day, request: pytest.FixtureRequest) -> None:
    day.calm()
    day.produces = lambda minute: None
    seen(request, day.trips("ProducersSilentAlarm"))


def test_the_rule_is_disabled(day: Day, request: pytest.FixtureRequest) -> None:
    day.calm()
    with day.without_rule("enforcement"):
        seen(request, day.trips("NoticesStoppedAlarm"))


def test_nobody_receives_from_the_queue(day: Day, request: pytest.FixtureRequest) -> None:
    day.calm()
    day.reads_notices = False
    seen(request, day.trips("NoticesUnreadAlarm"))


def test_the_archive_may_not_read(day: Day, request: pytest.FixtureRequest) -> None:
    day.calm()
    day.fault(kind="denied", call="kinesis.GetRecords", by=day.outputs["ArchiveFunctionName"])
    seen(request, day.trips("ArchiveStoppedAlarm"))


# ------------------------------------------------------------------------------------------------- what falls behind


def test_the_consumer_falls_behind(day: Day, request: pytest.FixtureRequest) -> None:
    day.calm()
    # Every batch is taken up and comes to nothing: the bus does not answer.
    day.fault(kind="partial_failure", call="events.PutEvents", every=1)
    seen(request, day.trips("IteratorAgeAlarm"))


def test_lambda_has_no_concurrency_left(day: Day, request: pytest.FixtureRequest) -> None:
    day.calm()
    day.fault(kind="function_throttle", function=day.outputs["ModerateFunctionName"])
    seen(request, day.trips("FunctionThrottleAlarm", also=("PipelineStoppedAlarm",)))


def test_a_dependency_is_slow(day: Day, request: pytest.FixtureRequest) -> None:
    day.calm()
    day.functions.slow = 52.0
    seen(request, day.trips("FunctionSlowAlarm", also=WAITING))


def test_a_dependency_is_so_slow_that_the_function_runs_out_of_time(day: Day, request: pytest.FixtureRequest) -> None:
    day.calm()
    day.functions.slow = 70.0
    seen(request, day.trips("FunctionSlowAlarm", "FunctionErrorAlarm", also=WAITING))


# ------------------------------------------------------------------------------------------------------- the stream


def test_one_shard_is_hot(day: Day, request: pytest.FixtureRequest) -> None:
    day.calm()

    def one_key(minute: int) -> None:
        refused = day.put([day.event(CLEAN) for _ in range(1_020)], key="one-author")
        assert refused > 0

    day.produces = one_key
    seen(request, day.trips("StreamThrottleAlarm"))


def test_reads_are_throttled(day: Day, request: pytest.FixtureRequest) -> None:
    day.calm()
    kinesis, stream = day.twin.client("kinesis"), day.outputs["ContentStreamName"]

    def too_many_readers(minute: int) -> None:
        day.usual(minute)
        iterator = kinesis.get_shard_iterator(
            StreamName=stream, ShardId="shardId-000000000000", ShardIteratorType="LATEST"
        )["ShardIterator"]
        for _ in range(5):
            kinesis.get_records(ShardIterator=iterator)
        with pytest.raises(kinesis.exceptions.ProvisionedThroughputExceededException):
            kinesis.get_records(ShardIterator=iterator)

    day.produces = too_many_readers
    seen(request, day.trips("StreamReadThrottleAlarm"))


# --------------------------------------------------------------------------------------------------------- landing


def test_delivery_is_throttled(day: Day, request: pytest.FixtureRequest) -> None:
    day.calm()
    day.puts.names |= {day.outputs[f"{one}DeliveryStreamName"] for one in ("Verdicts", "Deferred")}
    seen(request, day.trips("VerdictsThrottleAlarm", "DeferredThrottleAlarm", also=WAITING))


def test_quarantine_is_throttled(day: Day, request: pytest.FixtureRequest) -> None:
    day.calm()
    day.puts.names.add(day.outputs["QuarantineDeliveryStreamName"])

    def some_are_no_events(minute: int) -> None:
        day.usual(minute)
        if minute % 5 == 0:
            day.put([b"not an event"])
        day.defer([b"not an event"])

    day.produces = some_are_no_events
    seen(request, day.trips("QuarantineThrottleAlarm", "TransformLeftAlarm", also=WAITING))


def test_the_lake_takes_no_object(day: Day, request: pytest.FixtureRequest) -> None:
    day.calm()
    day.fault(kind="denied", call="s3.PutObject")
    day.fault(kind="function_error", function=day.outputs["ArchiveFunctionName"])

    def some_are_no_events(minute: int) -> None:
        day.usual(minute)
        if minute % 5 == 0:
            day.put([b"not an event"])

    day.produces = some_are_no_events
    landing = day.trips(
        "VerdictsDeliveryAlarm",
        "QuarantineDeliveryAlarm",
        "DeferredBackupAlarm",
        "ArchiveFailingAlarm",
        also=("ArchiveBehindAlarm",),
    )
    seen(request, landing)


def test_delivery_fails(day: Day, request: pytest.FixtureRequest) -> None:
    day.calm()
    day.fault(kind="denied", call="s3.PutObject", where="verdicts/")
    seen(request, day.trips("VerdictsDeliveryAlarm", "DeferredDeliveryAlarm"))


def test_the_backup_fails(day: Day, request: pytest.FixtureRequest) -> None:
    day.calm()
    day.fault(kind="denied", call="s3.PutObject", by=day.outputs["DeferredDeliveryStreamName"], where="archive/")
    seen(request, day.trips("DeferredBackupAlarm"))


def test_rows_do_not_fit_the_table(day: Day, request: pytest.FixtureRequest) -> None:
    day.calm()

    def another_writer(minute: int) -> None:
        day.usual(minute)
        row = b'{"arrived_at":"2026-03-02 08:00:00.000","payload_bytes":"many","event_id":"x"}'
        day.defer([row], stream="quarantine")

    day.produces = another_writer
    seen(request, day.trips("QuarantineConversionAlarm"))


# ----------------------------------------------------------------------------------------------------- what comes in


def test_a_producer_sends_what_is_no_event(day: Day, request: pytest.FixtureRequest) -> None:
    day.calm()

    def half_of_it(minute: int) -> None:
        day.usual(minute)
        day.put([b"not an event"] * 5)

    day.produces = half_of_it
    seen(request, day.trips("QuarantineShareAlarm"))


def test_records_make_the_code_fail(day: Day, request: pytest.FixtureRequest) -> None:
    day.calm()
    day.functions.poison = "cursed"
    day.functions.restart()

    def one_a_minute(minute: int) -> None:
        day.usual(minute)
        day.put([day.event("a cursed text")])

    day.produces = one_a_minute
    seen(request, day.trips("PoisonAlarm", also=("QuarantineShareAlarm",)))


def test_notices_are_received_and_never_acted_on(day: Day, request: pytest.FixtureRequest) -> None:
    day.calm()
    day.reads_notices = False
    sqs, url = day.twin.client("sqs"), day.outputs["EnforcementQueueUrl"]

    def a_receiver_that_fails(minute: int) -> None:
        day.usual(minute)
        for _ in range(8):
            for one in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
                sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"], VisibilityTimeout=0)

    day.produces = a_receiver_that_fails
    seen(request, day.trips("EnforcementAlarm"))


# --------------------------------------------------------------------------------------------------- what we did


def test_a_deploy_went_wrong(day: Day, request: pytest.FixtureRequest) -> None:
    day.calm()

    def no_such_module(name: str) -> None:
        if name == day.outputs["ModerateFunctionName"]:
            raise ImportError("No module named 'consumers.rowz'")

    day.functions.before = no_such_module
    seen(request, day.trips("FunctionErrorAlarm", also=WAITING))


def test_the_transform_fails(day: Day, request: pytest.FixtureRequest) -> None:
    day.calm()
    day.fault(kind="function_error", function=day.outputs["TransformFunctionName"])
    seen(request, day.trips("TransformAlarm"))


def paused(day: Day, *mappings: str, hours: float, **settings: Any) -> None:
    """The mappings stand still for so long, while records come in, and go on with other settings."""
    client = day.twin.client("lambda")
    ids = [day.outputs[one] for one in mappings]
    for one in ids:
        client.update_event_source_mapping(UUID=one, Enabled=False)
    day.put([day.event(ACTED_ON)])
    day.jump(hours=hours)
    # What happened during the pause is another day's: its alarms had their say then.
    day.twin.cloudwatch.watch.begin_anew()
    for one in ids:
        client.update_event_source_mapping(UUID=one, Enabled=True, **settings)


def test_a_pause_outlasts_the_age_of_records(day: Day, request: pytest.FixtureRequest) -> None:
    day.calm()
    paused(day, "ModerateMappingId", "ArchiveMappingId", hours=13)
    seen(request, day.trips("DeadLetterAlarm", "ArchiveDeadLetterAlarm"))


def test_a_pause_outlasts_the_age_of_records_and_nobody_takes_dead_letters(
    day: Day, request: pytest.FixtureRequest
) -> None:
    day.calm()
    client, ids = day.twin.client("lambda"), [day.outputs[f"{one}MappingId"] for one in ("Moderate", "Archive")]
    kept = {one: client.get_event_source_mapping(UUID=one)["DestinationConfig"] for one in ids}
    try:
        paused(day, "ModerateMappingId", "ArchiveMappingId", hours=13, DestinationConfig={"OnFailure": {}})
        seen(request, day.trips("DroppedAlarm", "ArchiveDroppedAlarm"))
    finally:
        for one in ids:
            client.update_event_source_mapping(UUID=one, DestinationConfig=kept[one])


def test_the_archive_has_an_hour_to_catch_up_with(day: Day, request: pytest.FixtureRequest) -> None:
    day.calm()
    # A batch is as old as its last record, so the first one has to be without what comes in now.
    day.produces = lambda minute: day.usual(minute) if minute > CALM_MINUTES + 6 else None
    paused(day, "ArchiveMappingId", hours=1)
    seen(request, day.trips("ArchiveBehindAlarm", also=("ProducersSilentAlarm",)))


def test_the_table_was_changed_by_hand(day: Day, request: pytest.FixtureRequest) -> None:
    # The last day of this stack: a table that was changed does not become what it was.
    day.calm()
    glue, database = day.twin.client("glue"), day.outputs["DatabaseName"]
    table = glue.get_table(DatabaseName=database, Name="verdicts")["Table"]
    kept = {name: table[name] for name in ("Name", "StorageDescriptor", "PartitionKeys", "TableType", "Parameters")}
    columns = [
        one | {"Type": "int"} if one["Name"] == "event_id" else one for one in kept["StorageDescriptor"]["Columns"]
    ]
    changed = kept | {"StorageDescriptor": kept["StorageDescriptor"] | {"Columns": columns}}
    glue.update_table(DatabaseName=database, TableInput=changed)
    seen(request, day.trips("VerdictsConversionAlarm", "DeferredConversionAlarm"))
