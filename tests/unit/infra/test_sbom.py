import hashlib
import json
from pathlib import Path

import pytest

from infra.bundle import copy_packages, needed_on_lambda, parts_list
from infra.sbom import sbom


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A bundle of two libraries, one of which needs the other on Lambda's Python and a third elsewhere."""
    for name, more in {
        "Some_Lib-1.5": "License-Expression: BSD-2-Clause\n"
        "Requires-Dist: other\nRequires-Dist: more; os_name == 'nt'\n",
        "other-2.0": "License: MIT\n",
        "ours-0.1": "",
    }.items():
        info = tmp_path / f"{name}.dist-info"
        info.mkdir()
        name, version = name.rsplit("-", 1)
        (info / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\n{more}")
    (tmp_path / "weights.bin").write_bytes(b"weights")
    return tmp_path


def test_every_distribution_is_a_component_with_its_licence(made: Path) -> None:
    document = json.loads(sbom(made, project="ours", needs=needed_on_lambda))
    assert document["metadata"]["component"]["purl"] == "pkg:pypi/ours@0.1"
    assert {one["purl"]: one["licenses"] for one in document["components"]} == {
        "pkg:pypi/some-lib@1.5": [{"expression": "BSD-2-Clause"}],
        "pkg:pypi/other@2.0": [{"license": {"name": "MIT"}}],
    }


def test_it_says_what_needs_what_where_the_bundle_runs(made: Path) -> None:
    document = json.loads(sbom(made, project="ours", needs=needed_on_lambda, artefacts=["weights.bin"]))
    assert {one["ref"]: one["dependsOn"] for one in document["dependencies"]} == {
        "pkg:pypi/ours@0.1": ["pkg:pypi/other@2.0", "pkg:pypi/some-lib@1.5", "weights.bin"],
        "pkg:pypi/some-lib@1.5": ["pkg:pypi/other@2.0"],
        "pkg:pypi/other@2.0": [],
    }


def test_weights_are_a_component_with_their_digest(made: Path) -> None:
    document = json.loads(sbom(made, project="ours", needs=needed_on_lambda, artefacts=["weights.bin"]))
    [weights] = [one for one in document["components"] if one["name"] == "weights.bin"]
    assert weights["type"] == "machine-learning-model"
    assert weights["hashes"][0]["content"] == hashlib.sha256(b"weights").hexdigest()
    (made / "weights.bin").write_bytes(b"others")
    assert sbom(made, project="ours", needs=needed_on_lambda, artefacts=["weights.bin"]) != json.dumps(document)


def test_the_same_bundle_gives_the_same_bytes(tmp_path: Path) -> None:
    copy_packages(tmp_path)
    assert parts_list(tmp_path) == parts_list(tmp_path)
    assert "consumers/models/default.bin" in parts_list(tmp_path)
