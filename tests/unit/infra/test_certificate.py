"""A certificate for one host and loopback: made once, kept while it is good, secret where it must be."""

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from infra.certificate import RENEW_DAYS, VALID_DAYS, certificate_for

HOST = "scores.example.com"
NOW = datetime(2026, 12, 1, tzinfo=UTC)


@pytest.mark.parametrize("host", [HOST, "localhost"])
def test_the_authority_may_sign_for_the_host_and_loopback_only(tmp_path: Path, host: str) -> None:
    made = certificate_for(host, tmp_path, now=NOW)
    authority = x509.load_pem_x509_certificate(made.authority.read_bytes())
    limits = authority.extensions.get_extension_for_class(x509.NameConstraints)
    assert limits.critical
    permitted = [str(one.value) for one in limits.value.permitted_subtrees or ()]
    assert sorted(permitted) == sorted({host, "localhost", "127.0.0.1/32", "::1/128"})
    leaf, root = x509.load_pem_x509_certificates(made.chain.read_bytes())
    leaf.verify_directly_issued_by(authority)
    assert root == authority
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert sorted(str(one.value) for one in names) == sorted({host, "localhost", "127.0.0.1", "::1"})


def test_the_key_is_for_its_owner_only_and_the_authoritys_is_nowhere(tmp_path: Path) -> None:
    made = certificate_for(HOST, tmp_path / "made", now=NOW)
    assert stat.S_IMODE(made.key.stat().st_mode) == 0o600
    assert {one.name for one in (tmp_path / "made").iterdir()} == {made.authority.name, made.chain.name, made.key.name}
    assert b"PRIVATE" not in made.authority.read_bytes() + made.chain.read_bytes()


def test_it_is_kept_until_two_weeks_before_its_end(tmp_path: Path) -> None:
    first = certificate_for(HOST, tmp_path, now=NOW)
    chain = first.chain.read_bytes()
    assert certificate_for(HOST, tmp_path, now=NOW + timedelta(days=VALID_DAYS - RENEW_DAYS - 1)) == first
    assert first.chain.read_bytes() == chain
    later = certificate_for(HOST, tmp_path, now=NOW + timedelta(days=VALID_DAYS - RENEW_DAYS + 1))
    assert later.ends > first.ends
    assert first.chain.read_bytes() != chain


def test_a_damaged_or_foreign_one_is_made_anew(tmp_path: Path) -> None:
    made = certificate_for(HOST, tmp_path, now=NOW)
    foreign = certificate_for(HOST, tmp_path / "foreign", now=NOW)
    of_another_host = certificate_for("other.example.com", tmp_path / "other", now=NOW)

    def put(other_chain: Path, other_authority: Path | None = None) -> None:
        other_chain.replace(made.chain)
        if other_authority is not None:
            other_authority.replace(made.authority)

    for spoil in (
        made.key.unlink,
        lambda: made.chain.write_text("-----BEGIN CERTIFICATE-----"),
        lambda: made.authority.write_bytes(b"x"),
        lambda: put(foreign.chain),
        lambda: put(of_another_host.chain, of_another_host.authority),
    ):
        spoil()
        again = certificate_for(HOST, tmp_path, now=NOW)
        authority, leaf = (x509.load_pem_x509_certificate(path.read_bytes()) for path in (again.authority, again.chain))
        leaf.verify_directly_issued_by(authority)
        assert HOST in leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(
            x509.DNSName
        )
        assert again.key.is_file()
