"""Athena through boto3 and awswrangler; an endpoint in the environment leads both to the laptop runtime."""
