"""Whether the files that an endpoint's settings name can be used; nothing is loaded."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from router.core.certificate import ClientCertificate
from router.core.errors import ModelNotFound
from router.providers._gguf_file import find_model
from router.providers.transport.client_certificate import UnusableCertificateError, show

if TYPE_CHECKING:
    from collections.abc import Iterable

    from router.core.request import Endpoint


def model_file_trouble(endpoint: Endpoint, models: Iterable[str]) -> str | None:
    """Return what is wrong with the file of one of some models at a GGUF endpoint, or None."""
    where = f"endpoint `{endpoint.name}`"
    try:
        for model in models:
            find_model(where, str(endpoint.settings["path"]), model)
    except ModelNotFound as error:
        return str(error)
    except OSError as error:
        return f"{where}: its path cannot be read: {(error.strerror or type(error).__name__).lower()}"
    return None


def certificates_trouble(endpoint: Endpoint) -> str | None:
    """Return what is wrong with the file of certificates of an endpoint, or None."""
    ca = str(endpoint.settings["ca"])
    try:
        with open(ca, "rb"):  # noqa: PTH123 - tells a file that is not there from one that is no certificate
            pass
        ssl.create_default_context(cafile=ca)
    except ssl.SSLError:
        return f"endpoint `{endpoint.name}`: {ca} holds no certificates in PEM form"
    except OSError as error:
        why = (error.strerror or type(error).__name__).lower()
        return f"endpoint `{endpoint.name}`: the certificates {ca} cannot be read: {why}"
    return None


def client_certificate_trouble(endpoint: Endpoint) -> str | None:
    """Return what is wrong with the files of the certificate that an endpoint is shown, or None."""
    certificate = endpoint.settings.get("cert")
    if not isinstance(certificate, ClientCertificate):
        return None
    try:
        show(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), certificate)
    except UnusableCertificateError as error:
        return f"endpoint `{endpoint.name}`: {error}"
    return None
