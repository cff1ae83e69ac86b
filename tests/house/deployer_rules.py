"""The role of those who deploy: what the commands call, SAM with them, on the stack that it is for.

``make test-clients CLIENTS=sam`` runs them under enforced rights, with this role and no other.
"""

from tests.house.people_rules import Rights
from tests.house.template_rules import ACCOUNT, Stack, listed

REGION = "eu-west-1"
CLOUDFORMATION = f"arn:aws:cloudformation:{REGION}"
SAM = "aws-sam-cli-managed-default"
LETTERS, LAKE, RESULTS = (f"arn:aws:s3:::streamkeeper-{name}bucket-*" for name in ("deadletter", "lake", "result"))
WORKS_WITH = f"arn:aws:iam::{ACCOUNT}:role/cloudformation"
# Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-iam-servicerole.html,
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-macros-author.html,
# https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-cli-command-reference-sam-deploy.html
NEEDED: Rights = {
    tuple(
        f"cloudformation:{one}"
        for one in (
            *("CreateChangeSet", "DeleteChangeSet", "DeleteStack", "DescribeChangeSet", "DescribeStackEvents"),
            *("DescribeStacks", "ExecuteChangeSet", "GetTemplateSummary", "ListStackResources"),
        )
    ): (f"{CLOUDFORMATION}:{ACCOUNT}:stack/streamkeeper/*",),
    ("cloudformation:CreateChangeSet",): (f"{CLOUDFORMATION}:aws:transform/Serverless-2016-10-31",),
    ("cloudformation:DescribeStacks",): (f"{CLOUDFORMATION}:{ACCOUNT}:stack/{SAM}/*",),
    ("iam:PassRole",): (WORKS_WITH,),
    ("s3:GetObject", "s3:PutObject"): (f"arn:aws:s3:::{SAM}-samclisourcebucket-*/*",),
    ("cloudwatch:DescribeAlarms", "kinesis:DescribeLimits", "lambda:GetAccountSettings", "tag:GetResources"): ("*",),
    ("kms:DescribeKey",): (f"arn:aws:kms:{REGION}:{ACCOUNT}:key/*",),
    ("kinesis:DescribeStreamSummary",): (f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/streamkeeper-ContentStream-*",),
    ("lambda:GetAlias",): (f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:streamkeeper-moderate",),
    ("lambda:GetEventSourceMapping",): (f"arn:aws:lambda:{REGION}:{ACCOUNT}:event-source-mapping:*",),
    ("sqs:GetQueueAttributes",): (f"arn:aws:sqs:{REGION}:{ACCOUNT}:streamkeeper-EnforcementQueue-*",),
    ("s3:ListBucket",): (LETTERS,),
    ("s3:DeleteBucket",): (LAKE, LETTERS, RESULTS),
}
CONDITIONS = {"iam:PassRole": {"StringEquals": {"iam:PassedToService": "cloudformation.amazonaws.com"}}}


def deployers_may_do_what_the_commands_do(stack: Stack) -> list[str]:
    """Needed is granted, both ways, with the conditions, for those who are named, and without another policy."""
    granted = {
        (action, str(resource), str(one.get("Condition")))
        for _, one in stack.statements()
        if one["Effect"] == "Allow" and not {"NotAction", "NotResource"} & set(one)
        for action in listed(one["Action"])
        for resource in listed(one["Resource"])
    }
    needed = {
        (action, resource, str(CONDITIONS.get(action)))
        for actions, resources in NEEDED.items()
        for action in actions
        for resource in resources
    }
    found = [f"missing: {one}" for one in sorted(needed - granted)]
    found += [f"not needed: {one}" for one in sorted(granted - needed)]
    found += [f"{one.get('Sid')}: it denies" for _, one in stack.statements() if one["Effect"] != "Allow"]
    for name, role in stack.of("AWS::IAM::Role"):
        trust = {"Effect": "Allow", "Principal": {"AWS": [ACCOUNT]}, "Action": "sts:AssumeRole"}
        if role["AssumeRolePolicyDocument"]["Statement"] != [trust]:
            found.append(f"{name}: it trusts others than DeployerPrincipals")
        found += [f"{name}: {key}" for key in ("ManagedPolicyArns", "PermissionsBoundary") if key in role]
    return found
