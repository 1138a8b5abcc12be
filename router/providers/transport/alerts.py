"""What a server says of our certificate: an alert of TLS, which may come behind the handshake."""

from __future__ import annotations

import ssl

# What it calls its reasons: OpenSSL's names of alerts, as they end. Only a server that asks for certificates sends them.
REASONS = {
    "CERTIFICATE_REQUIRED": "it asks for a client certificate; name one under `cert`",
    "BAD_CERTIFICATE": "it does not accept the client certificate",
    "UNSUPPORTED_CERTIFICATE": "it does not accept this kind of client certificate",
    "CERTIFICATE_REVOKED": "the client certificate is revoked",
    "CERTIFICATE_EXPIRED": "the client certificate has expired",
    "CERTIFICATE_UNKNOWN": "it does not accept the client certificate",
    "UNKNOWN_CA": "it does not know the authority of the client certificate",
    "ACCESS_DENIED": "it does not let the client certificate in",
}
MOST_CAUSES = 8


def refusal(error: BaseException) -> str | None:
    """Return why a server refuses us for our certificate, or None where an error is another one.

    Args:
        error: What came up; the libraries between hand the alert on as its cause.
    """
    cause: BaseException | None = error
    for _ in range(MOST_CAUSES):
        if cause is None:
            return None
        if isinstance(cause, ssl.SSLError):
            _, alert, name = (cause.reason or "").partition("_ALERT_")
            return REASONS.get(name) if alert else None
        cause = cause.__cause__ or cause.__context__
    return None
