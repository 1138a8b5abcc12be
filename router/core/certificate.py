"""Who we are to a server that asks: a certificate and its private key, in files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.core.frozen import dataclass

if TYPE_CHECKING:
    from router.core.secret import Secret


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """A certificate that is shown to a server.

    Attributes:
        file: The certificate in PEM form, with those that lead to its authority; its private key where no other
            file holds it.
        keyfile: The private key in PEM form, or None where it is in `file`.
        password: What the private key is encrypted with, or None.
    """

    file: str
    keyfile: str | None = None
    password: Secret | None = None
