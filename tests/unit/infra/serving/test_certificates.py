"""The certificate of the redirector: for one host, from an authority that can sign for nothing else any more."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509

from infra.serving.certificates import VALID_DAYS, certificate_for

HOST = "scores.example.com"
NOW = datetime(2026, 12, 1, tzinfo=UTC)


def test_the_authority_may_sign_for_the_host_and_loopback_only_and_its_key_is_nowhere(tmp_path: Path) -> None:
    made = certificate_for(HOST, tmp_path / "made", now=NOW)
    authority = x509.load_pem_x509_certificate(made.authority.read_bytes())
    limits = authority.extensions.get_extension_for_class(x509.NameConstraints)
    assert limits.critical
    assert {str(one.value) for one in limits.value.permitted_subtrees or ()} == {HOST, "localhost", "127.0.0.1/32"}
    leaf = x509.load_pem_x509_certificates(made.chain.read_bytes())[0]
    leaf.verify_directly_issued_by(authority)
    assert made.key.stat().st_mode & 0o077 == 0
    assert {one.name for one in (tmp_path / "made").iterdir()} == {made.authority.name, made.chain.name, made.key.name}


def test_a_certificate_is_kept_until_two_weeks_before_its_end_and_made_again_for_another_host(tmp_path: Path) -> None:
    first = certificate_for(HOST, tmp_path, now=NOW)
    authority = first.authority.read_bytes()
    assert certificate_for(HOST, tmp_path, now=NOW + timedelta(days=300)) == first
    assert first.authority.read_bytes() == authority
    later = certificate_for(HOST, tmp_path, now=NOW + timedelta(days=VALID_DAYS - 10))
    assert later.ends > first.ends
    assert first.authority.read_bytes() != authority
    authority = first.authority.read_bytes()
    certificate_for("other.example.com", tmp_path, now=NOW)
    assert first.authority.read_bytes() != authority


def test_what_is_broken_is_made_again(tmp_path: Path) -> None:
    made = certificate_for(HOST, tmp_path, now=NOW)
    made.chain.write_text("-----BEGIN CERTIFICATE-----")
    certificate_for(HOST, tmp_path, now=NOW)
    assert x509.load_pem_x509_certificates(made.chain.read_bytes())
