"""A certificate for one host and this machine's loopback addresses, and an authority that can sign for nothing else.

The authority's private key is never written: it signs one certificate and is gone. It may sign for that host and for
loopback only, which clients check.

Source: https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.10
"""

import ipaddress
import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct

if TYPE_CHECKING:
    from cryptography import x509

VALID_DAYS: Final = 365
RENEW_DAYS: Final = 14
_LOOPBACK: Final = ("127.0.0.1", "::1")


class Certificate(Struct, frozen=True):
    """Where the parts lie.

    Args:
        authority: what clients have to trust. Its key was thrown away: it can sign nothing more.
        chain: what the server shows: its certificate and the authority's.
        key: the server's private key.
        ends: when it is valid no more.
    """

    authority: Path
    chain: Path
    key: Path
    ends: datetime


def certificate_for(host: str, folder: Path, *, now: datetime) -> Certificate:
    """The certificate in a folder; it is made when there is none, or none that is good for two more weeks.

    Args:
        host: for which.
        folder: where its files lie; made if need be.
        now: with a zone.

    Raises:
        OSError: the folder cannot be written.
    """
    authority, chain, key = folder / "authority.pem", folder / "certificate.pem", folder / "private-key.pem"
    ends = _ends(authority, chain, host, now) if key.is_file() else None
    if ends is None:
        folder.mkdir(parents=True, exist_ok=True)
        ends = now + timedelta(days=VALID_DAYS)
        authority_pem, leaf_pem, secret = _make(host, now, ends)
        _write(key, secret, 0o600)
        _write(chain, leaf_pem + authority_pem, 0o644)
        _write(authority, authority_pem, 0o644)
    return Certificate(authority, chain, key, ends)


def _ends(authority: Path, chain: Path, host: str, now: datetime) -> datetime | None:
    """When the certificate in these files ends; None: it is not one for this host, or not for two more weeks."""
    from cryptography import x509

    try:
        root, leaf = (x509.load_pem_x509_certificate(path.read_bytes()) for path in (authority, chain))
        leaf.verify_directly_issued_by(root)
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except Exception:  # whatever is wrong with it, a new one is made
        return None
    ends = min(root.not_valid_after_utc, leaf.not_valid_after_utc)
    is_good = leaf.not_valid_before_utc <= now and ends > now + timedelta(days=RENEW_DAYS)
    return ends if is_good and host in names.get_values_for_type(x509.DNSName) else None


def _make(host: str, now: datetime, ends: datetime) -> tuple[bytes, bytes, bytes]:
    """The authority, the certificate and its private key, as PEM."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    def named(name: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])

    def begun(subject: str, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(named(subject))
            .issuer_name(named(issuer))
            .public_key(key)
            .serial_number(x509.random_serial_number())
            # Clocks of clients may be late.
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(ends)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        )

    # Named by its moment: two of them in one store of trust are told apart.
    issuer = f"Streamkeeper {host} {now:%Y-%m-%d %H:%M}"[:64]
    hosts = [x509.DNSName(name) for name in dict.fromkeys((host, "localhost"))]
    addresses = [ipaddress.ip_address(address) for address in _LOOPBACK]
    permitted = [*hosts, *(x509.IPAddress(ipaddress.ip_network(address)) for address in addresses)]
    signer, own = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root = (
        begun(issuer, signer.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(x509.NameConstraints(permitted, None), critical=True)
        .sign(signer, hashes.SHA256())
    )
    leaf = (
        begun(host, own.public_key())
        .add_extension(x509.SubjectAlternativeName([*hosts, *map(x509.IPAddress, addresses)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .sign(signer, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    secret = own.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return root.public_bytes(pem), leaf.public_bytes(pem), secret


def _usage(*, signs: bool) -> "x509.KeyUsage":
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=not signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _write(path: Path, content: bytes, mode: int) -> None:
    part = path.with_name(f"{path.name}.part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
    part.replace(path)
