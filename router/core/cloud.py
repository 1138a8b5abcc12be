"""Names of models that Ollama does not answer itself."""

from __future__ import annotations


def answered_elsewhere(model: str) -> bool:
    """Whether a name is that of a model that ollama.com answers, whichever machine Ollama runs on.

    Its tag is `cloud` or ends with it: `kimi-k2:cloud`, `gpt-oss:120b-cloud`, `gpt-oss:20b:cloud`.
    """
    tag = model.rpartition("/")[2].partition(":")[2].lower()
    return tag.split(":")[-1] == "cloud" or tag.endswith("-cloud")
