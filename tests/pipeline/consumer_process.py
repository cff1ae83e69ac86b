"""The real consumer in a process of its own, so that a test can kill it: one event on standard input, one answer out.

Its environment is the function's, as Lambda gives it.
"""

import json
import sys
from dataclasses import dataclass


@dataclass(frozen=True)
class Context:
    aws_request_id: str = "request-1"
    function_name: str = "moderate"
    memory_limit_in_mb: str = "1024"
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:000000000000:function:moderate"

    def get_remaining_time_in_millis(self) -> int:
        return 30_000


def main() -> None:
    from consumers.aws.moderate_handler import handle

    out = sys.stdout
    # The handler's own metrics go elsewhere: this stream carries the answer alone.
    sys.stdout = sys.stderr
    print("ready", file=out, flush=True)
    for line in sys.stdin:
        print(json.dumps(handle(json.loads(line), Context())), file=out, flush=True)


if __name__ == "__main__":
    main()
