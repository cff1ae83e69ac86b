"""Tracing: every function or none, and the rights that its daemon sends with."""

from tests.house.template_rules import Stack, listed

TRACE = {
    "Sid": "Trace",
    "Effect": "Allow",
    "Action": ["xray:PutTelemetryRecords", "xray:PutTraceSegments"],
    "Resource": "*",
}


def functions_are_traced_when_asked_for_and_may_send_their_traces(stack: Stack) -> list[str]:
    """Source: https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html"""
    found = []
    for made, mode, wanted in ((stack.keyed, "Active", [TRACE]), (stack, "PassThrough", [])):
        of_functions = set()
        for name, function in made.of("AWS::Serverless::Function"):
            if function.get("Tracing") != mode:
                found.append(f"{name}: Tracing is not {mode}")
            of_functions.add(str(function["Role"]).strip("<>").removesuffix(".Arn"))
        for name, _ in made.of("AWS::IAM::Role"):
            given = [
                one
                for role, one in made.statements()
                if role == name and any(action.startswith("xray:") for action in listed(one["Action"]))
            ]
            if given != (wanted if name in of_functions else []):
                found.append(f"{name}: {given}")
    return found
