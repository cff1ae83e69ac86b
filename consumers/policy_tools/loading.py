"""A policy from wherever it is named: a file, the bundle, S3, standard input."""

import sys
from pathlib import Path

from consumers.moderation.moderator import Moderator
from consumers.moderation.policy import Policy, PolicyError
from consumers.moderation.problems import Problem
from consumers.policies import policy_names, read_policy
from glue.aws.address import is_address, parse_object
from glue.aws.clients import make_client
from glue.aws.reaching import reaching
from glue.terminal.errors import WrongUseError


def read_text(name: str) -> str:
    """The text of the policy that a name stands for.

    Args:
        name: a path, ``s3://BUCKET/KEY``, ``-`` for standard input, or the name of a policy in the bundle.

    Raises:
        WrongUseError: there is no such thing; it says what there is.
        glue.terminal.errors.UnreachableError: S3 did not give it.
    """
    if name == "-":
        given: str = sys.stdin.read()
        return given
    if is_address(name):
        try:
            bucket, key = parse_object(name)
        except ValueError as error:
            raise WrongUseError(str(error)) from error
        with reaching(name):
            body: bytes = make_client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
        return _decoded(name, body)
    if name in policy_names():
        return read_policy(name)
    path = Path(name)
    if not path.is_file():
        raise WrongUseError(f"{name}: no such file, and no policy of the bundle; there are {', '.join(policy_names())}")
    return _decoded(name, path.read_bytes())


def load(name: str) -> tuple[Policy, Moderator]:
    """The policy that a name stands for, and ready to judge.

    Raises:
        PolicyError: it cannot be used.
        WrongUseError: there is no such thing.
    """
    policy = Policy.load(read_text(name))
    return policy, Moderator(policy)


def problems_of(text: str) -> tuple[Problem, ...]:
    """Everything that is wrong with a policy; empty when it can be used."""
    try:
        Moderator(Policy.load(text))
    except PolicyError as error:
        return error.problems
    return ()


def _decoded(name: str, body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise WrongUseError(f"{name}: byte {error.start} is not UTF-8; a policy is TOML in UTF-8") from None
