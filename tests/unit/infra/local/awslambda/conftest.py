"""The rig of tests of Lambda's API, with a function that answers, one that fails and one that keeps a file."""

import pytest

from tests.fakes.lambda_rig import Rig


@pytest.fixture
def rig(tmp_path, monkeypatch):
    (tmp_path / "sample_lambda.py").write_text(
        "import pathlib\n"
        "def handle(event, context):\n    return {'got': event}\n"
        "def fail(event, context):\n    raise ValueError('no')\n"
        f"def keep(event, context):\n    with open({str(tmp_path / 'kept')!r}, 'a') as file:\n"
        "        file.write('x' * len(event.get('Records', [1])))\n"
        "def keep_and_wait(event, context):\n    keep(event, context)\n    import threading\n"
        "    threading.Event().wait()\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    rig = Rig()
    rig.kept = tmp_path / "kept"
    rig.function()
    yield rig
    rig.api.close()
