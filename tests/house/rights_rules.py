"""Rights, both ways: what each role needs by what it is used for, and what the template grants it."""

import json
import re
from collections.abc import Iterator
from copy import deepcopy
from typing import Any, NamedTuple

from infra.rights.evaluation import Ask, Policies, Principal, decide
from tests.house.people_rules import PEOPLE, needed
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
    needed, granted = set(needed_rights(stack)), set(_granted(stack))
    missing = [f"missing, grant it: {right}" for right in sorted(needed - granted)]
    surplus = sorted(granted - needed)
    return missing + [f"not needed, take it out or say in rights_rules what needs it: {right}" for right in surplus]


def every_statement_allows_and_names_what(stack: Stack) -> list[str]:
    return [
        f"{role}: {statement.get('Sid')}"
        for role, statement in stack.statements()
        if statement.get("Effect") != "Allow" or {"NotAction", "NotResource", "Principal"} & set(statement)
    ]


def roles_are_assumed_by_the_service_that_uses_them(stack: Stack) -> list[str]:
    services = {_name(function["Role"]): "lambda" for _, function in stack.of("AWS::Serverless::Function")}
    services |= {_name(given["RoleARN"]): "firehose" for _, given in stack.deliveries()}
    services |= {_name(given["Role"]): "codedeploy" for _, given in _gated(stack)}
    services |= {_name(one["credentials"]): "apigateway" for _, one in _integrations(stack) if "credentials" in one}
    found = []
    for name, role in stack.of("AWS::IAM::Role"):
        if name in PEOPLE:
            continue
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


def changes_are_read_from_their_index_where_they_are_kept(stack: Stack) -> list[str]:
    table = "<StatusTable.Arn>"
    found = []
    for value, wanted in (("off", {table}), ("on", {table, f"{table}/index/changes"})):
        parameters = deepcopy(stack.template["Parameters"])
        parameters["ContentChanges"]["Default"] = value
        parameters["ContentApiCallers"]["Default"] = "iam"
        role = {"ContentApiRole": stack.raw["ContentApiRole"]}
        made = Stack({**stack.template, "Resources": role, "Parameters": parameters})
        granted = {right for right in _granted(made) if right.action.startswith("dynamodb:")}
        found += every_statement_allows_and_names_what(made)
        needed = {Right("ContentApiRole", "dynamodb:Query", resource) for resource in wanted}
        found += [f"ContentChanges={value}: {right}" for right in sorted(granted ^ needed)]
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


def what_is_needed_is_allowed_as_aws_evaluates_it(stack: Stack) -> list[str]:
    """Every right that is needed, through all policies that have a say: also those that deny."""
    identity: dict[str, list[Any]] = {}
    for role, statement in stack.statements():
        identity.setdefault(role, []).append(statement)
    found = []
    for right in sorted(set(needed_rights(stack))):
        context: dict[str, str] = {"aws:SecureTransport": "true"}
        for keys in json.loads(right.condition or "{}").values():
            context |= {key: str(listed(value)[0]).replace("*", "x") for key, value in keys.items()}
        resource = right.resource.replace("*", "x") if right.resource != "*" else "*"
        policies = Policies([{"Statement": identity.get(right.role, [])}], None, policy_of(stack, resource))
        principal = Principal(arn=f"arn:aws:iam::{ACCOUNT}:role/{right.role}", account=ACCOUNT)
        decision = decide(Ask(principal, right.action, resource, ACCOUNT, context), policies)
        if not decision.allowed:
            found.append(f"{right.role}: {right.action} on {right.resource}: {decision.why}")
    return found


def strangers_come_in_nowhere(stack: Stack) -> list[str]:
    """Another account, its services, and services that have no business here: at each door there is."""
    stranger = Principal(arn="arn:aws:iam::999999999999:role/them", account="999999999999")
    doors: list[tuple[str, str, str, Any]] = [
        (name, "sts:AssumeRole", f"<{name}.Arn>", role["AssumeRolePolicyDocument"])
        for name, role in stack.of("AWS::IAM::Role")
    ]
    for kind, action in (("AWS::S3::BucketPolicy", "s3:GetObject"), ("AWS::SQS::QueuePolicy", "sqs:SendMessage")):
        for name, policy in stack.of(kind):
            for resource in {one for each in policy["PolicyDocument"]["Statement"] for one in listed(each["Resource"])}:
                doors.append((name, action, str(resource), policy["PolicyDocument"]))
    everything = {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    found = []
    for name, action, resource, policy in doors:
        for who, source in (
            (stranger, "999999999999"),
            (Principal(service="lambda.amazonaws.com", account="999999999999"), "999999999999"),
            (Principal(service="firehose.amazonaws.com", account="999999999999"), "999999999999"),
            (Principal(service="events.amazonaws.com", account="999999999999"), "999999999999"),
            (Principal(service="ec2.amazonaws.com", account=ACCOUNT), ACCOUNT),
        ):
            context = {
                "aws:SourceAccount": source,
                "aws:SourceArn": f"arn:aws:events:{REGION}:{source}:rule/theirs",
                "aws:SecureTransport": "true",
            }
            if decide(Ask(who, action, resource, ACCOUNT, context), Policies([everything], None, policy)).allowed:
                found.append(f"{name}: {action} by {who.arn or who.service} of {who.account}")
    return found


def rules_may_send_to_their_queues(stack: Stack) -> list[str]:
    """Each rule to its targets and their dead letters, as EventBridge calls: with the rule as the source."""
    found = []
    events = Principal(service="events.amazonaws.com", account=ACCOUNT)
    for name, rule in stack.of("AWS::Events::Rule"):
        context = {"aws:SourceArn": f"<{name}.Arn>", "aws:SourceAccount": ACCOUNT, "aws:SecureTransport": "true"}
        for target in rule["Targets"]:
            for queue in (target["Arn"], target.get("DeadLetterConfig", {}).get("Arn", target["Arn"])):
                if _name(queue) not in {queue for queue, _ in stack.of("AWS::SQS::Queue")}:
                    continue
                ask = Ask(events, "sqs:SendMessage", queue, ACCOUNT, context)
                if not decide(ask, Policies(resource=policy_of(stack, queue))).allowed:
                    found.append(f"{name}: {queue} does not let it in")
    return found


def calls_without_tls_are_denied(stack: Stack) -> list[str]:
    """At every bucket and queue, to everybody."""
    everything = {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    ours = Principal(arn=f"arn:aws:iam::{ACCOUNT}:role/any", account=ACCOUNT)
    found = []
    asks = [(f"<{name}.Arn>/x", "s3:GetObject") for name, _ in stack.of("AWS::S3::Bucket")]
    asks += [(f"<{name}.Arn>", "s3:ListBucket") for name, _ in stack.of("AWS::S3::Bucket")]
    asks += [(f"<{name}.Arn>", "sqs:ReceiveMessage") for name, _ in stack.of("AWS::SQS::Queue")]
    for resource, action in asks:
        policies = Policies([everything], None, policy_of(stack, resource))
        if decide(Ask(ours, action, resource, ACCOUNT, {"aws:SecureTransport": "false"}), policies).allowed:
            found.append(f"{resource}: {action} without TLS")
    return found


def policy_of(stack: Stack, resource: str) -> Any:
    """The policy of the bucket or queue that a resource is, or lies in; None when it has none."""
    owner = resource.partition(">")[0] + ">"
    for _, policy in stack.of("AWS::S3::BucketPolicy"):
        if policy["Bucket"] == owner.replace(".Arn", ""):
            return policy["PolicyDocument"]
    for _, policy in stack.of("AWS::SQS::QueuePolicy"):
        if owner.replace(".Arn", "") in policy["Queues"]:
            return policy["PolicyDocument"]
    return None


def _granted(stack: Stack) -> Iterator[Right]:
    for role, statement in stack.statements():
        condition = json.dumps(statement["Condition"], sort_keys=True) if "Condition" in statement else ""
        for action in listed(statement["Action"]):
            for resource in listed(statement["Resource"]):
                yield Right(role, action, str(resource), condition)


def needed_rights(made: Stack) -> Iterator[Right]:
    for name, properties in made.of("AWS::KinesisFirehose::DeliveryStream"):
        yield from _of_delivery(name, properties)
    for _, mapping in made.mappings():
        yield from _of_mapping(made, mapping)
    for _, mapping in made.queue_mappings():
        # Source: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
        role = _name(made.resources[_name(mapping["FunctionName"])]["Role"])
        for action in ("DeleteMessage", "GetQueueAttributes", "ReceiveMessage"):
            yield Right(role, f"sqs:{action}", mapping["EventSourceArn"])
    for _, function in made.of("AWS::Serverless::Function"):
        yield from _of_function(function)
    for name, preference in _gated(made):
        yield from _of_deployments(made, name, preference)
    for variables, integration in _integrations(made):
        yield from _of_integration(variables, integration)
    for name in PEOPLE:
        for action, resource in needed(name):
            yield Right(name, action, resource)


def _integrations(stack: Stack) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """What answers the routes of each API, with the stage's variables, by which its templates name resources."""
    for _, api in stack.of("AWS::Serverless::Api"):
        for operations in api["DefinitionBody"]["paths"].values():
            for operation in operations.values():
                yield api["Variables"], operation["x-amazon-apigateway-integration"]


def _gated(stack: Stack) -> Iterator[tuple[str, dict[str, Any]]]:
    """Functions that are deployed by CodeDeploy, each with its preference."""
    for name, function in stack.of("AWS::Serverless::Function"):
        if "DeploymentPreference" in function:
            yield name, function["DeploymentPreference"]


def _of_deployments(stack: Stack, name: str, preference: dict[str, Any]) -> Iterator[Right]:
    """Of CodeDeploy, and of its hook, which calls versions only.

    Source: https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSCodeDeployRoleForLambdaLimited.html
    """
    role, hook = _name(preference["Role"]), _name(preference["Hooks"]["PreTraffic"])
    for action in ("lambda:GetAlias", "lambda:UpdateAlias"):
        yield Right(role, action, f"<{name}.Arn>")
    named = stack.resources[hook]["FunctionName"]
    yield Right(role, "lambda:InvokeFunction", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{named}")
    yield Right(role, "cloudwatch:DescribeAlarms", "*")
    own = _name(stack.resources[hook]["Role"])
    yield Right(own, "lambda:GetAlias", f"<{name}.Arn>")
    yield Right(own, "lambda:InvokeFunction", f"<{name}.Arn>:*")
    group = f"arn:aws:codedeploy:{REGION}:{ACCOUNT}:deploymentgroup:<ServerlessDeploymentApplication>/*"
    yield Right(own, "codedeploy:PutLifecycleEventHookExecutionStatus", group)


def _of_integration(variables: dict[str, Any], integration: dict[str, Any]) -> Iterator[Right]:
    """The call that the integration makes, on what its template names."""
    if integration["type"] == "aws":
        service, _, action = integration["uri"].partition(":apigateway:")[2].split(":", 1)[1].partition(":action/")
        asked = str(integration["requestTemplates"])
        index = re.search(r'"IndexName": "(\w+)"', asked)
        for name in set(re.findall(r"\$stageVariables\.(stream|statuses)", asked)):
            where = f"<{_name(variables[name])}.Arn>" + (f"/index/{index[1]}" if index else "")
            yield Right(_name(integration["credentials"]), f"{service}:{action}", where)


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
        elif variable == "ARCHIVE_BUCKET":
            yield Right(role, "s3:PutObject", f"<{_name(value)}.Arn>/archive/*")
        elif variable == "EVENT_BUS_NAME":
            yield Right(role, "events:PutEvents", f"<{_name(value)}.Arn>")
        elif variable == "STATUS_TABLE":
            for action in ("dynamodb:PartiQLInsert", "dynamodb:UpdateItem"):
                yield Right(role, action, f"<{_name(value)}.Arn>")
        elif variable == "STATUS_TO_READ":
            yield Right(role, "dynamodb:GetItem", f"<{_name(value)}.Arn>")
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
