"""What reads a stream, and whether it can read aggregates: asked of Lambda before the first one is sent."""

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from glue.aws.clients import FIRST_CONTACT, make_client


def aggregate_troubles(stream: str) -> list[str]:
    """Why aggregates would not be read as they should, one line each; empty when nothing is known against them.

    A mapping with a parallelization factor above 1 spreads a shard by the outer key alone, and a filter sees the
    aggregate's bytes and not the events. Who may not ask (lambda:ListEventSourceMappings) gets no lines.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html and with-kinesis-filtering.html
    """
    try:
        summary = make_client("kinesis", attempts=FIRST_CONTACT).describe_stream_summary(StreamName=stream)
        arn = summary["StreamDescriptionSummary"]["StreamARN"]
        pages = make_client("lambda", attempts=FIRST_CONTACT).get_paginator("list_event_source_mappings")
        mappings = [one for page in pages.paginate(EventSourceArn=arn) for one in page["EventSourceMappings"]]
    except (BotoCoreError, ClientError):
        # What is wrong with stream or credentials, the first put says better.
        return []
    return troubles_of(mappings)


def troubles_of(mappings: list[dict[str, Any]]) -> list[str]:
    """The same for mappings as Lambda lists them.

    >>> troubles_of([{"FunctionArn": "arn:aws:lambda:us-east-1:000000000000:function:moderate"}])
    []
    >>> troubles_of([{"FunctionArn": "arn:aws:lambda:us-east-1:000000000000:function:f", "ParallelizationFactor": 2}])
    ['function f reads the stream with ParallelizationFactor 2; allowed with aggregates: 1']
    """
    troubles = []
    for mapping in mappings:
        name = str(mapping.get("FunctionArn", "?")).rpartition(":function:")[2]
        factor = mapping.get("ParallelizationFactor", 1)
        if factor > 1:
            troubles.append(
                f"function {name} reads the stream with ParallelizationFactor {factor}; allowed with aggregates: 1"
            )
        if (mapping.get("FilterCriteria") or {}).get("Filters"):
            troubles.append(f"function {name} reads the stream through a filter; allowed with aggregates: none")
    return troubles
