"""What tests of TLS share: an authority, and no socket that is left to a later test."""

from __future__ import annotations

import gc
import warnings

import pytest


@pytest.fixture
def swept(request):
    """Leave no socket to a later test: httpx leaves some of refused handshakes to the garbage collector."""
    carried = request.node.callspec.params.get("carried") if hasattr(request.node, "callspec") else None
    if carried != "httpx":
        yield
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        yield
        gc.collect()


@pytest.fixture(scope="module")
def authority():
    trustme = pytest.importorskip("trustme", reason="certificates are made with trustme")
    return trustme.CA()
