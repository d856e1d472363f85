"""A certificate that this worker makes for itself, for clients that are told to trust it."""

from __future__ import annotations

import datetime
import hashlib
import ipaddress
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from studio_worker_core.errors import ConfigError
from studio_worker_core.storage.atomic import write_whole

if TYPE_CHECKING:
    from cryptography import x509

_log = logging.getLogger("studio_worker.local_api")

CERT_NAME = "api-cert.pem"
KEY_NAME = "api-key.pem"
_USUAL = ("studio-worker", "localhost", "127.0.0.1", "::1")
_DAYS = 25 * 365
_NEEDS = (
    "api.tls_self_signed needs the library 'cryptography': pip install 'studio-worker[tls]', or "
    "set api.tls_cert and api.tls_key"
)


def self_signed(directory: Path, names: Iterable[str]) -> tuple[Path, Path]:
    """The certificate for ``names`` and its key, in ``directory``; made where there is none that
    can be read and has them all.

    Raises:
        ConfigError: the library for it is missing, or the files cannot be written.
    """
    wanted = list(dict.fromkeys([*names, *_USUAL]))
    cert, key = directory / CERT_NAME, directory / KEY_NAME
    try:
        if not _is_for(cert, key, wanted):
            certificate, secret = _made(wanted)
            write_whole(key, secret)
            write_whole(cert, certificate)
            shown = hashlib.sha256(_der(certificate)).hexdigest()
            _log.info("made the certificate %s; its SHA-256 is %s", cert, shown)
    except ImportError:
        raise ConfigError(_NEEDS) from None
    except OSError as error:
        raise ConfigError(f"{cert} cannot be written: {error.strerror or error}") from error
    return cert, key


def _is_for(cert: Path, key: Path, names: list[str]) -> bool:
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization

    try:
        there = x509.load_pem_x509_certificate(cert.read_bytes())
        secret = serialization.load_pem_private_key(key.read_bytes(), None)
        alternatives = there.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, TypeError, x509.ExtensionNotFound):
        return False
    now = datetime.datetime.now(datetime.UTC)
    is_pair = secret.public_key() == there.public_key()
    return is_pair and now < there.not_valid_after_utc and set(_named(names)) <= set(alternatives)


def _made(names: list[str]) -> tuple[bytes, bytes]:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "studio-worker")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))  # clocks differ
        .not_valid_after(now + datetime.timedelta(days=_DAYS))
        .add_extension(x509.SubjectAlternativeName(_named(names)), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return certificate.public_bytes(serialization.Encoding.PEM), secret


def _named(names: list[str]) -> list[x509.GeneralName]:
    from cryptography import x509

    found: list[x509.GeneralName] = []
    for name in names:
        try:
            found.append(x509.IPAddress(ipaddress.ip_address(name)))
        except ValueError:
            found.append(x509.DNSName(name))
    return found


def _der(certificate: bytes) -> bytes:
    import ssl

    return ssl.PEM_cert_to_DER_cert(certificate.decode("ascii"))
