"""Faults that a tired person makes in the template, each planted in a copy: some rule of ours finds every one.

cfn-lint passes them all: they are valid templates of stacks that lose records, cannot start, or fail in silence.
"""

import inspect
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from typing import Any

import pytest

from infra.local.cloudformation.intrinsics import Template
from infra.local.cloudformation.provision import read_template
from tests.house import (
    alarm_rules,
    data_rules,
    key_rules,
    people_rules,
    rights_rules,
    template_rules,
    trace_rules,
    transform_rules,
    wiring_rules,
)
from tests.house.template_rules import Rule, Stack
from tests.house.test_template import Fault, drop, drop_resource, put, set_parameter

MODULES = (
    trace_rules,
    rights_rules,
    key_rules,
    people_rules,
    alarm_rules,
    wiring_rules,
    data_rules,
    transform_rules,
    template_rules,
)
RULES: list[Rule] = [
    function
    for module in MODULES
    for name, function in vars(module).items()
    if inspect.isfunction(function)
    if function.__module__ == module.__name__ and list(inspect.signature(function).parameters) == ["stack"]
    if not name.startswith("_")
]

S3 = "ExtendedS3DestinationConfiguration"
MODERATE = ("ModerateRole", "Properties", "Policies", 0, "PolicyDocument", "Statement")
PRODUCER, ANALYST, OPERATOR = (
    (f"{name}Role", "Properties", "Policies", 0, "PolicyDocument", "Statement")
    for name in ("Producer", "Analyst", "Operator")
)
VERDICTS_ROLE = ("VerdictsDeliveryRole", "Properties", "Policies", 0, "PolicyDocument", "Statement")
ARCHIVE_ROLE = ("ArchiveRole", "Properties", "Policies", 0, "PolicyDocument", "Statement")
DEFERRED_POLICY = ("DeferredDeliveryPolicy", "Properties", "PolicyDocument", "Statement")
TRUST = ("Properties", "AssumeRolePolicyDocument", "Statement", 0)
ENV = ("Properties", "Environment", "Variables")
RULE_TARGET = ("EnforcementRule", "Properties", "Targets", 0)
FUNCTION = ("ModerateFunction", "Properties")
SCHEMA = (S3, "DataFormatConversionConfiguration", "SchemaConfiguration")


def ref(name: str) -> dict[str, Any]:
    return {"Ref": name}


def arn(name: str) -> dict[str, Any]:
    return {"Fn::GetAtt": [name, "Arn"]}


def output(name: str, value: Any) -> Fault:
    def fault(template: Template) -> None:
        template["Outputs"][name]["Value"] = value

    return fault


FAULTS: dict[str, Fault] = {
    # Rights: one too few, one too many, one too wide.
    "the function cannot read records": put(*MODERATE, 0, "Action", value=["kinesis:DescribeStream"]),
    "the function cannot list shards": put(
        *MODERATE,
        0,
        "Action",
        value=["kinesis:DescribeStreamSummary", "kinesis:GetRecords", "kinesis:GetShardIterator"],
    ),
    "the function cannot list streams": drop(*MODERATE, 1),
    "the function lands nowhere": put(*MODERATE, 2, "Action", value="firehose:PutRecord"),
    "the function lands into any stream": put(*MODERATE, 2, "Resource", value="*"),
    "the function cannot quarantine": put(*MODERATE, 2, "Resource", value=[arn("VerdictsDeliveryStream")]),
    "the function tells another bus": put(*MODERATE, 3, "Resource", value={"Fn::Sub": "${EventBus.Arn}-old"}),
    "the function cannot insert statuses": put(*MODERATE, 4, "Action", value=["dynamodb:UpdateItem"]),
    "the function may delete statuses": put(
        *MODERATE, 4, "Action", value=["dynamodb:PartiQLInsert", "dynamodb:UpdateItem", "dynamodb:DeleteItem"]
    ),
    "dead letters cannot be written": put(
        *MODERATE, 5, "Resource", value={"Fn::Sub": "${DeadLetterBucket.Arn}/letters/*"}
    ),
    "the dead-letter bucket cannot be found": drop(*MODERATE, 6),
    "the function reads the whole lake": put(*MODERATE, 7, "Resource", value={"Fn::Sub": "${LakeBucket.Arn}/*"}),
    "earlier policies cannot be found": drop(*MODERATE, 8),
    "a condition that lets too much through": drop(*MODERATE, 8, "Condition"),
    "the function cannot log": put(*MODERATE, 13, "Action", value=["logs:PutLogEvents"]),
    "a right is denied": put(*MODERATE, 2, "Effect", value="Deny"),
    "a right for all but one action": put(*MODERATE, 2, "NotAction", value="s3:*"),
    "verdicts cannot read their schema": put(*VERDICTS_ROLE, 2, "Action", value=["glue:GetTable"]),
    "verdicts read the schema of another table": put(
        *VERDICTS_ROLE,
        2,
        "Resource",
        2,
        value={
            "Fn::Sub": "arn:${AWS::Partition}:glue:${AWS::Region}:${AWS::AccountId}:table/${Database}/${AuditsTable}"
        },
    ),
    "verdicts cannot abort an upload": put(*VERDICTS_ROLE, 0, "Action", value=["s3:PutObject"]),
    "verdicts cannot find the bucket": drop(*VERDICTS_ROLE, 1),
    "the archive cannot read the stream": put(*ARCHIVE_ROLE, 0, "Action", value=["kinesis:DescribeStream"]),
    "the archive reads any stream": put(*ARCHIVE_ROLE, 0, "Resource", value="*"),
    "the archive cannot log": drop(*ARCHIVE_ROLE, 4),
    "the archive cannot write": drop(*ARCHIVE_ROLE, 2, "Resource", 0),
    "the archive writes all over the lake": put(
        *ARCHIVE_ROLE, 2, "Resource", 0, value={"Fn::Sub": "${LakeBucket.Arn}/*"}
    ),
    "the archive's dead letters go nowhere": drop(*ARCHIVE_ROLE, 2, "Resource", 1),
    "the deferred lane cannot keep what came": drop(*DEFERRED_POLICY, 0, "Resource", 1),
    "the deferred lane cannot look at its function": put(*DEFERRED_POLICY, 2, "Action", value="lambda:InvokeFunction"),
    # Trust.
    "a foreign account may be the function": put(
        "ModerateRole", *TRUST, "Principal", value={"AWS": "arn:aws:iam::999999999999:root"}
    ),
    "another service is trusted": put("ModerateRole", *TRUST, "Principal", value={"Service": "ec2.amazonaws.com"}),
    "a second principal is trusted": put(
        "VerdictsDeliveryRole", *TRUST, "Principal", value={"Service": ["firehose.amazonaws.com", "glue.amazonaws.com"]}
    ),
    "another account is the source": put(
        "ArchiveRole",
        *TRUST,
        "Condition",
        value={"StringEquals": {"aws:SourceAccount": ["111122223333", "999999999999"]}},
    ),
    "a managed policy is attached": put(
        "ModerateRole", "Properties", "ManagedPolicyArns", value=["arn:aws:iam::aws:policy/AdministratorAccess"]
    ),
    "a bucket lets somebody in": put(
        "LakeBucketPolicy", "Properties", "PolicyDocument", "Statement", 0, "Effect", value="Allow"
    ),
    "any rule may write to the queue": put(
        "EnforcementQueuePolicy",
        "Properties",
        "PolicyDocument",
        "Statement",
        0,
        "Condition",
        "ArnEquals",
        value={"aws:SourceArn": "arn:aws:events:*:*:rule/*"},
    ),
    "anybody may write to the queue": put(
        "EnforcementQueuePolicy", "Properties", "PolicyDocument", "Statement", 0, "Principal", value="*"
    ),
    # People.
    "an analyst reads the archive": put(*ANALYST, 3, "Resource", 0, value={"Fn::Sub": "${LakeBucket.Arn}/*"}),
    "an analyst writes verdicts": put(*ANALYST, 3, "Action", value=["s3:GetObject", "s3:PutObject"]),
    "a producer reads content": put(
        *PRODUCER, 1, "Action", value=["kinesis:GetRecords", "kinesis:ListShards", "kinesis:PutRecords"]
    ),
    "a producer of the deferred lane is turned away": drop(*PRODUCER, 3),
    "an operator cannot resume": put(*OPERATOR, 2, "Action", value=["lambda:GetEventSourceMapping"]),
    "an operator deletes the mapping": put(
        *OPERATOR,
        2,
        "Action",
        value=["lambda:DeleteEventSourceMapping", "lambda:GetEventSourceMapping", "lambda:UpdateEventSourceMapping"],
    ),
    "an operator changes any mapping": put(*OPERATOR, 2, "Resource", value="*"),
    "everybody may be an operator": put("OperatorRole", *TRUST, "Principal", value={"AWS": "*"}),
    "another account's people are analysts": put(
        "AnalystRole", *TRUST, "Principal", value={"AWS": ["999999999999", {"Ref": "AnalystPrincipals"}]}
    ),
    "analysts are producers, too": put("ProducerRole", *TRUST, "Principal", value={"AWS": ref("AnalystPrincipals")}),
    "a role for people that is always there": drop("ProducerRole", "Condition"),
    "an operator with a managed policy": put(
        "OperatorRole", "Properties", "ManagedPolicyArns", value=["arn:aws:iam::aws:policy/ReadOnlyAccess"]
    ),
    # The customer key: what it does not encrypt, and who cannot use it, or can too much.
    "the key is not the stream's": put(
        "ContentStream", "Properties", "StreamEncryption", "KeyId", value="alias/aws/kinesis"
    ),
    "the key is not the lake's": put(
        "LakeBucket",
        "Properties",
        *("BucketEncryption", "ServerSideEncryptionConfiguration", 0, "ServerSideEncryptionByDefault"),
        value={"SSEAlgorithm": "AES256"},
    ),
    "a call of the key for each object": drop(
        "DeadLetterBucket", "Properties", "BucketEncryption", "ServerSideEncryptionConfiguration", 0, "BucketKeyEnabled"
    ),
    "the key is not the verdicts'": put(
        "VerdictsDeliveryStream",
        "Properties",
        "DeliveryStreamEncryptionConfigurationInput",
        value={"KeyType": "AWS_OWNED_CMK"},
    ),
    "the key is not the statuses'": put("StatusTable", "Properties", "SSESpecification", value={"SSEEnabled": True}),
    "the key is not the notices'": drop("EnforcementQueue", "Properties", "KmsMasterKeyId"),
    "two kinds of encryption of one queue": put("EnforcementQueue", "Properties", "SqsManagedSseEnabled", value=True),
    "the key is not the logs'": drop("ModerateLogGroup", "Properties", "KmsKeyId"),
    "the key is not the bus's": drop("EventBus", "Properties", "KmsKeyIdentifier"),
    "a bus with a key and without dead letters": drop("EventBus", "Properties", "DeadLetterConfig"),
    "the bus is not let in at its dead letters": drop(
        "EnforcementQueuePolicy", "Properties", "PolicyDocument", "Statement", 1
    ),
    "the key is not the results'": put(
        "WorkGroup",
        *("Properties", "WorkGroupConfiguration", "ResultConfiguration", "EncryptionConfiguration"),
        value={"EncryptionOption": "SSE_S3"},
    ),
    "a key where none is given": put("EnforcementQueue", "Properties", "KmsMasterKeyId", value=ref("KeyArn")),
    "the function cannot decrypt records": drop(*MODERATE, 14),
    "the function decrypts through any service": drop(*MODERATE, 14, "Fn::If", 1, "Condition"),
    "the function decrypts records only": put(
        *(*MODERATE, 14, "Fn::If", 1, "Condition", "StringEquals", "kms:ViaService"),
        value={"Fn::Sub": "kinesis.${AWS::Region}.${AWS::URLSuffix}"},
    ),
    "the function may use any key": put(*MODERATE, 14, "Fn::If", 1, "Resource", value="*"),
    "the function may give the key away": put(
        *MODERATE, 14, "Fn::If", 1, "Action", value=["kms:Decrypt", "kms:CreateGrant"]
    ),
    "dead letters cannot be encrypted": drop(*MODERATE, 15),
    "verdicts cannot be encrypted": put(*VERDICTS_ROLE, 4, "Fn::If", 1, "Action", value="kms:Decrypt"),
    "the archive cannot be encrypted": drop(*ARCHIVE_ROLE, 6),
    "producers cannot encrypt": drop(*PRODUCER, 4),
    "producers can decrypt": put(*PRODUCER, 4, "Fn::If", 1, "Action", value=["kms:Decrypt", "kms:GenerateDataKey"]),
    "analysts cannot read what is encrypted": drop(*ANALYST, 7),
    "a right on a key that there is not": put(
        *MODERATE,
        14,
        value={"Sid": "Decrypt", "Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*"},
    ),
    "a function that is not traced": put(*FUNCTION, "Tracing", value="PassThrough"),
    "traces where none are asked for": put(*FUNCTION, "Tracing", value="Active"),
    "traces that cannot be sent": drop(*MODERATE, 16),
    "a delivery role that sends traces": put(
        *VERDICTS_ROLE, 3, "Action", value=["logs:PutLogEvents", "xray:PutTraceSegments"]
    ),
    # Alarms that never go off, or always.
    "an alarm on a dimension that is not there": put(
        "IteratorAgeAlarm", "Properties", "Dimensions", 0, "Name", value="Function"
    ),
    "an alarm on another function": put(
        "FunctionErrorAlarm", "Properties", "Dimensions", 0, "Value", value=ref("TransformFunction")
    ),
    "an alarm on a stream's name without the stream": put(
        "StreamThrottleAlarm", "Properties", "Dimensions", 0, "Value", value="content"
    ),
    "an alarm with a second dimension": put(
        "FunctionErrorAlarm",
        "Properties",
        "Dimensions",
        value=[{"Name": "FunctionName", "Value": ref("ModerateFunction")}, {"Name": "Resource", "Value": "live"}],
    ),
    "an alarm in another namespace": put(
        "VerdictsThrottleAlarm", "Properties", "Namespace", value="AWS/KinesisFirehose"
    ),
    "an expression over a metric that does not exist": put(
        "VerdictsDeliveryAlarm",
        *("Properties", "Metrics", 2, "MetricStat", "Metric", "MetricName"),
        value="DeliveryToS3.Failure",
    ),
    "an alarm on a metric that does not exist": put(
        "VerdictsConversionAlarm", "Properties", "MetricName", value="FailedConversions"
    ),
    "an alarm on the other side": put(
        "TransformAlarm", "Properties", "ComparisonOperator", value="GreaterThanThreshold"
    ),
    "an expression on the other side": put(
        "VerdictsDeliveryAlarm", "Properties", "ComparisonOperator", value="LessThanThreshold"
    ),
    "an alarm at a threshold that is never met": put("FunctionErrorAlarm", "Properties", "Threshold", value=100_000),
    "an alarm at a share that is never below": put("TransformAlarm", "Properties", "Threshold", value=0),
    "an expression that cannot be so large": put("DeferredDeliveryAlarm", "Properties", "Threshold", value=1),
    "the lane's alarm looks at the verdicts": put(
        "DeferredDeliveryAlarm",
        *("Properties", "Metrics", 1, "MetricStat", "Metric", "Dimensions", 0, "Value"),
        value=ref("VerdictsDeliveryStream"),
    ),
    "an alarm on an average that hides one": put("DeadLetterAlarm", "Properties", "Statistic", value="Average"),
    "an alarm that waits for hours": put("IteratorAgeAlarm", "Properties", "EvaluationPeriods", value=60),
    "an alarm over a day": put("DroppedAlarm", "Properties", "Period", value=86_400),
    "an alarm for more points than it looks at": put("FunctionErrorAlarm", "Properties", "DatapointsToAlarm", value=9),
    "an alarm that stays silent": put("EnforcementAlarm", "Properties", "ActionsEnabled", value=False),
    "an alarm that tells nobody": drop("EnforcementAlarm", "Properties", "AlarmActions"),
    "no alarm on the age of notices": drop_resource("EnforcementAgeAlarm"),
    "no alarm on throttled rows": drop_resource("QuarantineThrottleAlarm"),
    "no alarm on the archive's lag": drop_resource("ArchiveBehindAlarm"),
    "no alarm on batches that the archive does not take": drop_resource("ArchiveFailingAlarm"),
    "no alarm on an archiver that stands still": drop_resource("ArchiveStoppedAlarm"),
    "the archiver's alarm looks at the consumer": put(
        "ArchiveStoppedAlarm",
        *("Properties", "Metrics", 2, "MetricStat", "Metric", "Dimensions", 0, "Value"),
        value=ref("ModerateFunction"),
    ),
    "no alarm on the raw copy": drop_resource("DeferredBackupAlarm"),
    "no alarm on a consumer that stands still": drop_resource("PipelineStoppedAlarm"),
    "no alarm on producers that are silent": drop_resource("ProducersSilentAlarm"),
    "no alarm on notices that do not arrive": drop_resource("NoticesStoppedAlarm"),
    "no alarm on notices that nobody reads": drop_resource("NoticesUnreadAlarm"),
    "no alarm on records that make the code fail": drop_resource("PoisonAlarm"),
    "a slow function is seen when it is too late": put("FunctionSlowAlarm", "Properties", "Threshold", value=99),
    "a share of nothing": put(
        "QuarantineShareAlarm", "Properties", "Metrics", 1, "MetricStat", "Stat", value="Average"
    ),
    "a producer's silence is taken for calm": put(
        "ProducersSilentAlarm", "Properties", "TreatMissingData", value="notBreaching"
    ),
    "silence is taken for calm": put("PipelineStoppedAlarm", "Properties", "TreatMissingData", value="notBreaching"),
    "the expression is the wrong way round": put(
        "PipelineStoppedAlarm",
        "Properties",
        "Metrics",
        0,
        "Expression",
        value="IF(FILL(incoming, 0) == 0 AND FILL(called, 0) > 0, 1, 0)",
    ),
    "the alarm looks at the wrong function": put(
        "PipelineStoppedAlarm",
        "Properties",
        "Metrics",
        2,
        "MetricStat",
        "Metric",
        "Dimensions",
        0,
        "Value",
        value=ref("TransformFunction"),
    ),
    "an alarm beyond the retention": set_parameter("IteratorAgeAlarmMilliseconds", "MaxValue", 999_999_999),
    # The function and its bundle.
    "another architecture than the bundle": put(*FUNCTION, "Architectures", value=["x86_64"]),
    "another Python than the bundle": put(*FUNCTION, "Runtime", value="python3.12"),
    "no architecture": drop("TransformFunction", "Properties", "Architectures"),
    "a handler that is not there": put(
        "ModerateFunction", "Properties", "Handler", value="consumers.aws.moderate.handle"
    ),
    "a handler by another name": put(
        "ModerateFunction", "Properties", "Handler", value="consumers.aws.moderate_handler.handler"
    ),
    "code from another folder": put(*FUNCTION, "CodeUri", value="../../consumers"),
    "no time for a batch": drop("ModerateFunction", "Properties", "Timeout"),
    "little memory": put(*FUNCTION, "MemorySize", value=128),
    "logs as text": drop("ModerateFunction", "Properties", "LoggingConfig", "LogFormat"),
    "verdicts into quarantine": put(
        "ModerateFunction", *ENV, "VERDICTS_DELIVERY_STREAM", value=ref("QuarantineDeliveryStream")
    ),
    "an environment variable with a typing mistake": put("ModerateFunction", *ENV, "STATUS_TTL_DAY", value="90"),
    "an environment variable that is missing": drop("ModerateFunction", *ENV, "EVENT_BUS_NAME"),
    "an environment variable that is out of range": put("ModerateFunction", *ENV, "MAX_AHEAD_HOURS", value="48"),
    "two ideas of lateness": put("TransformFunction", *ENV, "MAX_LATE_DAYS", value="7"),
    # The mapping.
    "the mapping is off": put("ModerateMapping", "Properties", "Enabled", value=False),
    "the mapping calls the other function": put(
        "ModerateMapping", "Properties", "FunctionName", value=ref("TransformFunction")
    ),
    "eight retries": set_parameter("MaximumRetryAttempts", "Default", 8),
    "an age beyond the retention": set_parameter("MaximumRecordAgeSeconds", "MaxValue", 604_800),
    # Rules and queues.
    "the rule is off": put("EnforcementRule", "Properties", "State", value="DISABLED"),
    "the rule is on another bus": drop("EnforcementRule", "Properties", "EventBusName"),
    "the pattern takes nothing": put(
        "EnforcementRule", "Properties", "EventPattern", value={"source": ["streamkeeper.live"]}
    ),
    "the pattern asks for another detail": put(
        "EnforcementRule", "Properties", "EventPattern", value={"detail-type": ["Verdict"]}
    ),
    "notices go to the dead letters": put(*RULE_TARGET, "Arn", value=arn("EnforcementDeadLetterQueue")),
    "failed notices are dropped": drop(*RULE_TARGET, "DeadLetterConfig"),
    "notices are cut": put(*RULE_TARGET, "InputPath", value="$.detail.labels"),
    "notices are kept for a minute": put("EnforcementQueue", "Properties", "MessageRetentionPeriod", value=60),
    "dead letters die first": drop("EnforcementDeadLetterQueue", "Properties", "MessageRetentionPeriod"),
    "one receive and it is dead": put("EnforcementQueue", "Properties", "RedrivePolicy", "maxReceiveCount", value=1),
    # Landing, tables, what is kept.
    "verdicts land beside their table": put(
        "VerdictsTable",
        "Properties",
        "TableInput",
        "StorageDescriptor",
        "Location",
        value={"Fn::Sub": "s3://${LakeBucket}/verdict/"},
    ),
    "verdicts have quarantine's schema": put(
        "VerdictsDeliveryStream", "Properties", *SCHEMA, "TableName", value=ref("QuarantineTable")
    ),
    "another database": put("VerdictsDeliveryStream", "Properties", *SCHEMA, "DatabaseName", value="default"),
    "the archive reads another stream": put("ArchiveMapping", "Properties", "EventSourceArn", value=arn("StatusTable")),
    "the archive is fed to the consumer": put(
        "ArchiveMapping", "Properties", "FunctionName", value=ref("ModerateFunction")
    ),
    "the archive takes batches of a shard side by side": put(
        "ArchiveMapping", "Properties", "ParallelizationFactor", value=2
    ),
    "the archive stops with moderation": put(
        "ArchiveMapping", "Properties", "Enabled", value={"Fn::If": ["Consumes", False, False]}
    ),
    "the archive is in another bucket": put("ArchiveFunction", *ENV, "ARCHIVE_BUCKET", value=ref("ResultBucket")),
    "verdicts are kept for ever": drop("LakeBucket", "Properties", "LifecycleConfiguration", "Rules", 3),
    "versions are not kept": put("LakeBucket", "Properties", "VersioningConfiguration", "Status", value="Suspended"),
    "the archive forgets before replay": set_parameter("ArchiveRetentionDays", "MinValue", 1),
    "a retention that is not the parameter's": put(
        "LakeBucket", "Properties", "LifecycleConfiguration", "Rules", 2, "ExpirationInDays", value=1
    ),
    "data goes with the stack": put("StatusTable", "DeletionPolicy", value="Delete"),
    "a replaced table takes its data along": put("StatusTable", "UpdateReplacePolicy", value="Delete"),
    "results land elsewhere": put(
        "WorkGroup",
        "Properties",
        "WorkGroupConfiguration",
        "ResultConfiguration",
        "OutputLocation",
        value="s3://somewhere/",
    ),
    "the work group is off": put("WorkGroup", "Properties", "State", value="DISABLED"),
    "an output that names another bucket": output("LakeBucketName", ref("ResultBucket")),
    "an output that names another stream": output("VerdictsDeliveryStreamName", ref("QuarantineDeliveryStream")),
}


@cache
def _template() -> Template:
    return read_template()


def found(template: Template) -> Iterator[str]:
    """What rules say of a template; one that a rule cannot even read breaks it."""
    stack = Stack(template)
    for rule in RULES:
        try:
            yield from (f"{rule.__name__}: {one}" for one in rule(stack))
        except (KeyError, ValueError, TypeError, IndexError) as error:
            yield f"{rule.__name__}: {error!r}"


def test_the_template_itself_breaks_no_rule() -> None:
    assert list(found(deepcopy(_template()))) == []
    assert len(FAULTS) > 60


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_found(name: str) -> None:
    template = deepcopy(_template())
    FAULTS[name](template)
    assert template != _template(), "nothing was planted"
    assert next(found(template), None), name
