"""Rules on what holds data: what becomes of it with its stack, how long it is kept, and who knows its form."""

from tests.house.template_rules import Stack, listed


def what_holds_data_outlives_the_stack(stack: Stack) -> list[str]:
    kinds = ("AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::Kinesis::Stream")
    return [
        name
        for kind in kinds
        for name, _ in stack.of(kind)
        if stack.raw[name].get("DeletionPolicy") != "RetainExceptOnCreate"
        or stack.raw[name].get("UpdateReplacePolicy") != "Retain"
    ]


def what_is_kept_has_no_name_of_ours_and_can_be_found_again(stack: Stack) -> list[str]:
    """A name of ours would stand in the way of the next stack; by its tags `streamkeeper deploy` brings it back."""
    found = []
    for name, resource in stack.raw.items():
        if not str(resource.get("DeletionPolicy", "")).startswith("Retain"):
            continue
        given = stack.resources[name]
        tags = {"streamkeeper:stack": "streamkeeper", "streamkeeper:part": name}
        if {one["Key"]: one["Value"] for one in given.get("Tags", [])} != tags:
            found.append(f"{name}: Tags")
        found += [f"{name}: {key}" for key in ("BucketName", "Name", "TableName") if key in given]
    return found


def queues_have_no_name_of_ours(stack: Stack) -> list[str]:
    """SQS refuses a name for a minute after the queue is deleted: the creation after one that failed would fail."""
    return [name for name, queue in stack.of("AWS::SQS::Queue") if "QueueName" in queue]


def no_zone_of_the_lake_is_kept_for_ever(stack: Stack) -> list[str]:
    zones = {given["Prefix"].partition("/")[0] for _, given in stack.deliveries()} | {"errors"}
    rules = stack.resources["LakeBucket"].get("LifecycleConfiguration", {}).get("Rules", [])
    return sorted(zones - {rule["Prefix"].rstrip("/") for rule in rules if rule.get("ExpirationInDays")})


def tables_know_a_column_before_a_function_writes_it(stack: Stack) -> list[str]:
    return [
        name
        for name in stack.consumers()
        if not {"VerdictsTable", "QuarantineTable"} <= set(listed(stack.raw[name].get("DependsOn", [])))
    ]


def two_stacks_share_no_database(stack: Stack) -> list[str]:
    [(name, database)] = stack.of("AWS::Glue::Database")
    return (
        [] if database["DatabaseInput"]["Name"] == "streamkeeper" and not stack.parameters["DatabaseName"] else [name]
    )


def buckets_forget_what_they_need_not_keep(stack: Stack) -> list[str]:
    found = []
    for name, bucket in stack.of("AWS::S3::Bucket"):
        rules = bucket.get("LifecycleConfiguration", {}).get("Rules", [])
        aborts = any("AbortIncompleteMultipartUpload" in rule for rule in rules)
        versioned = "VersioningConfiguration" in bucket
        old = any("NoncurrentVersionExpiration" in rule for rule in rules)
        if not aborts or not any("ExpirationInDays" in rule for rule in rules) or (versioned and not old):
            found.append(name)
    return found


def status_expires_and_can_be_restored(stack: Stack) -> list[str]:
    return [
        name
        for name, table in stack.of("AWS::DynamoDB::Table")
        if table.get("TimeToLiveSpecification") != {"AttributeName": "expires_at", "Enabled": True}
        or not table.get("PointInTimeRecoverySpecification", {}).get("PointInTimeRecoveryEnabled")
    ]


def logs_are_kept_for_a_time(stack: Stack) -> list[str]:
    return [name for name, group in stack.of("AWS::Logs::LogGroup") if "RetentionInDays" not in group]
