"""A policy from wherever it is named: a file, the bundle, S3, standard input."""

import sys
from collections.abc import Callable
from pathlib import Path

from consumers.moderation.moderator import Moderator
from consumers.moderation.policy import Policy, PolicyError
from consumers.moderation.problems import Problem
from consumers.policies import policy_names, read_policy
from glue.aws.address import is_address, parse_object
from glue.aws.clients import make_client
from glue.aws.reaching import reaching
from glue.terminal.errors import CommandError, WrongUseError


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
    policy = Policy.load(read_text(name), files=files_beside(name))
    return policy, Moderator(policy)


def unusable(name: str, error: PolicyError, kind: type[CommandError] = CommandError) -> CommandError:
    """What a command says of a policy that cannot be used: each thing that is wrong, on a line of its own.

    Args:
        name: what the policy is called where the command was given it.
        error: what is wrong.
        kind: which exit code it has.
    """
    first, *more = map(str, error.problems)
    if not more:
        return kind(f"{name}: {first}")
    return kind(f"{name} cannot be used; {len(more) + 1} things are wrong:", details=(first, *more))


def files_beside(name: str) -> Callable[[str], str] | None:
    """What reads the files that a policy names, from where it lies; None for a policy that lies in no folder."""
    if name == "-" or is_address(name) or name in policy_names():
        return None
    folder = Path(name).parent

    def read(file: str) -> str:
        try:
            return (folder / file).read_bytes().decode()
        except UnicodeDecodeError as error:
            raise ValueError(f"{folder / file}: byte {error.start} is not UTF-8") from None
        except OSError as error:
            raise ValueError(f"{folder / file}: {error.strerror}; the path is taken from the policy's folder") from None

    return read


def problems_of(text: str, *, files: Callable[[str], str] | None = None) -> tuple[Problem, ...]:
    """Everything that is wrong with a policy; empty when it can be used.

    Args:
        text: its TOML.
        files: reads the files that it names; None: it may name none, as where it is published.
    """
    try:
        Moderator(Policy.load(text, files=files))
    except PolicyError as error:
        return error.problems
    return ()


def _decoded(name: str, body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise WrongUseError(f"{name}: byte {error.start} is not UTF-8; a policy is TOML in UTF-8") from None
