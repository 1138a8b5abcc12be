"""The language: the certificate that an endpoint is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.config.addresses import PasswordText
from router.config.compound import ByType, Mapped
from router.config.expand import END
from router.config.record import Fields, Record, key, record
from router.config.shapes import Text

if TYPE_CHECKING:
    from router.core.secret import Secret

_FILE = Text("a path such as `certs/client.pem`", rf"^[^\x00-\x1f]+{END}")


@record
class CertificateSettings(Record):
    """A certificate that is shown to a server that asks for one."""

    # Not `key` for the private key's file: what stands under `key` is a credential, and masked wherever it is shown.
    file: str = key(
        _FILE, "The certificate in PEM form, with its private key unless `keyfile` names another file."
    )
    keyfile: str | None = key(_FILE, "The private key in PEM form.", default=None, written="in `file`")
    password: Secret | None = key(PasswordText(), "What the private key is encrypted with.", default=None)


def _settings(value: object, _node: object) -> CertificateSettings | None:
    """Return the certificate; a file alone holds both; None while the file is not known."""
    found = CertificateSettings(file=value) if isinstance(value, str) else value
    return found if isinstance(found, CertificateSettings) and found.file else None


CERTIFICATE = Mapped(ByType(scalar=_FILE, mapping=Fields(CertificateSettings, "cert")), _settings)
