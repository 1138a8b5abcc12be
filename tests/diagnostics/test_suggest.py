from __future__ import annotations

import pytest

from router.diagnostics.suggest import Suggester, listed, nearest


@pytest.mark.parametrize(
    ("name", "legal", "meant"),
    [
        ("Max-Tokens", ["max_tokens"], "max_tokens"),
        ("maxTokens", ["max_tokens"], "max_tokens"),
        ("tokens_max", ["max_tokens"], "max_tokens"),
        ("api_base", ["url", "key"], "url"),
        ("n_ctx", ["context"], "context"),
        ("fallbacks", ["use"], "use"),
        ("endponts", ["models", "endpoints"], "endpoints"),  # codespell:ignore endponts
        ("zzz", ["models"], None),
        ("api_base", ["models"], None),
        ("x" * 1000, ["x" * 999], None),
    ],
)
def test_the_nearest_legal_name_is_found(name, legal, meant):
    assert nearest(name, legal) == meant


def test_suggestions_stop_when_the_budget_is_spent():
    suggest = Suggester(budget=3)
    assert suggest.nearest("modls", ["models", "rules"]) == "models"
    assert suggest.nearest("modls", ["models", "rules"]) is None


def test_a_long_list_of_names_is_cut():
    assert listed("abc") == "a, b, c"
    assert listed("abcdef", most=2) == "a, b and 4 more"
