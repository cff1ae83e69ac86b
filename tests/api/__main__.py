"""``python -m tests.api`` has schemathesis ask the content API on the laptop runtime what its document allows and more.

It ends as schemathesis does: 0 when each answer is one that the document knows.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from infra.local.twin import Twin

DOCUMENT = Path(__file__).parents[2] / "docs" / "content-api.openapi.json"
CONFIG = Path(__file__).with_name("schemathesis.toml")


def main() -> int:
    """The exit code of schemathesis."""
    parser = argparse.ArgumentParser(prog="python -m tests.api", description=__doc__)
    parser.add_argument("--examples", type=int, default=200, help="of each route")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    given = {
        "ContentApiCallers": "api-key",
        "ContentRequestsPerSecond": 10_000,
        "StatusOf": "all",
        "ContentChanges": "on",
    }
    with Twin(parameters=given) as twin:
        gateway = twin.client("apigateway")
        key = gateway.create_api_key(name="tests", enabled=True)
        plan = twin.outputs["ContentApiPlanId"]
        gateway.create_usage_plan_key(usagePlanId=plan, keyId=key["id"], keyType="API_KEY")
        command = [
            *(str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(CONFIG), "run", str(DOCUMENT)),
            *("--url", twin.outputs["ContentApiUrl"], "-H", f"x-api-key: {key['value']}"),
            *("--max-examples", str(options.examples), "--seed", str(options.seed)),
            *("--phases", "examples,coverage,fuzzing", "--checks", "all", "--exclude-checks", "ignored_auth"),
            # It waits for up to 25 seconds, as it is asked to: an hour for 200 examples.
            *("--exclude-operation-id", "decision"),
        ]
        return subprocess.run(command, check=False, timeout=1_200).returncode


if __name__ == "__main__":
    sys.exit(main())
