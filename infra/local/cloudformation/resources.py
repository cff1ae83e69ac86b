"""How each resource type of the template is made by API calls, and which of its properties have no effect here."""

import json
from collections.abc import Mapping
from typing import Any, Final

from infra.local.cloudformation import apis, deployments, functions, http_apis, messaging
from infra.local.cloudformation.intrinsics import TemplateError
from infra.local.cloudformation.kinds import Kind, Made, Maker, Properties, only, tags_of

# ------------------------------------------------------------------------------------------------------ streams


def _kinesis_stream(maker: Maker, logical: str, properties: Properties) -> Made:
    kinesis = maker.client("kinesis")
    name = properties.get("Name") or maker.name(logical, 128)
    call: Properties = {"StreamName": name}
    if "StreamModeDetails" in properties:
        call["StreamModeDetails"] = properties["StreamModeDetails"]
    if "ShardCount" in properties:
        call["ShardCount"] = properties["ShardCount"]
    kinesis.create_stream(**call)
    maker.begun[logical] = name
    kinesis.get_waiter("stream_exists").wait(StreamName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 30})
    if properties.get("RetentionPeriodHours", 24) > 24:
        kinesis.increase_stream_retention_period(
            StreamName=name, RetentionPeriodHours=properties["RetentionPeriodHours"]
        )
    if "StreamEncryption" in properties:
        kinesis.start_stream_encryption(StreamName=name, **properties["StreamEncryption"])
    tags = tags_of(properties)
    if tags:
        kinesis.add_tags_to_stream(StreamName=name, Tags=tags)
    return Made(name, {"Arn": maker.arn("kinesis", f"stream/{name}")})


def _delivery_stream(maker: Maker, logical: str, properties: Properties) -> Made:
    name = properties.pop("DeliveryStreamName", None) or maker.name(logical, 64)
    answer = maker.client("firehose").create_delivery_stream(DeliveryStreamName=name, **properties)
    return Made(name, {"Arn": answer["DeliveryStreamARN"]})


# ------------------------------------------------------------------------------------------------------ rights


def _role(maker: Maker, logical: str, properties: Properties) -> Made:
    iam = maker.client("iam")
    name = properties.get("RoleName") or maker.name(logical, 64)
    extra = {key: properties[key] for key in ("Path", "Description", "MaxSessionDuration") if key in properties}
    role = iam.create_role(
        RoleName=name, AssumeRolePolicyDocument=json.dumps(properties["AssumeRolePolicyDocument"]), **extra
    )["Role"]
    maker.begun[logical] = name
    for policy in properties.get("Policies", []):
        iam.put_role_policy(
            RoleName=name, PolicyName=policy["PolicyName"], PolicyDocument=_rights(policy["PolicyDocument"])
        )
    return Made(name, {"Arn": role["Arn"], "RoleId": role["RoleId"]})


def _rights(document: Any) -> str:
    # IAM takes a policy without a version; moto does not.
    return json.dumps({"Version": "2012-10-17", **document})


def _role_policy(maker: Maker, logical: str, properties: Properties) -> Made:
    maker.client("iam").put_role_policy(
        RoleName=properties["RoleName"],
        PolicyName=properties["PolicyName"],
        PolicyDocument=_rights(properties["PolicyDocument"]),
    )
    return Made(f"{properties['PolicyName']}|{properties['RoleName']}")


def _policy(maker: Maker, logical: str, properties: Properties) -> Made:
    for role in properties.get("Roles", []):
        maker.client("iam").put_role_policy(
            RoleName=role,
            PolicyName=properties["PolicyName"],
            PolicyDocument=_rights(properties["PolicyDocument"]),
        )
    return Made(str(properties["PolicyName"]))


# ------------------------------------------------------------------------------------------------------ logs


def _log_group(maker: Maker, logical: str, properties: Properties) -> Made:
    logs = maker.client("logs")
    name = properties.get("LogGroupName") or maker.name(logical)
    logs.create_log_group(logGroupName=name)
    maker.begun[logical] = name
    if "RetentionInDays" in properties:
        logs.put_retention_policy(logGroupName=name, retentionInDays=properties["RetentionInDays"])
    return Made(name, {"Arn": maker.arn("logs", f"log-group:{name}:*")})


def _log_stream(maker: Maker, logical: str, properties: Properties) -> Made:
    name = properties.get("LogStreamName") or maker.name(logical)
    maker.client("logs").create_log_stream(logGroupName=properties["LogGroupName"], logStreamName=name)
    return Made(name)


def _dashboard(maker: Maker, logical: str, properties: Properties) -> Made:
    name = properties.get("DashboardName") or maker.name(logical)
    maker.client("cloudwatch").put_dashboard(DashboardName=name, DashboardBody=properties["DashboardBody"])
    return Made(name)


def _alarm(maker: Maker, logical: str, properties: Properties) -> Made:
    name = properties.pop("AlarmName", None) or maker.name(logical)
    maker.client("cloudwatch").put_metric_alarm(AlarmName=name, **properties)
    return Made(name, {"Arn": maker.arn("cloudwatch", f"alarm:{name}")})


# ------------------------------------------------------------------------------------------------------ lake


def _bucket(maker: Maker, logical: str, properties: Properties) -> Made:
    s3 = maker.client("s3")
    name = properties.get("BucketName") or maker.name(logical, 63).lower()
    # us-east-1 is the region that S3 wants left unsaid.
    where = {} if maker.region == "us-east-1" else {"LocationConstraint": maker.region}
    s3.create_bucket(Bucket=name, **({"CreateBucketConfiguration": where} if where else {}))
    maker.begun[logical] = name
    if "OwnershipControls" in properties:
        s3.put_bucket_ownership_controls(Bucket=name, OwnershipControls=properties["OwnershipControls"])
    if "PublicAccessBlockConfiguration" in properties:
        # A template may have them as text; CloudFormation makes truth values of them.
        blocked = {key: str(one).lower() == "true" for key, one in properties["PublicAccessBlockConfiguration"].items()}
        s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=blocked)
    if "BucketEncryption" in properties:
        s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration=_encryption(logical, properties))
    if "VersioningConfiguration" in properties:
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration=properties["VersioningConfiguration"])
    if "LifecycleConfiguration" in properties:
        rules = [lifecycle_rule(logical, rule) for rule in properties["LifecycleConfiguration"]["Rules"]]
        s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": rules})
    if "Tags" in properties:
        s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": properties["Tags"]})
    return Made(
        name,
        {
            "Arn": f"arn:aws:s3:::{name}",
            "DomainName": f"{name}.s3.amazonaws.com",
            "RegionalDomainName": f"{name}.s3.{maker.region}.amazonaws.com",
        },
    )


def _encryption(logical: str, properties: Properties) -> Properties:
    given = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    for rule in given:
        only(f"{logical}.BucketEncryption", rule, {"ServerSideEncryptionByDefault", "BucketKeyEnabled"})
    return {
        "Rules": [
            {
                "ApplyServerSideEncryptionByDefault": rule["ServerSideEncryptionByDefault"],
                **({"BucketKeyEnabled": rule["BucketKeyEnabled"]} if "BucketKeyEnabled" in rule else {}),
            }
            for rule in given
        ]
    }


def lifecycle_rule(logical: str, rule: Mapping[str, Any]) -> Properties:
    """A CloudFormation lifecycle rule in the shape of S3's own API.

    Raises:
        TemplateError: a member of the rule that is not handled.

    >>> lifecycle_rule("Lake", {"Id": "old", "Status": "Enabled", "Prefix": "a/", "ExpirationInDays": 7})
    {'ID': 'old', 'Status': 'Enabled', 'Filter': {'Prefix': 'a/'}, 'Expiration': {'Days': 7}}
    """
    same = {"NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload"}
    own = {"Id", "Status", "Prefix", "ExpirationInDays", "ExpiredObjectDeleteMarker", "Transitions"}
    only(f"{logical}.LifecycleConfiguration", rule, same | own)
    answer: Properties = {
        "ID": rule.get("Id", ""),
        "Status": rule["Status"],
        "Filter": {"Prefix": rule.get("Prefix", "")},
    }
    if "ExpirationInDays" in rule:
        answer["Expiration"] = {"Days": rule["ExpirationInDays"]}
    if "ExpiredObjectDeleteMarker" in rule:
        answer["Expiration"] = {"ExpiredObjectDeleteMarker": rule["ExpiredObjectDeleteMarker"]}
    if "Transitions" in rule:
        answer["Transitions"] = [
            {"StorageClass": one["StorageClass"], "Days": one["TransitionInDays"]} for one in rule["Transitions"]
        ]
    return {**answer, **{name: rule[name] for name in sorted(same) if name in rule}}


def _bucket_policy(maker: Maker, logical: str, properties: Properties) -> Made:
    maker.client("s3").put_bucket_policy(Bucket=properties["Bucket"], Policy=json.dumps(properties["PolicyDocument"]))
    return Made(properties["Bucket"])


def _database(maker: Maker, logical: str, properties: Properties) -> Made:
    given = {"Name": maker.name(logical).lower(), **properties["DatabaseInput"]}
    maker.client("glue").create_database(CatalogId=properties["CatalogId"], DatabaseInput=given)
    return Made(given["Name"])


def _table(maker: Maker, logical: str, properties: Properties) -> Made:
    given = {"Name": maker.name(logical).lower(), **properties["TableInput"]}
    maker.client("glue").create_table(
        CatalogId=properties["CatalogId"], DatabaseName=properties["DatabaseName"], TableInput=given
    )
    return Made(given["Name"])


def _work_group(maker: Maker, logical: str, properties: Properties) -> Made:
    athena = maker.client("athena")
    athena.create_work_group(
        Name=properties["Name"],
        Configuration=properties.get("WorkGroupConfiguration", {}),
        Description=properties.get("Description", ""),
    )
    maker.begun[logical] = properties["Name"]
    if properties.get("State", "ENABLED") != "ENABLED":
        athena.update_work_group(WorkGroup=properties["Name"], State=properties["State"])
    return Made(properties["Name"])


def _named_query(maker: Maker, logical: str, properties: Properties) -> Made:
    answer = maker.client("athena").create_named_query(**{"Name": maker.name(logical), **properties})
    return Made(answer["NamedQueryId"], {"NamedQueryId": answer["NamedQueryId"]})


# ------------------------------------------------------------------------------------------------------ notify


def _dynamodb_table(maker: Maker, logical: str, properties: Properties) -> Made:
    dynamodb = maker.client("dynamodb")
    name = properties.get("TableName") or maker.name(logical)
    same = (
        *("AttributeDefinitions", "KeySchema", "BillingMode", "GlobalSecondaryIndexes", "LocalSecondaryIndexes"),
        "ProvisionedThroughput",
    )
    call: Properties = {key: properties[key] for key in (*same, "Tags") if key in properties}
    if "SSESpecification" in properties:
        given = properties["SSESpecification"]
        only(f"{logical}.SSESpecification", given, {"SSEEnabled", "SSEType", "KMSMasterKeyId"})
        call["SSESpecification"] = {("Enabled" if key == "SSEEnabled" else key): value for key, value in given.items()}
    answer = dynamodb.create_table(TableName=name, **call)
    maker.begun[logical] = name
    if "TimeToLiveSpecification" in properties:
        dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=properties["TimeToLiveSpecification"])
    if "PointInTimeRecoverySpecification" in properties:
        dynamodb.update_continuous_backups(
            TableName=name, PointInTimeRecoverySpecification=properties["PointInTimeRecoverySpecification"]
        )
    return Made(name, {"Arn": answer["TableDescription"]["TableArn"]})


def _event_bus(maker: Maker, logical: str, properties: Properties) -> Made:
    answer = maker.client("events").create_event_bus(**properties)
    return Made(properties["Name"], {"Arn": answer["EventBusArn"], "Name": properties["Name"]})


def _rule(maker: Maker, logical: str, properties: Properties) -> Made:
    events = maker.client("events")
    name = properties.pop("Name", None) or maker.name(logical, 64)
    targets = properties.pop("Targets", [])
    for target in targets:
        if ":lambda:" in str(target.get("Arn")):
            raise TemplateError(f"{logical}: a function as the target of a rule is not handled by the laptop runtime")
    if "EventPattern" in properties:
        properties["EventPattern"] = json.dumps(properties["EventPattern"])
    answer = events.put_rule(Name=name, **properties)
    maker.begun[logical] = name
    if targets:
        bus = {"EventBusName": properties["EventBusName"]} if "EventBusName" in properties else {}
        failed = events.put_targets(Rule=name, Targets=targets, **bus)
        if failed.get("FailedEntryCount"):
            raise TemplateError(f"{logical}: {failed['FailedEntryCount']} of {len(targets)} targets were refused")
    return Made(name, {"Arn": answer["RuleArn"]})


_QUEUE_ATTRIBUTES = frozenset(
    {
        *("DelaySeconds", "MaximumMessageSize", "MessageRetentionPeriod", "ReceiveMessageWaitTimeSeconds"),
        *("RedrivePolicy", "SqsManagedSseEnabled", "VisibilityTimeout", "KmsMasterKeyId"),
        *("ContentBasedDeduplication", "FifoQueue", "RedriveAllowPolicy"),
    }
)


def _queue(maker: Maker, logical: str, properties: Properties) -> Made:
    name = properties.get("QueueName") or maker.name(logical, 80)
    attributes = {key: _attribute_text(properties[key]) for key in sorted(_QUEUE_ATTRIBUTES & set(properties))}
    url = maker.client("sqs").create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    return Made(url, {"Arn": maker.arn("sqs", name), "QueueName": name, "QueueUrl": url})


def _attribute_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value) if isinstance(value, dict) else str(value)


def _queue_policy(maker: Maker, logical: str, properties: Properties) -> Made:
    for url in properties["Queues"]:
        maker.client("sqs").set_queue_attributes(
            QueueUrl=url, Attributes={"Policy": json.dumps(properties["PolicyDocument"])}
        )
    return Made(maker.name(logical))


_TAGS: Final = {"Tags": "nothing here is searched, billed or allowed by tags"}

KINDS: Mapping[str, Kind] = {
    **apis.KINDS,
    **deployments.KINDS,
    **functions.KINDS,
    **http_apis.KINDS,
    **messaging.KINDS,
    "AWS::Athena::NamedQuery": Kind(
        make=_named_query, carried=frozenset({"Database", "Description", "Name", "QueryString", "WorkGroup"})
    ),
    "AWS::Athena::WorkGroup": Kind(
        make=_work_group,
        carried=frozenset({"Name", "Description", "State", "WorkGroupConfiguration"}),
        without_effect={"RecursiveDeleteOption": "says what happens when the stack is deleted; the twin just stops"},
    ),
    "AWS::CloudWatch::Dashboard": Kind(make=_dashboard, carried=frozenset({"DashboardBody", "DashboardName"})),
    "AWS::CloudWatch::Alarm": Kind(
        make=_alarm,
        carried=frozenset(
            {
                *("AlarmActions", "AlarmDescription", "AlarmName", "ComparisonOperator", "DatapointsToAlarm"),
                *(
                    "Dimensions",
                    "EvaluationPeriods",
                    "ExtendedStatistic",
                    "MetricName",
                    "Namespace",
                    "Period",
                    "Statistic",
                    "Threshold",
                ),
                *("Metrics", "OKActions", "TreatMissingData"),
            }
        ),
    ),
    "AWS::DynamoDB::Table": Kind(
        make=_dynamodb_table,
        carried=frozenset(
            {
                *("AttributeDefinitions", "BillingMode", "KeySchema", "PointInTimeRecoverySpecification"),
                *("SSESpecification", "TableName", "TimeToLiveSpecification", "GlobalSecondaryIndexes"),
                *("LocalSecondaryIndexes", "ProvisionedThroughput", "Tags"),
            }
        ),
    ),
    "AWS::Events::EventBus": Kind(
        make=_event_bus,
        carried=frozenset({"Name", "Description"}),
        without_effect={
            "DeadLetterConfig": "for events that cannot be encrypted; nothing is encrypted in this process",
            "KmsKeyIdentifier": "nothing is encrypted in this process",
        },
    ),
    "AWS::Events::Rule": Kind(
        make=_rule, carried=frozenset({"Name", "Description", "EventBusName", "EventPattern", "State", "Targets"})
    ),
    "AWS::Glue::Database": Kind(make=_database, carried=frozenset({"CatalogId", "DatabaseInput"})),
    "AWS::Glue::Table": Kind(make=_table, carried=frozenset({"CatalogId", "DatabaseName", "TableInput"})),
    "AWS::IAM::Role": Kind(
        make=_role,
        carried=frozenset(
            {"AssumeRolePolicyDocument", "Description", "MaxSessionDuration", "Path", "Policies", "RoleName"}
        ),
        without_effect={
            **_TAGS,
            "ManagedPolicyArns": "rights are not evaluated here",
            "PermissionsBoundary": "rights are not evaluated here",
        },
    ),
    "AWS::IAM::Policy": Kind(make=_policy, carried=frozenset({"PolicyDocument", "PolicyName", "Roles"})),
    "AWS::IAM::RolePolicy": Kind(make=_role_policy, carried=frozenset({"PolicyDocument", "PolicyName", "RoleName"})),
    "AWS::Kinesis::Stream": Kind(
        make=_kinesis_stream,
        carried=frozenset(
            {"Name", "RetentionPeriodHours", "ShardCount", "StreamEncryption", "StreamModeDetails", "Tags"}
        ),
    ),
    "AWS::KinesisFirehose::DeliveryStream": Kind(
        make=_delivery_stream,
        carried=frozenset(
            {
                *("DeliveryStreamName", "DeliveryStreamType", "DeliveryStreamEncryptionConfigurationInput"),
                *("ExtendedS3DestinationConfiguration", "KinesisStreamSourceConfiguration", "Tags"),
            }
        ),
    ),
    "AWS::Logs::LogGroup": Kind(
        make=_log_group,
        carried=frozenset({"LogGroupName", "RetentionInDays"}),
        without_effect={**_TAGS, "KmsKeyId": "nothing is encrypted in this process"},
    ),
    "AWS::Logs::LogStream": Kind(make=_log_stream, carried=frozenset({"LogGroupName", "LogStreamName"})),
    "AWS::S3::Bucket": Kind(
        make=_bucket,
        carried=frozenset(
            {
                *("BucketEncryption", "BucketName", "LifecycleConfiguration", "OwnershipControls"),
                *("PublicAccessBlockConfiguration", "Tags", "VersioningConfiguration"),
            }
        ),
    ),
    "AWS::S3::BucketPolicy": Kind(make=_bucket_policy, carried=frozenset({"Bucket", "PolicyDocument"})),
    "AWS::SQS::Queue": Kind(make=_queue, carried=_QUEUE_ATTRIBUTES | {"QueueName"}, without_effect=_TAGS),
    "AWS::SQS::QueuePolicy": Kind(make=_queue_policy, carried=frozenset({"PolicyDocument", "Queues"})),
}
