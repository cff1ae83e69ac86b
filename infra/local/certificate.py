"""A certificate for the loopback interface, and the authority that signed it and nothing else."""

import datetime
import ipaddress
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from cryptography import x509

_DAYS: Final = 397
_LEAST_DAYS: Final = 30
_NAMES: Final = ("localhost",)
_ADDRESSES: Final = ("127.0.0.1", "::1")


class Certificate(msgspec.Struct, frozen=True):
    """Where its parts lie.

    Args:
        authority: what clients are told to trust. Its key was thrown away: it can sign nothing more.
        chain: what the server shows.
        key: the server's own secret.
    """

    authority: Path
    chain: Path
    key: Path


def certificate(folder: Path, now: float) -> Certificate:
    """The certificate in a folder; it is made when there is none, or none that is good for another month.

    Args:
        folder: made if need be.
        now: seconds since 1970.

    Raises:
        OSError: the folder cannot be written.
    """
    found = Certificate(authority=folder / "ca.pem", chain=folder / "server.pem", key=folder / "server-key.pem")
    time = datetime.datetime.fromtimestamp(now, datetime.UTC)
    if not _is_good(found, time):
        folder.mkdir(parents=True, exist_ok=True)
        authority, chain, key = _make(time)
        _write(found.key, key, 0o600)
        _write(found.chain, chain, 0o644)
        _write(found.authority, authority, 0o644)
    return found


def _is_good(found: Certificate, now: datetime.datetime) -> bool:
    from cryptography import x509

    try:
        if not found.key.is_file():
            return False
        both = [x509.load_pem_x509_certificate(path.read_bytes()) for path in (found.authority, found.chain)]
        both[1].verify_directly_issued_by(both[0])
    except Exception:  # whatever is wrong with it, a new one is made
        return False
    least = now + datetime.timedelta(days=_LEAST_DAYS)
    return all(one.not_valid_before_utc <= now and one.not_valid_after_utc >= least for one in both)


def _make(now: datetime.datetime) -> tuple[bytes, bytes, bytes]:
    """Authority, server certificate and its key, as PEM."""
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
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=_DAYS))
        )

    # Named by its day: two of them in one store of trust are told apart.
    issuer = f"Streamkeeper laptop runtime {now:%Y-%m-%d %H:%M}"
    signer, own = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    identifier = x509.SubjectKeyIdentifier.from_public_key(signer.public_key())
    authority = (
        begun(issuer, signer.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(identifier, critical=False)
        .sign(signer, hashes.SHA256())
    )
    names = [x509.DNSName(name) for name in _NAMES]
    addresses = [x509.IPAddress(ipaddress.ip_address(address)) for address in _ADDRESSES]
    server = (
        begun("localhost", own.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([*names, *addresses]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
        .sign(signer, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    secret = own.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return authority.public_bytes(pem), server.public_bytes(pem), secret


def _usage(*, signs: bool) -> "x509.KeyUsage":
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=not signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


def _write(path: Path, content: bytes, mode: int) -> None:
    part = path.with_name(f"{path.name}.part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
    part.replace(path)
