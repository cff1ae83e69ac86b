"""The certificate of the loopback interface: made once, kept while it is good, secret where it must be."""

import stat
from pathlib import Path

from cryptography import x509

from infra.local.certificate import certificate

NOW = 1_796_000_000.0
DAY = 86_400


def test_it_is_kept_until_a_month_before_its_end(tmp_path: Path) -> None:
    first = certificate(tmp_path / "tls", NOW).chain.read_bytes()
    assert certificate(tmp_path / "tls", NOW + 300 * DAY).chain.read_bytes() == first
    assert certificate(tmp_path / "tls", NOW + 380 * DAY).chain.read_bytes() != first


def test_a_damaged_or_foreign_one_is_made_anew(tmp_path: Path) -> None:
    made = certificate(tmp_path, NOW)
    other = certificate(tmp_path / "other", NOW)
    for spoil in (made.key.unlink, lambda: made.chain.write_bytes(b"x"), lambda: other.chain.replace(made.chain)):
        spoil()
        again = certificate(tmp_path, NOW)
        authority, server = (x509.load_pem_x509_certificate(p.read_bytes()) for p in (again.authority, again.chain))
        server.verify_directly_issued_by(authority)
        assert again.key.is_file()


def test_the_key_is_for_its_owner_only_and_the_authoritys_is_nowhere(tmp_path: Path) -> None:
    made = certificate(tmp_path, NOW)
    assert stat.S_IMODE(made.key.stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ca.pem", "server-key.pem", "server.pem"]
    assert b"PRIVATE" not in made.authority.read_bytes() + made.chain.read_bytes()
