"""The edge to AWS: the only part of the producers that knows boto3."""
