"""Whose certificates are trusted and which one is shown: one context for all that trust and show the same."""

from __future__ import annotations

import ssl
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from router.core.certificate import ClientCertificate
from router.providers.transport.client_certificate import show, stamps

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# What an endpoint that cannot be spoken to for them is told.
USELESS = "the settings proxy, cert, ca and verify do not work"


class Trust:
    """What an endpoint trusts and shows, as its files are now.

    Files that cannot be used leave it as it was: half of a new pair, or of a file, is no reason to stop.

    Args:
        settings: Those of the endpoint.
    """

    # Mutable: the last context, and how its files were when it was made.

    def __init__(self, settings: Mapping[str, object]) -> None:
        self._settings = settings
        self._files = tuple(map(Path, _files(settings)))
        self._seen: tuple[object, ...] = ()
        self._context: ssl.SSLContext | None = None

    @property
    def has_files(self) -> bool:
        """Whether it may change."""
        return bool(self._files)

    def looked_at(self) -> Callable[[], ssl.SSLContext]:
        """Return `now`, which does not fail any more.

        Raises:
            OSError: As for `trust`.
            ValueError: As for `trust`.
        """
        self.now()
        return self.now

    def now(self) -> ssl.SSLContext:
        """Return it; another object when a file has changed.

        Raises:
            OSError: As for `trust`; the first time only.
            ValueError: As for `trust`; the first time only.
        """
        seen = tuple(map(_look, self._files))
        if self._context is None or seen != self._seen:
            try:
                self._context = trust_of(self._settings)
            except (OSError, ValueError):
                if self._context is None:
                    raise
            self._seen = seen
        return self._context


def _files(settings: Mapping[str, object]) -> list[str]:
    ca, shown = settings.get("ca"), settings.get("cert")
    found = [str(ca)] if ca else []
    if isinstance(shown, ClientCertificate):
        found += [each for each in (shown.file, shown.keyfile) if each is not None]
    return found


def _look(path: Path) -> object:
    try:
        told = path.stat()
    except OSError:
        return None
    return told.st_ino, told.st_mtime_ns, told.st_size


def trust_of(settings: Mapping[str, object]) -> ssl.SSLContext:
    """Return what `ca`, `verify` and `cert` of an endpoint come to.

    Raises:
        OSError: As for `trust`.
        ValueError: As for `trust`.
    """
    ca, shown = settings.get("ca"), settings.get("cert")
    return trust(
        str(ca) if ca else None,
        verify=settings.get("verify") is not False,
        shown=shown if isinstance(shown, ClientCertificate) else None,
    )


def trust(
    ca: str | None = None, *, verify: bool = True, shown: ClientCertificate | None = None
) -> ssl.SSLContext:
    """Return what is trusted; the same object for the same answer, another one when a file has changed.

    Args:
        ca: A file of certificates, or None for the usual ones.
        verify: Whether certificates are checked at all.
        shown: What is shown to servers that ask who we are, or None.

    Raises:
        OSError: The file cannot be read, or holds no certificates.
        ValueError: What is to be shown cannot be used.
    """
    changed: tuple[object, ...] = stamps(shown) if shown is not None else ()
    if ca is None or not verify:
        return _context(None, changed, shown, verify=verify)
    told = Path(ca).stat()
    return _context(ca, (*changed, told.st_mtime_ns, told.st_size), shown, verify=True)


@lru_cache(maxsize=32)
def _context(
    ca: str | None, _changed: tuple[object, ...], shown: ClientCertificate | None, *, verify: bool
) -> ssl.SSLContext:
    if ca is not None:
        context = ssl.create_default_context(cafile=ca)
    else:
        context = httpx.create_ssl_context(verify=verify, trust_env=False)
    if shown is not None:
        show(context, shown)
    context.set_alpn_protocols(["http/1.1"])
    return context
