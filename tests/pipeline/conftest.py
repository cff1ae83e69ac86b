"""What scenarios on the laptop runtime share. Each file starts a runtime of its own, as its fixture ``twin``."""

import pytest

from infra.local.twin import Twin


@pytest.fixture
def environment(twin: Twin, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a user pastes from `streamkeeper up`."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", twin.endpoint_url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", twin.region)
