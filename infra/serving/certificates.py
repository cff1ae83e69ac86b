"""A certificate for a host that clients have written into them, and an authority that can sign for nothing else.

The authority's private key is never written: it signs one certificate and is gone. It may sign for that host and for
this machine's loopback addresses only, which clients check.

Source: https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.10
"""

import ipaddress
import os
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from msgspec import Struct

VALID_DAYS = 365
RENEW_DAYS = 14
_LOOPBACK = ipaddress.ip_address("127.0.0.1")
_NAME = "Streamkeeper redirect for {host}"


class Certificate(Struct, frozen=True):
    """Where the parts lie.

    Args:
        authority: what clients have to trust.
        chain: the certificate and the authority's.
        key: the certificate's private key.
        ends: when it is valid no more.
    """

    authority: Path
    chain: Path
    key: Path
    ends: datetime


def certificate_for(host: str, folder: Path, *, now: datetime) -> Certificate:
    """The certificate in a folder; made where there is none that is valid for two more weeks.

    Args:
        host: for which.
        folder: where its files lie.
        now: with a zone.

    Raises:
        OSError: the folder cannot be written.
    """
    authority, chain, key = folder / "authority.pem", folder / "certificate.pem", folder / "private-key.pem"
    if (ends := _ends(chain, host)) is not None and ends > now + timedelta(days=RENEW_DAYS) and key.is_file():
        return Certificate(authority, chain, key, ends)
    folder.mkdir(parents=True, exist_ok=True)
    ends = now + timedelta(days=VALID_DAYS)
    signer, leaf_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root = _authority(host, signer, now, ends)
    leaf = _leaf(host, leaf_key, root, signer, now, ends)
    secret = leaf_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with open(os.open(key, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "wb") as file:
        file.write(secret)
    root_pem = root.public_bytes(serialization.Encoding.PEM)
    authority.write_bytes(root_pem)
    chain.write_bytes(leaf.public_bytes(serialization.Encoding.PEM) + root_pem)
    return Certificate(authority, chain, key, ends)


def _ends(chain: Path, host: str) -> datetime | None:
    try:
        leaf = x509.load_pem_x509_certificate(chain.read_bytes())
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, x509.ExtensionNotFound):
        return None
    return leaf.not_valid_after_utc if host in names.get_values_for_type(x509.DNSName) else None


def _names(host: str) -> list[x509.GeneralName]:
    return [x509.DNSName(host), x509.DNSName("localhost"), x509.IPAddress(_LOOPBACK)]


def _authority(host: str, key: ec.EllipticCurvePrivateKey, now: datetime, ends: datetime) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _NAME.format(host=host))])
    permitted = [
        x509.DNSName(host),
        x509.DNSName("localhost"),
        x509.IPAddress(ipaddress.ip_network(f"{_LOOPBACK}/32")),
    ]
    usage = x509.KeyUsage(False, False, False, False, False, True, False, False, False)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.NameConstraints(permitted, None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _leaf(
    host: str,
    key: ec.EllipticCurvePrivateKey,
    root: x509.Certificate,
    signer: ec.EllipticCurvePrivateKey,
    now: datetime,
    ends: datetime,
) -> x509.Certificate:
    usage = x509.KeyUsage(True, False, False, False, False, False, False, False, False)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)]))
        .issuer_name(root.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(ends)
        .add_extension(x509.SubjectAlternativeName(_names(host)), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .sign(signer, hashes.SHA256())
    )
