"""The random parts of objects' keys, from the machine's randomness."""

import secrets
import uuid

from infra.local.firehose.prefix import random_string


class SystemNames:
    """Random parts of keys from the machine's randomness."""

    def unique(self) -> str:
        """A new UUID's text."""
        return str(uuid.uuid4())

    def random(self) -> str:
        """11 random letters and digits."""
        return random_string(secrets.randbelow)
