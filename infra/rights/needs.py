"""The rights that a call needs: actions and resources, by the call's service, operation and parameters.

Most operations need the action of their name; the others are listed here, as the service authorization reference has
them. Source: https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from infra.rights.evaluation import Context

Parameters = Mapping[str, Any]
Lookup = Callable[[str, str], str]
"""By kind (``iterator``, ``query``, ``deployment``) and name, the name of the stream, work group or group behind it."""


@dataclass(frozen=True)
class Need:
    """One action on one resource, with the condition keys of the call."""

    action: str
    resource: str
    context: Context = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Where:
    """The account and region of calls, and what finds out what a name alone does not say."""

    account: str
    region: str
    lookup: Lookup = lambda kind, name: "*"

    def arn(self, service: str, rest: str) -> str:
        """An ARN in this account and region."""
        return f"arn:aws:{service}:{self.region}:{self.account}:{rest}"


_PREFIXES = {"monitoring": "cloudwatch", "email": "ses", "tagging": "tag"}
"""Services whose actions begin with another word than their requests are signed for."""
# Sources: list_amazons3.html, list_awslambda.html, list_amazonsqs.html of the service authorization reference.
_ACTIONS = {
    "s3:CompleteMultipartUpload": "s3:PutObject",
    "s3:CreateMultipartUpload": "s3:PutObject",
    "s3:UploadPart": "s3:PutObject",
    "s3:HeadObject": "s3:GetObject",
    "s3:DeleteObjects": "s3:DeleteObject",
    "s3:HeadBucket": "s3:ListBucket",
    "s3:ListObjects": "s3:ListBucket",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:ListObjectVersions": "s3:ListBucketVersions",
    "s3:ListMultipartUploads": "s3:ListBucketMultipartUploads",
    "s3:ListParts": "s3:ListMultipartUploadParts",
    "s3:ListBuckets": "s3:ListAllMyBuckets",
    "s3:GetBucketLifecycleConfiguration": "s3:GetLifecycleConfiguration",
    "s3:PutBucketLifecycleConfiguration": "s3:PutLifecycleConfiguration",
    "s3:GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "s3:PutBucketEncryption": "s3:PutEncryptionConfiguration",
    "s3:PutPublicAccessBlock": "s3:PutBucketPublicAccessBlock",
    "s3:GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
    "s3:GetBucketNotificationConfiguration": "s3:GetBucketNotification",
    "s3:PutBucketNotificationConfiguration": "s3:PutBucketNotification",
    "lambda:Invoke": "lambda:InvokeFunction",
    "sqs:SendMessageBatch": "sqs:SendMessage",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
}
_OF_NOTHING = frozenset(
    {
        *("lambda:ListEventSourceMappings", "lambda:GetAccountSettings", "cloudwatch:GetMetricData"),
        *("kinesis:DescribeLimits", "kinesis:ListStreams", "tag:GetResources"),
    }
)
"""Actions that know no resource, whatever their parameters name."""
_VERSIONS = {"s3:GetObject": "s3:GetObjectVersion", "s3:DeleteObject": "s3:DeleteObjectVersion"}
_VERBS = {"INSERT": "PartiQLInsert", "UPDATE": "PartiQLUpdate", "DELETE": "PartiQLDelete", "SELECT": "PartiQLSelect"}
_NAMED = re.compile(r'(?:INTO|FROM|UPDATE)\s+"?([A-Za-z0-9_.-]+)"?', re.IGNORECASE)


def needs(service: str, operation: str, given: Parameters, where: Where) -> list[Need]:
    """The rights that a call needs, all of them.

    Args:
        service: as requests are signed for it, such as ``s3`` or ``monitoring``.
        operation: as its API names it.
        given: the parameters by name.
        where: whose account it is.

    >>> here = Where("111122223333", "eu-west-1")
    >>> needs("sqs", "SendMessageBatch", {"QueueUrl": "http://127.0.0.1/111122223333/q"}, here)
    [Need(action='sqs:SendMessage', resource='arn:aws:sqs:eu-west-1:111122223333:q', context={})]
    """
    special = _SPECIAL.get(service)
    if special is not None:
        return list(special(operation, given, where))
    prefix = _PREFIXES.get(service, service)
    action = f"{prefix}:{operation}"
    if action in _OF_NOTHING:
        return [Need(action, "*")]
    return [Need(_ACTIONS.get(action, action), _resource(service, given, where))]


def of_key(need: Need, key: str, region: str, *, about: str = "") -> list[Need]:
    """What a call needs of the customer key that its resource is encrypted with; nothing for calls that see no data.

    Firehose is not among them: it has a grant of its own, which it is given when a delivery stream is made.

    Args:
        need: the call's own right.
        key: the key's ARN.
        about: what the service says the data is of, its encryption context: an ARN, or a table's name.

    Sources: https://docs.aws.amazon.com/streams/latest/dev/permissions-user-key-KMS.html,
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html,
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html,
    https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html,
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html,
    https://docs.aws.amazon.com/firehose/latest/dev/encryption.html

    >>> [one.action for one in of_key(Need("kinesis:GetRecords", "*"), "arn:aws:kms:r:1:key/k", "r")]
    ['kms:Decrypt']
    """
    service = need.action.partition(":")[0]
    context = {"kms:ViaService": f"{service}.{region}.amazonaws.com"}
    if about and service in _CONTEXTS:
        context[f"kms:EncryptionContext:{_CONTEXTS[service]}"] = about
    return [Need(f"kms:{action}", key, context) for action in _KEYED.get(need.action, ())]


_CONTEXTS: Mapping[str, str] = {
    "dynamodb": "aws:dynamodb:tableName",
    "kinesis": "aws:kinesis:arn",
    "s3": "aws:s3:arn",
    "sns": "aws:sns:topicArn",
    "sqs": "aws:sqs:arn",
}
_KEYED: Mapping[str, tuple[str, ...]] = {
    "kinesis:PutRecord": ("GenerateDataKey",),
    "kinesis:PutRecords": ("GenerateDataKey",),
    "kinesis:GetRecords": ("Decrypt",),
    "kinesis:SubscribeToShard": ("Decrypt",),
    "s3:GetObject": ("Decrypt",),
    "s3:GetObjectVersion": ("Decrypt",),
    # Firehose and the SDKs upload large objects in parts, which are read again when they are joined.
    "s3:PutObject": ("Decrypt", "GenerateDataKey"),
    "sqs:SendMessage": ("Decrypt", "GenerateDataKey"),
    "sqs:ReceiveMessage": ("Decrypt",),
    "sns:Publish": ("Decrypt", "GenerateDataKey"),
    # A table's own key is decrypted for whoever asks, to write as well as to read.
    **{
        f"dynamodb:{one}": ("Decrypt",)
        for one in (
            *("BatchGetItem", "BatchWriteItem", "DeleteItem", "GetItem", "PutItem", "Query", "Scan", "UpdateItem"),
            *("PartiQLDelete", "PartiQLInsert", "PartiQLSelect", "PartiQLUpdate"),
        )
    },
}


def _resource(service: str, given: Parameters, where: Where) -> str:
    for name, kind in _BY_NAME.get(service, {}).items():
        value = given.get(name)
        if isinstance(value, str) and value:
            return value if value.startswith("arn:") else kind(value, where)
    return "*"


_BY_NAME: Mapping[str, Mapping[str, Callable[[str, Where], str]]] = {
    "kinesis": {
        "StreamARN": lambda name, where: name,
        "StreamName": lambda name, where: where.arn("kinesis", f"stream/{name}"),
        "ShardIterator": lambda name, where: where.arn("kinesis", f"stream/{where.lookup('iterator', name)}"),
        "NextToken": lambda name, where: where.arn("kinesis", "stream/*"),
    },
    "firehose": {"DeliveryStreamName": lambda name, where: where.arn("firehose", f"deliverystream/{name}")},
    "athena": {
        "WorkGroup": lambda name, where: where.arn("athena", f"workgroup/{name}"),
        "QueryExecutionId": lambda name, where: where.arn("athena", f"workgroup/{where.lookup('query', name)}"),
    },
    "sqs": {
        "QueueUrl": lambda name, where: where.arn("sqs", name.rpartition("/")[2]),
        "QueueName": lambda name, where: where.arn("sqs", name),
    },
    "sns": {"TopicArn": lambda name, where: name, "TargetArn": lambda name, where: name},
    "lambda": {
        # A function's name with a version or alias is a resource of its own; without one it is the function.
        "FunctionName": lambda name, where: where.arn("lambda", f"function:{name}"),
        "UUID": lambda name, where: where.arn("lambda", f"event-source-mapping:{name}"),
    },
    "logs": {
        "logGroupName": lambda name, where: where.arn("logs", f"log-group:{name}:*"),
        "logGroupIdentifier": lambda name, where: where.arn("logs", f"log-group:{name}:*"),
    },
    "cloudformation": {"StackName": lambda name, where: where.arn("cloudformation", f"stack/{name}/*")},
    "kms": {"KeyId": lambda name, where: where.arn("kms", f"key/{name}")},
    "iam": {"RoleName": lambda name, where: f"arn:aws:iam::{where.account}:role/{name}"},
    "sts": {"RoleArn": lambda name, where: name},
    "codedeploy": {
        "deploymentId": lambda name, where: where.arn(
            "codedeploy", f"deploymentgroup:{where.lookup('deployment', name)}"
        ),
    },
    "bedrock": {"guardrailIdentifier": lambda name, where: where.arn("bedrock", f"guardrail/{name}")},
}


def _s3(operation: str, given: Parameters, where: Where) -> Iterator[Need]:
    """Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html"""
    action = _ACTIONS.get(f"s3:{operation}", f"s3:{operation}")
    bucket = given.get("Bucket")
    if not bucket:
        yield Need(action, "*")
        return
    arn = f"arn:aws:s3:::{bucket}"
    if "Key" not in given:
        keys = given.get("Keys")
        if operation == "DeleteObjects" and keys:
            for key in keys:
                yield Need("s3:DeleteObject", f"{arn}/{key}")
            return
        lists = action in ("s3:ListBucket", "s3:ListBucketVersions")
        yield Need(action, arn, {"s3:prefix": str(given.get("Prefix", ""))} if lists else {})
        return
    if given.get("VersionId"):
        action = _VERSIONS.get(action, action)
    if operation in ("CopyObject", "UploadPartCopy"):
        source = str(given.get("CopySource", "")).lstrip("/").partition("?")[0]
        yield Need("s3:GetObject", f"arn:aws:s3:::{source}")
        action = "s3:PutObject"
    yield Need(action, f"{arn}/{given['Key']}")


def _dynamodb(operation: str, given: Parameters, where: Where) -> Iterator[Need]:
    """Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html"""
    statements = [given.get("Statement")] + [
        one.get("Statement") for key in ("Statements", "TransactStatements") for one in given.get(key) or []
    ]
    texts = [one for one in statements if isinstance(one, str)]
    if operation in ("ExecuteStatement", "BatchExecuteStatement", "ExecuteTransaction"):
        for text in texts:
            table = _NAMED.search(text)
            name = table[1] if table else "*"
            verb = text.split(None, 1)[0].upper() if text.strip() else ""
            yield Need(f"dynamodb:{_VERBS.get(verb, operation)}", where.arn("dynamodb", f"table/{name}"))
        return
    names = list(given.get("RequestItems") or {}) or [given.get("TableName") or ""]
    for name in names:
        resource = name if name.startswith("arn:") else where.arn("dynamodb", f"table/{name}") if name else "*"
        index = given.get("IndexName")
        yield Need(f"dynamodb:{operation}", f"{resource}/index/{index}" if index else resource)


def _events(operation: str, given: Parameters, where: Where) -> Iterator[Need]:
    """Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneventbridge.html"""
    if operation == "PutEvents":
        buses = {str(one.get("EventBusName") or "default") for one in given.get("Entries") or []}
    elif "Rule" in operation or "Target" in operation:
        rule = given.get("Rule") or given.get("Name") or "*"
        bus = given.get("EventBusName")
        between = "" if bus in (None, "default") else f"{str(bus).rpartition('/')[2]}/"
        yield Need(f"events:{operation}", where.arn("events", f"rule/{between}{rule}"))
        return
    else:
        buses = {str(given.get("Name") or "*")}
    for bus in sorted(buses):
        arn = bus if bus.startswith("arn:") else where.arn("events", f"event-bus/{bus}")
        yield Need(f"events:{operation}", arn)


def _glue(operation: str, given: Parameters, where: Where) -> Iterator[Need]:
    """A table needs its catalog and its database, too.

    Source: https://docs.aws.amazon.com/glue/latest/dg/glue-specifying-resource-arns.html
    """
    yield Need(f"glue:{operation}", where.arn("glue", "catalog"))
    table_input = given.get("TableInput")
    table = given.get("TableName") or (table_input or {}).get("Name")
    database = given.get("DatabaseName")
    if "Table" not in operation and "Partition" not in operation:
        database = database or given.get("Name") or (given.get("DatabaseInput") or {}).get("Name")
    elif "Partition" not in operation:
        table = table or given.get("Name") or ("*" if operation == "GetTables" else None)
    if database:
        yield Need(f"glue:{operation}", where.arn("glue", f"database/{database}"))
        if table:
            yield Need(f"glue:{operation}", where.arn("glue", f"table/{database}/{table}"))


def _cloudformation(operation: str, given: Parameters, where: Where) -> Iterator[Need]:
    """A role that CloudFormation is to work with is passed to it.

    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-iam-servicerole.html
    """
    yield Need(f"cloudformation:{operation}", _resource("cloudformation", given, where))
    if role := given.get("RoleARN"):
        yield Need("iam:PassRole", str(role), {"iam:PassedToService": "cloudformation.amazonaws.com"})


def _ssm(operation: str, given: Parameters, where: Where) -> Iterator[Need]:
    """A path is a resource like the parameters below it.

    Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssystemsmanager.html
    """
    path = str(given.get("Path") or "").rstrip("/")
    names = given.get("Names") or [given.get("Name") or path]
    for name in map(str, names):
        resource = where.arn("ssm", f"parameter/{name.lstrip('/')}") if name else "*"
        yield Need(f"ssm:{operation}", name if name.startswith("arn:") else resource)


_SPECIAL: Mapping[str, Callable[[str, Parameters, Where], Iterator[Need]]] = {
    "s3": _s3,
    "cloudformation": _cloudformation,
    "dynamodb": _dynamodb,
    "events": _events,
    "glue": _glue,
    "ssm": _ssm,
}
