"""An authority of a test's own, and a server's certificate from it."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

NOT_USED = (
    "content_commitment",
    "data_encipherment",
    "key_agreement",
    "encipher_only",
    "decipher_only",
)


def rsa_key() -> rsa.RSAPrivateKey:
    """A new key."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem(key: rsa.RSAPrivateKey) -> str:
    """A private key as GitHub hands it out."""
    form = serialization.PrivateFormat.TraditionalOpenSSL
    none = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, form, none).decode()


def loopback(folder: Path) -> Path:
    """The certificate of a server at 127.0.0.1; its key and ``ca.crt`` stand beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    authority_key, key = rsa_key(), rsa_key()
    authority = _certificate("home-ops tests", authority_key, "home-ops tests", authority_key)
    certificate = _certificate("127.0.0.1", key, "home-ops tests", authority_key)
    (folder / "ca.crt").write_text(authority)
    (folder / "server.key").write_text(pem(key))
    (folder / "server.crt").write_text(certificate)
    return folder / "server.crt"


def _certificate(
    name: str, key: rsa.RSAPrivateKey, issuer: str, issuer_key: rsa.RSAPrivateKey
) -> str:
    is_authority, now = name == issuer, datetime.now(UTC)
    public = key.public_key()
    usage = dict.fromkeys(NOT_USED, False)
    made = (
        x509.CertificateBuilder()
        .subject_name(_named(name))
        .issuer_name(_named(issuer))
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True,
                key_encipherment=not is_authority,
                key_cert_sign=is_authority,
                crl_sign=is_authority,
                **usage,
            ),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()),
            critical=False,
        )
    )
    if not is_authority:
        address = x509.IPAddress(ipaddress.ip_address(name))
        made = made.add_extension(x509.SubjectAlternativeName([address]), critical=False)
    signed = made.sign(issuer_key, hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM).decode()


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
