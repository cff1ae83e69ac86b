"""Rights, both ways: what each role needs by what it is used for, and what the template grants it."""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from tests.house.template_rules import Stack, listed

ACCOUNT, REGION = "111122223333", "eu-west-1"
GLUE = f"arn:aws:glue:{REGION}:{ACCOUNT}"
LOGS = f"arn:aws:logs:{REGION}:{ACCOUNT}"
POLICIES = '{"StringLike": {"s3:prefix": "policies/*"}}'


class Right(NamedTuple):
    """One action of one role on one resource; the condition as JSON, empty for none."""

    role: str
    action: str
    resource: str
    condition: str = ""


def rights_needed_are_rights_granted(stack: Stack) -> list[str]:
    needed, granted = set(_needed(stack)), set(_granted(stack))
    missing = [f"missing: {right}" for right in sorted(needed - granted)]
    return missing + [f"not needed: {right}" for right in sorted(granted - needed)]


def every_statement_allows_and_names_what(stack: Stack) -> list[str]:
    return [
        f"{role}: {statement.get('Sid')}"
        for role, statement in stack.statements()
        if statement.get("Effect") != "Allow" or {"NotAction", "NotResource", "Principal"} & set(statement)
    ]


def roles_are_assumed_by_the_service_that_uses_them(stack: Stack) -> list[str]:
    services = {_name(function["Role"]): "lambda" for _, function in stack.of("AWS::Serverless::Function")}
    services |= {_name(given["RoleARN"]): "firehose" for _, given in stack.deliveries()}
    services |= {_name(one["credentials"]): "apigateway" for _, one in _integrations(stack) if "credentials" in one}
    found = []
    for name, role in stack.of("AWS::IAM::Role"):
        trust = {
            "Effect": "Allow",
            "Principal": {"Service": f"{services.get(name, 'nobody')}.amazonaws.com"},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}},
        }
        if role["AssumeRolePolicyDocument"] != {"Version": "2012-10-17", "Statement": [trust]}:
            found.append(name)
        found += [f"{name}: {key}" for key in ("ManagedPolicyArns", "PermissionsBoundary") if key in role]
    return found


def resource_policies_deny_and_let_in_the_rule_only(stack: Stack) -> list[str]:
    """Buckets let nobody in by policy; the queues let in the rule, and nothing else."""
    found = [
        name
        for name, policy in stack.of("AWS::S3::BucketPolicy")
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Effect"] != "Deny"
    ]
    rules = {
        target["Arn"]: f"<{name}.Arn>" for name, rule in stack.of("AWS::Events::Rule") for target in rule["Targets"]
    }
    for name, policy in stack.of("AWS::SQS::QueuePolicy"):
        queues = {f"<{str(queue).strip('<>')}.Arn>" for queue in policy["Queues"]}
        allowed = [one for one in policy["PolicyDocument"]["Statement"] if one["Effect"] == "Allow"]
        wanted = [
            {"Service": "events.amazonaws.com"},
            "sqs:SendMessage",
            queues,
            {"ArnEquals": {"aws:SourceArn": next((rules[queue] for queue in sorted(queues) if queue in rules), None)}},
        ]
        given = [
            [one["Principal"], one["Action"], set(listed(one["Resource"])), one.get("Condition")] for one in allowed
        ]
        if given != [wanted]:
            found.append(name)
    covered = [str(queue) for _, policy in stack.of("AWS::SQS::QueuePolicy") for queue in policy["Queues"]]
    return found + sorted({f"<{name}>" for name, _ in stack.of("AWS::SQS::Queue")} ^ set(covered))


def _granted(stack: Stack) -> Iterator[Right]:
    for role, statement in stack.statements():
        condition = json.dumps(statement["Condition"], sort_keys=True) if "Condition" in statement else ""
        for action in listed(statement["Action"]):
            for resource in listed(statement["Resource"]):
                yield Right(role, action, str(resource), condition)


def _needed(stack: Stack) -> Iterator[Right]:
    for name, properties in stack.of("AWS::KinesisFirehose::DeliveryStream"):
        yield from _of_delivery(name, properties)
    for _, mapping in stack.mappings():
        yield from _of_mapping(stack, mapping)
    for _, mapping in stack.queue_mappings():
        # Source: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
        role = _name(stack.resources[_name(mapping["FunctionName"])]["Role"])
        for action in ("DeleteMessage", "GetQueueAttributes", "ReceiveMessage"):
            yield Right(role, f"sqs:{action}", mapping["EventSourceArn"])
    for _, function in stack.of("AWS::Serverless::Function"):
        yield from _of_function(function)
    for variables, integration in _integrations(stack):
        yield from _of_integration(variables, integration)


def _integrations(stack: Stack) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """What answers the routes of each API, with the stage's variables, by which its templates name resources."""
    for _, api in stack.of("AWS::Serverless::Api"):
        for operations in api["DefinitionBody"]["paths"].values():
            for operation in operations.values():
                yield api["Variables"], operation["x-amazon-apigateway-integration"]


def _of_integration(variables: dict[str, Any], integration: dict[str, Any]) -> Iterator[Right]:
    """The call that the integration makes, on what its template names."""
    if integration["type"] == "aws":
        service, _, action = integration["uri"].partition(":apigateway:")[2].split(":", 1)[1].partition(":action/")
        named = set(re.findall(r"\$stageVariables\.(stream|statuses)", str(integration["requestTemplates"])))
        for name in named:
            yield Right(_name(integration["credentials"]), f"{service}:{action}", f"<{_name(variables[name])}.Arn>")


def _of_delivery(name: str, properties: dict[str, Any]) -> Iterator[Right]:
    """Source: https://docs.aws.amazon.com/firehose/latest/dev/controlling-access.html"""
    given = properties["ExtendedS3DestinationConfiguration"]
    role = _name(given["RoleARN"])
    for place in (given, given.get("S3BackupConfiguration", given)):
        for prefix in (place.get("Prefix", ""), place.get("ErrorOutputPrefix", "")):
            root = prefix.partition("!{")[0].partition("dt=")[0]
            for action in ("s3:AbortMultipartUpload", "s3:PutObject"):
                yield Right(role, action, f"{place['BucketARN']}/{root}*")
        for action in ("s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"):
            yield Right(role, action, place["BucketARN"])
        logging = place["CloudWatchLoggingOptions"]
        stream = f"{LOGS}:log-group:{logging['LogGroupName']}:log-stream:{logging['LogStreamName']}"
        yield Right(role, "logs:PutLogEvents", stream)
    if conversion := given.get("DataFormatConversionConfiguration"):
        schema = conversion["SchemaConfiguration"]
        database, table = schema["DatabaseName"], schema["TableName"]
        for action in ("glue:GetTable", "glue:GetTableVersion", "glue:GetTableVersions"):
            for what in ("catalog", f"database/{database}", f"table/{database}/{table}"):
                yield Right(role, action, f"{GLUE}:{what}")
    if source := properties.get("KinesisStreamSourceConfiguration"):
        for action in ("DescribeStream", "GetRecords", "GetShardIterator", "ListShards"):
            yield Right(_name(source["RoleARN"]), f"kinesis:{action}", source["KinesisStreamARN"])
    for processor in given.get("ProcessingConfiguration", {}).get("Processors", []):
        found = {one["ParameterName"]: str(one["ParameterValue"]) for one in processor["Parameters"]}
        if processor["Type"] == "Lambda":
            for action in ("lambda:GetFunctionConfiguration", "lambda:InvokeFunction"):
                for version in ("", ":*"):
                    yield Right(_name(found["RoleArn"]), action, found["LambdaArn"] + version)


def _of_mapping(stack: Stack, mapping: dict[str, Any]) -> Iterator[Right]:
    """Sources: https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-create.html,
    https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html
    """
    role = _name(stack.resources[_name(mapping["FunctionName"])]["Role"])
    reads = ("DescribeStream", "DescribeStreamSummary", "GetRecords", "GetShardIterator", "ListShards")
    for action in reads:
        yield Right(role, f"kinesis:{action}", mapping["EventSourceArn"])
    yield Right(role, "kinesis:ListStreams", "*")
    bucket = mapping["DestinationConfig"]["OnFailure"]["Destination"]
    yield Right(role, "s3:PutObject", f"{bucket}/aws/lambda/*")
    yield Right(role, "s3:ListBucket", bucket)


def _of_function(function: dict[str, Any]) -> Iterator[Right]:
    """By what its environment names: the calls of ``consumers.aws``."""
    role = _name(function["Role"])
    group = f"<{_name(function['LoggingConfig']['LogGroup'])}.Arn>"
    for action in ("logs:CreateLogStream", "logs:PutLogEvents"):
        yield Right(role, action, group)
    named = function.get("Environment", {}).get("Variables", {})
    for variable, value in named.items():
        if variable.endswith("_DELIVERY_STREAM"):
            yield Right(role, "firehose:PutRecordBatch", f"<{_name(value)}.Arn>")
        elif variable == "EVENT_BUS_NAME":
            yield Right(role, "events:PutEvents", f"<{_name(value)}.Arn>")
        elif variable == "STATUS_TABLE":
            for action in ("dynamodb:PartiQLInsert", "dynamodb:UpdateItem"):
                yield Right(role, action, f"<{_name(value)}.Arn>")
        elif variable == "WEBHOOK_QUEUE_URL":
            for action in ("sqs:ChangeMessageVisibility", "sqs:SendMessage"):
                yield Right(role, action, f"<{_name(value)}.Arn>")
        elif variable == "WEBHOOK_DEAD_LETTER_QUEUE_URL":
            yield Right(role, "sqs:SendMessage", f"<{_name(value)}.Arn>")
        elif variable == "WEBHOOK_SUBSCRIBERS":
            yield Right(role, "ssm:GetParametersByPath", f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter{value}")
        elif variable == "POLICY":
            for action in ("s3:GetObject", "s3:GetObjectVersion"):
                yield Right(role, action, "<LakeBucket.Arn>/policies/*")
            yield Right(role, "s3:ListBucketVersions", "<LakeBucket.Arn>", POLICIES)


def _name(reference: Any) -> str:
    return str(reference).strip("<>").removesuffix(".Arn")
