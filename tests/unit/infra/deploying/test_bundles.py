"""A bundle that is not of these sources is noticed, file by file."""

from pathlib import Path

from consumers import native
from infra import bundle
from infra.deploying.bundles import differing


def test_changed_missing_and_surplus_files_are_named(tmp_path: Path) -> None:
    assert differing(tmp_path / "lambda") is None
    made = tmp_path / "lambda"
    made.mkdir()
    bundle.copy_packages(made)
    assert differing(made) == []
    (made / "glue" / "codec.py").write_text("# older\n", encoding="utf-8")
    (made / "glue" / "contract.py").unlink()
    (made / "consumers" / "gone.py").write_text("", encoding="utf-8")
    assert differing(made) == ["glue/contract.py", "glue/codec.py", "consumers/gone.py"]


def test_a_compiled_library_of_another_source_is_named_and_none_is_no_difference(tmp_path: Path) -> None:
    bundle.copy_packages(tmp_path)
    digest = native.digest(native.sources() or b"").encode()
    for library, found in ((b"another", [bundle.LIBRARY]), (b"... " + digest, [])):
        (tmp_path / bundle.LIBRARY).write_bytes(library)
        assert differing(tmp_path) == found
