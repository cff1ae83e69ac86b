"""The rights of people: what the commands of each role call, and what AWS does for a query with the asker's rights.

``tests/pipeline/test_rights.py`` runs the commands on the laptop runtime and compares their calls with these.
"""

from collections.abc import Iterator, Mapping
from itertools import product

from tests.house.template_rules import Stack, listed

ACCOUNT, REGION = "111122223333", "eu-west-1"
STACK = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/streamkeeper/*"
GLUE = f"arn:aws:glue:{REGION}:{ACCOUNT}"
SUBSCRIBERS = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/streamkeeper/webhooks"
LAKE, RESULTS, LETTERS = "<LakeBucket.Arn>", "<ResultBucket.Arn>", "<DeadLetterBucket.Arn>"

Rights = Mapping[tuple[str, ...], tuple[str, ...]]
"""Actions, and the resources that each of them is needed on."""

# What Athena does with the rights of whoever asks. Sources: https://docs.aws.amazon.com/athena/latest/ug/s3-permissions.html,
# https://docs.aws.amazon.com/athena/latest/ug/fine-grained-access-to-glue-resources.html
ASKING: Rights = {
    (*tuple(f"athena:{one}QueryExecution" for one in ("Get", "Start", "Stop")), "athena:GetQueryResults"): (
        f"arn:aws:athena:{REGION}:{ACCOUNT}:workgroup/<WorkGroup>",
    ),
    ("glue:GetDatabase", "glue:GetTable", "glue:GetTables"): (
        f"{GLUE}:catalog",
        f"{GLUE}:database/<Database>",
        f"{GLUE}:table/<Database>/*",
    ),
    ("s3:GetBucketLocation", "s3:ListBucket"): (LAKE, RESULTS),
    ("s3:ListBucketMultipartUploads",): (RESULTS,),
    ("s3:AbortMultipartUpload", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:PutObject"): (
        f"{RESULTS}/athena-results/*",
    ),
}
PEOPLE: Mapping[str, tuple[str, Rights]] = {
    "ProducerRole": (
        "ProducerPrincipals",
        {
            ("cloudformation:DescribeStacks",): (STACK,),
            ("kinesis:DescribeStreamSummary", "kinesis:PutRecords"): ("<ContentStream.Arn>",),
            ("lambda:ListEventSourceMappings",): ("*",),
            ("firehose:PutRecordBatch",): ("<DeferredDeliveryStream.Arn>",),
        },
    ),
    "AnalystRole": (
        "AnalystPrincipals",
        {
            **ASKING,
            ("cloudformation:DescribeStacks",): (STACK,),
            ("s3:GetObject",): tuple(f"{LAKE}/{one}/*" for one in ("audits", "quarantine", "verdicts")),
        },
    ),
    "OperatorRole": (
        "OperatorPrincipals",
        {
            **ASKING,
            ("cloudformation:DescribeStacks", "cloudformation:ListStackResources"): (STACK,),
            ("cloudwatch:DescribeAlarms",): ("*",),
            tuple(
                f"kinesis:{one}"
                for one in ("DescribeStreamSummary", "GetRecords", "GetShardIterator", "ListShards", "PutRecords")
            ): ("<ContentStream.Arn>",),
            ("lambda:GetEventSourceMapping", "lambda:UpdateEventSourceMapping"): (
                f"arn:aws:lambda:{REGION}:{ACCOUNT}:event-source-mapping:<ModerateMapping>",
            ),
            ("lambda:ListEventSourceMappings",): ("*",),
            ("lambda:GetFunctionConfiguration",): ("<ModerateFunction.Arn>", "<TransformFunction.Arn>"),
            ("lambda:GetAlias",): ("<ModerateFunction.Arn>",),
            ("sqs:GetQueueAttributes",): ("<EnforcementQueue.Arn>",),
            ("ssm:GetParametersByPath",): (SUBSCRIBERS,),
            ("ssm:DeleteParameter", "ssm:PutParameter"): (f"{SUBSCRIBERS}/*",),
            ("sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:ReceiveMessage"): (
                "<WebhookDeadLetterQueue.Arn>",
            ),
            ("sqs:SendMessage",): ("<WebhookQueue.Arn>",),
            ("logs:FilterLogEvents",): ("<ModerateLogGroup.Arn>", "<TransformLogGroup.Arn>"),
            ("s3:GetObject",): (f"{LAKE}/*", f"{LETTERS}/*"),
            ("s3:ListBucket",): (LETTERS,),
            ("s3:PutObject",): tuple(f"{LAKE}/{one}/*" for one in ("audits", "policies", "seals")),
        },
    ),
}


def needed(role: str) -> Iterator[tuple[str, str]]:
    """The actions that a role for people needs, each with a resource."""
    for actions, resources in PEOPLE[role][1].items():
        yield from product(actions, resources)


def people_come_in_by_their_parameter_only(stack: Stack) -> list[str]:
    """A role for people is there only when somebody is named, and trusts whom its parameter names, for this only."""
    found = []
    for name, (parameter, _) in PEOPLE.items():
        raw, role = stack.raw.get(name, {}), stack.resources.get(name, {})
        declared = stack.template["Parameters"].get(parameter, {})
        if declared.get("Type") != "CommaDelimitedList" or declared.get("Default") != "":
            found.append(f"{parameter}: a list that is empty by default")
        if raw.get("Condition") != name.replace("Role", "s").join(("Has", "")):
            found.append(f"{name}: made without anybody named")
        trust = raw.get("Properties", {}).get("AssumeRolePolicyDocument", {}).get("Statement")
        wanted = {"Effect": "Allow", "Principal": {"AWS": {"Ref": parameter}}, "Action": "sts:AssumeRole"}
        if trust != [wanted]:
            found.append(f"{name}: it trusts others than {parameter}")
        found += [f"{name}: {key}" for key in ("ManagedPolicyArns", "PermissionsBoundary") if key in role]
        output = stack.template["Outputs"].get(f"{name}Arn", {})
        if output.get("Value") != {"Fn::GetAtt": [name, "Arn"]} or output.get("Condition") != raw.get("Condition"):
            found.append(f"{name}Arn: an output with its ARN, under its condition")
    return found


def nobody_but_an_operator_reads_what_is_unmasked(stack: Stack) -> list[str]:
    """The archive has every text as it came. Quarantine is read by analysts, whose reports count what is in it."""
    reached = (f"{LAKE}/archive/x", f"{LETTERS}/x", f"{LAKE}/errors/x")
    return [
        f"{role}: {resource}"
        for role, statement in stack.statements()
        if role in ("ProducerRole", "AnalystRole") and "s3:GetObject" in listed(statement["Action"])
        for resource in listed(statement["Resource"])
        if any(one.startswith(str(resource).rstrip("*")) for one in reached)
    ]
