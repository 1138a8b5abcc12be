"""Who the prefixes of model names stand for, and how the router reaches them."""

from __future__ import annotations

from router.core.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Vendor:
    """How one of them is reached.

    Attributes:
        url: The address, where the old file gives none; "" where there is no usual one.
        key: The variable its key is usually in; "" for servers that need none.
        base: The variable its address is usually in.
        suffix: What its address ends with for the router.
        kind: The kind of endpoint.
        cut: Ends of its address that the router leaves out.
    """

    url: str = ""
    key: str = ""
    base: str = ""
    suffix: str = ""
    kind: str = "openai"
    cut: tuple[str, ...] = ()


_OLLAMA = Vendor("http://localhost:11434", kind="ollama", cut=("/v1", "/api/chat", "/api/generate", "/api"))

VENDORS = {
    "openai": Vendor("https://api.openai.com/v1", "OPENAI_API_KEY"),
    "azure": Vendor(key="AZURE_API_KEY", base="AZURE_API_BASE", suffix="/openai/v1"),
    "anthropic": Vendor(key="ANTHROPIC_API_KEY", kind="anthropic"),
    "ollama": _OLLAMA,
    "ollama_chat": _OLLAMA,
    "groq": Vendor("https://api.groq.com/openai/v1", "GROQ_API_KEY"),
    "deepseek": Vendor("https://api.deepseek.com/v1", "DEEPSEEK_API_KEY"),
    "mistral": Vendor("https://api.mistral.ai/v1", "MISTRAL_API_KEY"),
    "openrouter": Vendor("https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
    "together_ai": Vendor("https://api.together.xyz/v1", "TOGETHERAI_API_KEY"),
    "fireworks_ai": Vendor("https://api.fireworks.ai/inference/v1", "FIREWORKS_AI_API_KEY"),
    "perplexity": Vendor("https://api.perplexity.ai", "PERPLEXITYAI_API_KEY"),
    "xai": Vendor("https://api.x.ai/v1", "XAI_API_KEY"),
    "cerebras": Vendor("https://api.cerebras.ai/v1", "CEREBRAS_API_KEY"),
    "hosted_vllm": Vendor(base="HOSTED_VLLM_API_BASE"),
    "lm_studio": Vendor("http://localhost:1234/v1"),
    "llamafile": Vendor("http://127.0.0.1:8080/v1"),
}
# Names without a prefix that the old program knows by themselves.
_BARE = {
    "gpt-": "openai",
    "chatgpt-": "openai",
    "ft:gpt-": "openai",
    "o1": "openai",
    "o3": "openai",
    "o4": "openai",
    "claude-": "anthropic",
}


def vendor_of(model: str, said: str | None) -> tuple[str, str]:
    """Return who serves a model, "" for nobody we know, and the name it has there."""
    prefix, slash, rest = model.partition("/")
    if said is not None:
        return said, rest if slash and prefix == said else model
    if slash:
        return prefix, rest
    return next((name for start, name in _BARE.items() if model.startswith(start)), ""), model
