"""Loads the certificate that is shown to servers; what is wrong with its files is told in words, never quoted."""

from __future__ import annotations

import ssl
import stat
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from router.core.certificate import ClientCertificate

Stamp = tuple[int, int, int]


class UnusableCertificateError(ValueError):
    """A client certificate cannot be used; the message says why."""


def stamps(certificate: ClientCertificate) -> tuple[Stamp, ...]:
    """Return what changes when one of its files does.

    Raises:
        UnusableCertificateError: One is not there, or is no file.
    """
    return tuple(_stamp(path) for path in (certificate.file, certificate.keyfile) if path is not None)


def show(context: ssl.SSLContext, certificate: ClientCertificate) -> None:
    """Let a context show a certificate to servers that ask for one.

    Raises:
        UnusableCertificateError: It cannot be read, is none, or its password does not fit.
    """
    stamps(certificate)
    asked = False

    def password() -> str:
        # Without a function OpenSSL would ask on the terminal.
        nonlocal asked
        asked = True
        return "" if certificate.password is None else certificate.password.reveal()

    reason: str | None = None
    try:
        context.load_cert_chain(certificate.file, certificate.keyfile, password)
    except ssl.SSLError as error:
        reason = error.reason
    except ValueError:  # OpenSSL takes no password of more than 1,024 bytes
        pass
    else:
        return
    raise UnusableCertificateError(_why(certificate, reason, asked=asked))


def _why(certificate: ClientCertificate, reason: str | None, *, asked: bool) -> str:
    """Return why a certificate cannot be loaded.

    Args:
        certificate: The certificate.
        reason: What OpenSSL calls it.
        asked: Whether the password was asked for.
    """
    holder = certificate.keyfile or certificate.file
    if asked and certificate.password is None:
        return f"the private key in {holder} is encrypted: write its `password`"
    if asked:
        return f"the password does not fit the private key in {holder}"
    if reason == "KEY_VALUES_MISMATCH":
        return f"the private key in {holder} is not that of the certificate"
    if certificate.keyfile is None:
        return f"{holder} holds no certificate with its private key in PEM form"
    return f"{certificate.file} holds no certificate, or {holder} no private key, in PEM form"


def _stamp(path: str) -> Stamp:
    try:
        told = Path(path).stat()
        # Looked at before it is opened: opening a pipe would wait for its writer.
        if not stat.S_ISREG(told.st_mode):
            raise UnusableCertificateError(f"{path} is no regular file")
        with Path(path).open("rb"):
            pass
    except OSError as error:
        why = (error.strerror or type(error).__name__).lower()
    else:
        return told.st_ino, told.st_mtime_ns, told.st_size
    raise UnusableCertificateError(f"{path} cannot be read: {why}")
