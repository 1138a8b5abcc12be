"""Whose certificates are trusted: one context for all that trust the same."""

from __future__ import annotations

import ssl
from functools import lru_cache
from pathlib import Path

import httpx


def trust(ca: str | None = None, *, verify: bool = True) -> ssl.SSLContext:
    """Return what is trusted; the same object for the same answer.

    Args:
        ca: A file of certificates, or None for the usual ones.
        verify: Whether certificates are checked at all.

    Raises:
        OSError: The file cannot be read, or holds no certificates.
    """
    if ca is None or not verify:
        return _context(None, 0, 0, verify=verify)
    told = Path(ca).stat()
    return _context(ca, told.st_mtime_ns, told.st_size, verify=True)


@lru_cache(maxsize=32)
def _context(ca: str | None, _changed: int, _size: int, *, verify: bool) -> ssl.SSLContext:
    if ca is not None:
        context = ssl.create_default_context(cafile=ca)
    else:
        context = httpx.create_ssl_context(verify=verify, trust_env=False)
    context.set_alpn_protocols(["http/1.1"])
    return context
