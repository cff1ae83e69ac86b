"""What the runtime is when nothing else is said; light to import."""

from pathlib import Path

ACCOUNT_ID = "000000000000"
REGION = "us-east-1"
STACK_NAME = "streamkeeper"
TEMPLATE = Path(__file__).parents[1] / "aws" / "template.yaml"
KEY_TEMPLATE = TEMPLATE.with_name("key.yaml")
