"""Every signal of every provider has its kind: one table of payloads each, in `data`; some were recorded."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from router.core.errors import AllAttemptsFailed
from router.core.secret import Secret
from router.providers._errors import error_for_status
from router.providers._openai_answer import AnswerDecoder
from router.providers._opencode_errors import error_of_opencode
from router.providers._source import Source

DATA = Path(__file__).parent / "data"
SOURCE = Source("cloud (example.org:443)", (Secret("hunter22"),))
OPENCODE = json.loads((DATA / "opencode.json").read_text(encoding="utf-8"))
CASES = [
    pytest.param(case, id=f"{path.stem}-{case['name']}")
    for path in sorted(DATA.glob("*.json"))
    if path.stem != "opencode"
    for case in json.loads(path.read_text(encoding="utf-8"))
]


def error_of(case):
    """Return what an answer becomes: a refusal, or an error inside a 200."""
    if case["status"] != 200:
        body = b"" if case["body"] is None else json.dumps(case["body"]).encode()
        image = case.get("image", False)
        return error_for_status(SOURCE, case["status"], case.get("headers"), body, has_image=image)
    decoder = AnswerDecoder(SOURCE)
    with pytest.raises(AllAttemptsFailed) as caught:
        decoder.feed_whole(json.dumps(case["body"]))
        decoder.end()
    return caught.value


@pytest.mark.parametrize("case", CASES)
def test_a_providers_refusal_has_its_kind(case):
    error = error_of(case)
    assert error.kind == case["kind"]
    assert error.retryable == case.get("retryable", type(error).retryable)
    if case["status"] != 200:
        assert error.status == case["status"]
    if "retry_after" in case:
        assert error.retry_after == pytest.approx(case["retry_after"])
    assert error.upstream_id == case.get("upstream_id")
    assert case.get("says", "") in str(error)
    assert case.get("hides", "\0") not in str(error)


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in OPENCODE])
def test_opencodes_named_errors_have_their_kinds(case):
    error = error_of_opencode(SOURCE, case["error"])
    assert error.kind == case["kind"]
    assert (error.status, error.retry_after) == (case.get("status"), case.get("retry_after"))
    assert error.retryable == case.get("retryable", type(error).retryable)
    assert error.upstream_id == case.get("upstream_id")
    assert str(error).startswith("cloud (example.org:443) ")


def test_a_wrong_key_is_not_shown_even_where_the_endpoint_masks_a_part_of_it():
    case = next(each.values[0] for each in CASES if each.id == "openai-wrong key")
    assert "wxyz" not in str(error_of(case))
