"""Sessions of a process that read the SDK's description of a service once, and not once each.

Most of what making a client takes is reading such files: half a second for the larger ones.
"""

from functools import cache

from botocore.loaders import Loader, create_loader
from botocore.session import Session


class _SharedLoader(Loader):  # type: ignore[misc]  # botocore has no types
    @property
    def search_paths(self) -> list[str]:
        """A copy: boto3 adds its own folder for each session, in which there is nothing that a client needs."""
        return list(super().search_paths)


def core_session(profile: str | None = None) -> Session:
    """A botocore session; boto3 takes it as ``botocore_session``.

    Args:
        profile: of the AWS configuration files; None: the one that the environment names.

    Raises:
        ProfileNotFound: there is no such profile.
    """
    session = Session(profile=profile)
    session.register_component("data_loader", _loader(session.get_config_variable("data_path")))
    return session


@cache
def _loader(data_path: str | None) -> Loader:
    # As botocore makes its own, which reads the folders that the environment names.
    return _SharedLoader(extra_search_paths=create_loader(data_path).search_paths, include_default_search_paths=False)
