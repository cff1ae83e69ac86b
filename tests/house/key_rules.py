"""The customer key: what is encrypted with it, who may use it through which service, whom its own policy lets in."""

import json
from collections.abc import Iterator
from itertools import product
from typing import Any, NamedTuple

from infra.local.keys import policy_of_key
from infra.rights.evaluation import Ask, Policies, Principal, decide
from infra.rights.needs import Need, Where, of_key
from tests.house import rights_rules
from tests.house.rights_rules import ACCOUNT, REGION
from tests.house.template_rules import KEY, Stack, listed

NOBODYS = ("arn:aws:kms:eu-west-1:111122223333:key/other", f"arn:aws:kms:{REGION}:999999999999:key/theirs")
# What a resource has with the key, and without; the paths are those of its properties.
# Sources: https://docs.aws.amazon.com/streams/latest/dev/getting-started-with-sse.html,
# https://docs.aws.amazon.com/firehose/latest/dev/encryption.html,
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-key.html,
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html,
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/EncryptionAtRest.html,
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html,
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-encryption-event-bus-cmkey.html,
# https://docs.aws.amazon.com/athena/latest/ug/encrypting-query-results-stored-in-s3.html
ENCRYPTED: dict[str, tuple[tuple[str, ...], Any, Any]] = {
    "AWS::Kinesis::Stream": (
        ("StreamEncryption",),
        {"EncryptionType": "KMS", "KeyId": KEY},
        {"EncryptionType": "KMS", "KeyId": "alias/aws/kinesis"},
    ),
    "AWS::KinesisFirehose::DeliveryStream": (
        ("DeliveryStreamEncryptionConfigurationInput",),
        {"KeyType": "CUSTOMER_MANAGED_CMK", "KeyARN": KEY},
        {"KeyType": "AWS_OWNED_CMK"},
    ),
    "AWS::S3::Bucket": (
        ("BucketEncryption", "ServerSideEncryptionConfiguration"),
        [
            {
                "ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY},
                "BucketKeyEnabled": True,
            }
        ],
        [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}],
    ),
    "AWS::DynamoDB::Table": (
        ("SSESpecification",),
        {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": KEY},
        {"SSEEnabled": True},
    ),
    "AWS::SQS::Queue": (("KmsMasterKeyId",), KEY, None),
    "AWS::Logs::LogGroup": (("KmsKeyId",), KEY, None),
    "AWS::Events::EventBus": (("KmsKeyIdentifier",), KEY, None),
    "AWS::Athena::WorkGroup": (
        ("WorkGroupConfiguration", "ResultConfiguration", "EncryptionConfiguration"),
        {"EncryptionOption": "SSE_KMS", "KmsKey": KEY},
        {"EncryptionOption": "SSE_S3"},
    ),
}


def all_that_is_kept_is_encrypted_with_the_key_that_is_given(stack: Stack) -> list[str]:
    """With the key, where there is one; as AWS does by itself, where there is none."""
    found = []
    for kind, (path, with_key, without) in ENCRYPTED.items():
        for made, wanted in ((stack.keyed, with_key), (stack, without)):
            found += [f"{name}: {kind}" for name, given in made.of(kind) if _at(given, path) != wanted]
    found += [
        name
        for made, wanted in ((stack.keyed, None), (stack, True))
        for name, given in made.of("AWS::SQS::Queue")
        if given.get("SqsManagedSseEnabled") != wanted
    ]
    return found


class KeyRight(NamedTuple):
    """One action of a role on the key, through one service."""

    role: str
    action: str
    via: str


def rights_on_the_key_are_those_needed(stack: Stack) -> list[str]:
    """Both ways: what a role may do to something that is encrypted, and with the key through that thing's service."""
    granted, needed = set(_granted(stack.keyed)), set(_needed(stack.keyed))
    found = [f"missing, grant it: {one}" for one in sorted(needed - granted)]
    found += [f"not needed, take it out: {one}" for one in sorted(granted - needed)]
    return found + [f"without a key: {one}" for one in _granted(stack)]


def rights_on_the_key_hold_as_aws_evaluates_them(stack: Stack) -> list[str]:
    """With the key's own policy: through the service that they are for, and through no other; on no other key."""
    policy = json.loads(policy_of_key(Where(ACCOUNT, REGION), "streamkeeper"))
    identity: dict[str, list[Any]] = {}
    for role, statement in stack.keyed.statements():
        identity.setdefault(role, []).append(statement)
    found = []
    for right in sorted(set(_needed(stack.keyed))):
        who = Principal(arn=f"arn:aws:iam::{ACCOUNT}:role/{right.role}", account=ACCOUNT)
        policies = Policies([{"Statement": identity.get(right.role, [])}], None, policy)
        asks = [(KEY, right.via, True), *((key, right.via, False) for key in NOBODYS)]
        asks += [(KEY, via, False) for via in ("", f"secretsmanager.{REGION}.amazonaws.com")]
        for key, via, wanted in asks:
            context = {"kms:ViaService": via} if via else {}
            if decide(Ask(who, right.action, key, ACCOUNT, context), policies).allowed != wanted:
                found.append(f"{right.role}: {right.action} of {key} through {via or 'nothing'}: not {wanted}")
    return found


def the_keys_policy_lets_in_the_services_that_need_it(stack: Stack) -> list[str]:
    """As ``infra/aws/key.yaml`` writes it."""
    return of_the_policy(json.loads(policy_of_key(Where(ACCOUNT, REGION), "streamkeeper")), stack)


def of_the_policy(policy: dict[str, Any], stack: Stack) -> list[str]:
    """Log groups, the bus, and its rules' queues use the key; neither another stack's nor another account's do.

    Sources: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html,
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-encryption-key-policy.html,
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
    """
    events, logs = "events.amazonaws.com", f"logs.{REGION}.amazonaws.com"
    found = []

    def asks(service: str, action: str, key: str, value: str, wanted: bool) -> None:
        context = {f"kms:EncryptionContext:{key}": value} if key else {}
        ask = Ask(Principal(service=service, account=ACCOUNT), f"kms:{action}", KEY, ACCOUNT, context)
        if decide(ask, Policies(resource=policy)).allowed != wanted:
            found.append(f"{service}: {action} for {value or 'nothing'}: not {wanted}")

    groups = [str(group["LogGroupName"]) for _, group in stack.of("AWS::Logs::LogGroup")]
    for action in ("Decrypt", "DescribeKey", "Encrypt", "GenerateDataKey", "ReEncryptFrom"):
        for group in groups:
            asks(logs, action, "aws:logs:arn", f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}", True)
        asks(logs, action, "", "", False)
        for group in (f"{ACCOUNT}:log-group:/aws/lambda/other-moderate", f"999999999999:log-group:{groups[0]}"):
            asks(logs, action, "aws:logs:arn", f"arn:aws:logs:{REGION}:{group}", False)
    asks(events, "DescribeKey", "", "", True)
    queues = [f"{ACCOUNT}:streamkeeper-{name}-ABC" for name, _ in stack.of("AWS::SQS::Queue")]
    buses = [f"{ACCOUNT}:event-bus/{bus['Name']}" for _, bus in stack.of("AWS::Events::EventBus")]
    for action in ("Decrypt", "GenerateDataKey"):
        asks(events, action, "", "", False)
        for bus in (*buses, f"{ACCOUNT}:event-bus/other", "999999999999:event-bus/streamkeeper"):
            arn = f"arn:aws:events:{REGION}:{bus}"
            asks(events, action, "aws:events:event-bus:arn", arn, bus in buses)
        for queue in (*queues, f"{ACCOUNT}:other-queue", "999999999999:streamkeeper-EnforcementQueue-ABC"):
            asks(events, action, "aws:sqs:arn", f"arn:aws:sqs:{REGION}:{queue}", queue in queues)
    doors = (
        (logs, "aws:logs:arn", f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{groups[0]}"),
        (events, "aws:events:event-bus:arn", f"arn:aws:events:{REGION}:{buses[0]}"),
        (events, "aws:sqs:arn", f"arn:aws:sqs:{REGION}:{queues[0]}"),
        (events, "", ""),
    )
    for service, key, value in doors:
        for action in ("CreateGrant", "PutKeyPolicy", "ScheduleKeyDeletion"):
            asks(service, action, key, value, False)
    for service in ("lambda.amazonaws.com", "s3.amazonaws.com", "sns.amazonaws.com"):
        asks(service, "Decrypt", "aws:s3:arn", "arn:aws:s3:::lake", False)
    everything = {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    for account, wanted in ((ACCOUNT, True), ("999999999999", False)):
        who = Principal(arn=f"arn:aws:iam::{account}:role/any", account=account)
        for action, (_, key, value) in product(("CreateGrant", "Decrypt", "DescribeKey", "PutKeyPolicy"), doors):
            context = {f"kms:EncryptionContext:{key}": value} if key else {}
            for given, allowed in (((everything,), wanted), ((), False)):
                ask = Ask(who, f"kms:{action}", KEY, ACCOUNT, context)
                if decide(ask, Policies(given, None, policy)).allowed != allowed:
                    found.append(f"a role of {account}: {action}: not {allowed}")
    return found


def what_the_bus_cannot_encrypt_goes_to_the_dead_letters(stack: Stack) -> list[str]:
    """The bus has its dead letters with a key only, and their queue lets it in then only.

    Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-encryption-event-bus-dlq.html
    """
    found = []
    letters = "<EnforcementDeadLetterQueue.Arn>"
    for made, wanted in ((stack.keyed, True), (stack, False)):
        for name, bus in made.of("AWS::Events::EventBus"):
            if bus.get("DeadLetterConfig") != ({"Arn": letters} if wanted else None):
                found.append(f"{name}: DeadLetterConfig")
            source = f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/{bus['Name']}"
            context = {"aws:SourceArn": source, "aws:SecureTransport": "true"}
            events = Principal(service="events.amazonaws.com", account=ACCOUNT)
            for queue, _ in made.of("AWS::SQS::Queue"):
                ask = Ask(events, "sqs:SendMessage", f"<{queue}.Arn>", ACCOUNT, context)
                policies = Policies(resource=rights_rules.policy_of(made, f"<{queue}.Arn>"))
                if decide(ask, policies).allowed != (wanted and f"<{queue}.Arn>" == letters):
                    found.append(f"{name}: {queue}")
            if wanted:
                policy = (rights_rules.policy_of(made, letters) or {}).get("Statement", [])
                exact = {
                    "Sid": "FromTheBus",
                    "Effect": "Allow",
                    "Principal": {"Service": "events.amazonaws.com"},
                    "Action": "sqs:SendMessage",
                    "Resource": letters,
                    "Condition": {"ArnEquals": {"aws:SourceArn": source}},
                }
                found += [
                    f"{name}: {one.get('Sid')}" for one in policy if one.get("Sid") == "FromTheBus" and one != exact
                ]
    return found


def _granted(stack: Stack) -> Iterator[KeyRight]:
    for role, statement in stack.statements():
        for action in listed(statement["Action"]):
            if action.startswith("kms:") and statement["Effect"] == "Allow":
                through = statement.get("Condition", {}).get("StringEquals", {}).get("kms:ViaService", ["anything"])
                plain = statement["Resource"] == KEY and list(statement) == _MEMBERS
                yield from (KeyRight(role, action, via if plain else f"more than {via}") for via in listed(through))


_MEMBERS = ["Sid", "Effect", "Action", "Resource", "Condition"]


def _needed(stack: Stack) -> Iterator[KeyRight]:
    encrypted = {
        f"<{name}.Arn>"
        for kind in ("AWS::Kinesis::Stream", "AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::SQS::Queue")
        for name, _ in stack.of(kind)
    }
    for right in set(rights_rules.needed_rights(stack)):
        if right.resource.partition(">")[0] + ">" in encrypted:
            for need in of_key(Need(right.action, right.resource), KEY, REGION):
                yield KeyRight(right.role, need.action, str(need.context["kms:ViaService"]))


def _at(given: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        given = given.get(step) if isinstance(given, dict) else None
    return given
