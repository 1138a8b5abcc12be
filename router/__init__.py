"""Declarative LLM routing: one YAML file decides which model answers what.

from router import load_router

async with load_router("router.yaml") as router:
    reply = await router.complete("Say hello.", task="chat", priority="speed")
"""

from importlib import import_module
from typing import TYPE_CHECKING

from router.core.errors import (
    AllAttemptsFailed,
    AllCircuitsOpen,
    Authentication,
    BudgetExceeded,
    CallFailed,
    ConfigError,
    Conflict,
    ConnectFailed,
    ConnectionLost,
    ContentFiltered,
    ContextLength,
    DeadlineExceeded,
    FirstTokenTimeout,
    InvalidCall,
    InvalidRequest,
    InvariantViolated,
    MalformedResponse,
    ModelLoading,
    ModelNotFound,
    NoCandidate,
    Overloaded,
    QuotaExhausted,
    RateLimited,
    RequestTooLarge,
    ResponseTooLarge,
    RouterError,
    ServerError,
    Shed,
    StreamInterrupted,
    StreamStalled,
    UnsupportedFeature,
    UpstreamRedirect,
)
from router.core.events import ReasoningDelta, TextDelta, ToolCallDelta
from router.core.messages import Completion, ImagePart, Message, TextPart, ToolCall
from router.core.observer import CallRecord, Notice, Observer
from router.core.port import LlmPort, Provider
from router.core.record import AttemptRecord
from router.core.usage import Price, Usage
from router.runtime.load import load_router
from router.runtime.router import ModelInfo, Router

if TYPE_CHECKING:
    from router.runtime.adapter import OpenCodeAdapter, OpenCodeAdapterConfig, make_opencode_adapter
    from router.runtime.many import BatchResult
    from router.runtime.sync import SyncRouter

__version__ = "0.1.0"

__all__ = [
    "AllAttemptsFailed",
    "AllCircuitsOpen",
    "AttemptRecord",
    "Authentication",
    "BatchResult",
    "BudgetExceeded",
    "CallFailed",
    "CallRecord",
    "Completion",
    "ConfigError",
    "Conflict",
    "ConnectFailed",
    "ConnectionLost",
    "ContentFiltered",
    "ContextLength",
    "DeadlineExceeded",
    "FirstTokenTimeout",
    "ImagePart",
    "InvalidCall",
    "InvalidRequest",
    "InvariantViolated",
    "LlmPort",
    "MalformedResponse",
    "Message",
    "ModelInfo",
    "ModelLoading",
    "ModelNotFound",
    "NoCandidate",
    "Notice",
    "Observer",
    "OpenCodeAdapter",
    "OpenCodeAdapterConfig",
    "Overloaded",
    "Price",
    "Provider",
    "QuotaExhausted",
    "RateLimited",
    "ReasoningDelta",
    "RequestTooLarge",
    "ResponseTooLarge",
    "Router",
    "RouterError",
    "ServerError",
    "Shed",
    "StreamInterrupted",
    "StreamStalled",
    "SyncRouter",
    "TextDelta",
    "TextPart",
    "ToolCall",
    "ToolCallDelta",
    "UnsupportedFeature",
    "UpstreamRedirect",
    "Usage",
    "load_router",
    "make_opencode_adapter",
]


# What most programs never ask for, and where it is.
_LATER = {
    "BatchResult": "router.runtime.many",
    "OpenCodeAdapter": "router.runtime.adapter",
    "OpenCodeAdapterConfig": "router.runtime.adapter",
    "SyncRouter": "router.runtime.sync",
    "make_opencode_adapter": "router.runtime.adapter",
}


def __dir__() -> list[str]:
    """Return the names that are here, and those that come when they are asked for."""
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> object:
    """Import what few programs need, or what needs an extra, when it is first asked for."""
    if name in _LATER:
        found = globals()[name] = getattr(import_module(_LATER[name]), name)
        return found
    if name == "FastTransport":
        try:
            from router.providers.transport.face import FastTransport  # noqa: PLC0415 - it needs httptools
        except ModuleNotFoundError as error:
            raise ImportError(
                "router.FastTransport needs httptools: pip install 'pantheon-router[fast]'"
            ) from error
        return FastTransport
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
