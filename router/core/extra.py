"""What a call may put into `extra` and `tools`: never what would send it elsewhere than the file allows.

An endpoint may be a router itself, or read more fields than it documents. A field of a call that names another
model, address, key or file there would undo what the file promises, invariants about private data first of all. The
file may write such a field: it is the file that says where calls go.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

# Fields of a request that options of their own set.
OWN_FIELDS = frozenset(
    {
        *("model", "messages", "stream", "stream_options", "tools", "tool_choice", "response_format"),
        *("temperature", "top_p", "max_tokens", "max_completion_tokens", "stop", "seed", "reasoning_effort"),
    }
)
_ANSWERS = "who answers"
_LEADS = "where the prompt goes"
_KEYS = "with which key or header it is sent"
_FILES = "which file or code is loaded"
# What a field decides, where only the file may: in OpenRouter, LiteLLM, Azure, Anthropic, vLLM, SGLang, TGI, OpenCode.
_DECIDING: Mapping[str, tuple[str, ...]] = {
    _ANSWERS: (
        *(
            "models",
            "model_list",
            "model_group",
            "model_id",
            "fallbacks",
            "fallback_models",
            "default_fallbacks",
        ),
        *("context_window_fallbacks", "context_window_fallback_dict", "content_policy_fallbacks"),
        *("route", "router", "provider", "providers", "custom_llm_provider", "preset", "deployment"),
        *("deployment_id", "engine", "agent", "agents", "user_config", "tags", "specific_deployment"),
    ),
    _LEADS: (
        *("url", "api_url", "api_base", "base_url", "endpoint", "host", "proxy", "proxies", "webhook"),
        *("callback_url", "callbacks", "success_callback", "failure_callback", "guardrails", "mcp_servers"),
        *("plugins", "web_search_options", "search_parameters", "data_sources", "connectors"),
        *("kv_transfer_params", "extra_body", "extra_query"),
    ),
    _KEYS: (
        *("key", "api_key", "api_keys", "api_type", "api_version", "authorization", "credentials", "headers"),
        *("extra_headers", "default_headers", "organization"),
    ),
    _FILES: (
        *("path", "file", "model_path", "lora_path", "adapter_id", "adapter_source"),
        *("custom_logit_processor", "logits_processors"),
    ),
}
# Beginnings of names that a vendor has many of.
_FAMILIES: Mapping[str, str] = {
    "litellm": _ANSWERS,
    "mock_": _ANSWERS,
    "bootstrap_": _LEADS,
    "langfuse": _LEADS,
    "langsmith": _LEADS,
    "aws_": _KEYS,
    "azure_": _KEYS,
    "vertex_": _KEYS,
}
# What a tool that the endpoint calls by itself, over the network, is declared with.
_SERVERS = ("server_url", "url", "connector_id", "authorization", "headers", "require_approval")


def _plain(name: str) -> str:
    """Return a name as the laxest server reads it: some ignore case, and some know `apiBase` for `api_base`."""
    return name.casefold().replace("_", "").replace("-", "")


_OWN = frozenset(map(_plain, OWN_FIELDS))
_NAMES = {_plain(name): what for what, names in _DECIDING.items() for name in names}
_BEGINNINGS = {_plain(name): what for name, what in _FAMILIES.items()}
_OF_SERVERS = frozenset(map(_plain, _SERVERS))


def wrong_extra(fields: Mapping[str, object]) -> str | None:
    """Return what the `extra` of a call must be instead of these fields, or None."""
    for name in sorted(fields):
        if _plain(name) in _OWN:
            return f"without `{name}`, which has an option of its own"
        what = _decided_by(name)
        if what is not None:
            return f"without `{name}`, which only the file may set: it can decide {what}"
    inner = fields.get("metadata")
    if isinstance(inner, Mapping) and "tags" in inner:  # by which LiteLLM chooses
        return f"without `metadata.tags`, which only the file may set: it can decide {_ANSWERS}"
    return None


def wrong_tools(tools: Sequence[Mapping[str, object]]) -> str | None:
    """Return what the `tools` of a call must be instead of these, or None."""
    for tool in tools:
        named = sorted(name for name in tool if _plain(name) in _OF_SERVERS)
        if named or tool.get("type") == "mcp":
            shown = f"`{named[0]}`" if named else "`type: mcp`"
            return f"a list of tools without {shown}: a call may not name servers that the endpoint calls by itself"
    return None


def _decided_by(name: str) -> str | None:
    plain = _plain(name)
    return _NAMES.get(plain) or next(
        (what for each, what in _BEGINNINGS.items() if plain.startswith(each)), None
    )
