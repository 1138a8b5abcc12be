"""Invariants of the offline ladder, and of what is known of the network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.core.errors import CallFailed
from router.testing.simulate.history import EXACT
from router.testing.simulate.invariants.facts import (
    CANNED,
    OTHER_MODEL,
    STALE,
    always_open,
    canned,
    reachable,
    refuses,
    shared,
)
from router.testing.simulate.invariants.walks import excused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.core.messages import Completion
    from router.testing.simulate.callers import Seen
    from router.testing.simulate.history import History
    from router.testing.simulate.world import Hit

WINDOW, PAUSE = 10.0, 15.0
# What is the caller's own fault, or its own end, or a matter of money, is answered by nobody else.
STAYS = frozenset(
    {"context_length", "content_filtered", "invalid_request", "budget_exceeded", "deadline_exceeded"}
)
NOT_REACHED = frozenset({"connect_failed", "connection_lost"})


def an_answer_from_below_says_so(history: History) -> Iterator[str]:
    """Whatever is no answer of a call's own candidates is marked as what it is, and nothing else is."""
    setting = history.setting
    ladder = setting.ladder
    for seen, completion, step in _answers(history):
        who = f"call {seen.ask.number}"
        own = {place.model for place in seen.ask.candidates(setting)}
        hit = history.source(str(completion.content))
        model = history.place(hit).model if hit is not None else ""
        if ladder is None and step:
            yield f"{who} says {step!r} in a world without a ladder"
        elif ladder is not None and step.startswith(OTHER_MODEL):
            if step != OTHER_MODEL + model or model not in ladder.uses or model in own:
                yield f"{who} says {step!r}, and {model!r} answered"
        elif step == STALE and not completion.cached:
            yield f"{who} says {step!r}, and its answer is new"
        elif not step and hit is not None and model not in own and not _said(completion).startswith("budget"):
            yield f"{who} does not say that {model} answered, which is no candidate"


def a_canned_reply_is_the_one_that_is_declared(history: History) -> Iterator[str]:
    """The first that fits, word for word."""
    for seen, completion, step in _answers(history):
        said = completion.content == canned(history.setting, seen.ask)
        if said != (step == CANNED):
            yield f"call {seen.ask.number} got {completion.content!r} and says {_said(completion)!r}"


def who_refuses_the_ladder_is_not_answered_by_it(history: History) -> Iterator[str]:
    """Better no answer than a lesser one."""
    for seen, _, step in _answers(history):
        if step and refuses(history.setting, seen.ask):
            yield f"call {seen.ask.number} refuses the ladder and was answered by {step!r}"


def the_ladder_comes_after_the_candidates(history: History) -> Iterator[str]:
    """Only when none of them was well."""
    setting = history.setting
    for seen, _, step in _answers(history):
        record = history.record(seen)
        if step and record is not None and not excused(history, seen, record.attempts):
            places = seen.ask.candidates(setting)
            well = next((p.endpoint for p in places if always_open(setting, p.endpoint, healthy=True)), None)
            if well is not None:
                yield f"call {seen.ask.number} was answered by {step!r} although {well} was well"


def a_further_model_is_asked_after_the_candidates(history: History) -> Iterator[str]:
    """When no request to one of them is under way any more."""
    ladder = history.setting.ladder
    for seen in history.seen if ladder is not None and ladder.uses else ():
        own = {place.model for place in seen.ask.candidates(history.setting)}
        over = 0.0
        for hit in history.of(seen):
            if history.place(hit).model in own:
                over = max(over, hit.left or 0.0)
            elif hit.arrived < over - EXACT:
                yield f"call {seen.ask.number} asked {hit.endpoint} while a candidate was being asked"


def a_step_that_can_answer_is_not_passed_over(history: History) -> Iterator[str]:
    """A model that is well comes before kept and canned answers, and a canned reply before an error."""
    setting = history.setting
    ladder = setting.ladder
    if ladder is None:
        return
    for seen in history.seen:
        step = _step(seen.completion) if seen.completion is not None else ""
        if step in (STALE, CANNED) and not _tried(history, seen) and not shared(history, seen):
            yield f"call {seen.ask.number} was answered by {step!r} although a further model was well"
        error = seen.error
        if not isinstance(error, CallFailed) or error.kind in STAYS or refuses(setting, seen.ask):
            continue
        broken = seen.ask.live and not setting.restart and any(hit.said for hit in history.of(seen))
        if canned(setting, seen.ask) is not None and not broken and not seen.pieces:
            yield f"call {seen.ask.number} raised {error.kind} although there is a reply to it"


def what_may_not_be_contacted_is_not(history: History) -> Iterator[str]:
    """`mode: only` holds for every request."""
    for hit in history.hits:
        if not reachable(history.setting, hit.endpoint):
            yield f"request {hit.number} of call {hit.call} went to {hit.endpoint}, which is remote"


def nobody_asks_far_away_while_the_network_is_gone(history: History) -> Iterator[str]:
    """But for one probe in a while."""
    setting = history.setting
    if setting.ladder is None or setting.ladder.only:
        return
    for gone, back in _gone(history):
        later = [
            hit
            for hit in history.hits
            if not history.upstream(hit).local
            and gone + EXACT < history.seen[hit.call].started  # who came before may stand in a queue
            and hit.arrived < back - EXACT
        ]
        for number, hit in enumerate(later, 1):
            if hit.arrived < gone + number * PAUSE - EXACT:
                yield (
                    f"request {hit.number} to {hit.endpoint} was number {number} in {hit.arrived - gone:.1f} s"
                    " without a network"
                )
                break


def _gone(history: History) -> Iterator[tuple[float, float]]:
    """Yield from when to when the network was certainly known to be gone."""
    hosts = {each.host for each in history.setting.upstreams.values() if not each.local}
    failed: dict[str, float] = {}
    gone: float | None = None
    for at, host in sorted(_heard(history)):
        if host:
            failed[host] = at
            lately = sum(then > at - WINDOW + EXACT for then in failed.values())
            gone = at if gone is None and lately >= min(2, len(hosts)) else gone
        else:
            failed.clear()
            if gone is not None:
                yield gone, at
            gone = None
    if gone is not None:
        yield gone, float("inf")


def _heard(history: History) -> Iterator[tuple[float, str]]:
    """Yield when a remote host was surely not reached, with its name, and when one may have been, with ""."""
    for hit in history.hits:
        if history.upstream(hit).local:
            continue
        if hit.first_at is not None:
            yield hit.first_at, ""
        if hit.told == "connect_failed" and _learned_at_once(history, hit):
            yield hit.told_at, history.upstream(hit).host
        elif hit.told is not None and hit.told not in NOT_REACHED:
            yield hit.told_at, ""


def _learned_at_once(history: History, hit: Hit) -> bool:
    """Whether a failure is known as soon as it happens: not where a caller left, or a second attempt was made."""
    seen, hedge = history.seen[hit.call], history.setting.hedge
    return not seen.gone and (hedge is None or hit.told_at - seen.started < hedge.after - EXACT)


def _answers(history: History) -> Iterator[tuple[Seen, Completion, str]]:
    for seen in history.seen:
        if seen.completion is not None:
            yield seen, seen.completion, _step(seen.completion)


def _said(completion: Completion) -> str:
    return completion.degraded or ""


def _step(completion: Completion) -> str:
    """Return which step of the ladder an answer names; "" for none."""
    said = _said(completion)
    return said if said in (STALE, CANNED) or said.startswith(OTHER_MODEL) else ""


def _tried(history: History, seen: Seen) -> bool:
    """Whether every further model that is surely well and large enough was tried."""
    setting = history.setting
    ladder, record = setting.ladder, history.record(seen)
    if ladder is None or record is None:
        return True
    own = {place.model for place in seen.ask.candidates(setting)}
    tried = {each.model for each in record.attempts}
    return not any(
        always_open(setting, place.endpoint, healthy=True)
        and len(seen.ask.prompt) + (seen.ask.most or 0) < place.context
        for model in ladder.uses
        if model not in own | tried
        for place in setting.models[model]
    )


INVARIANTS = (
    an_answer_from_below_says_so,
    a_canned_reply_is_the_one_that_is_declared,
    who_refuses_the_ladder_is_not_answered_by_it,
    the_ladder_comes_after_the_candidates,
    a_further_model_is_asked_after_the_candidates,
    a_step_that_can_answer_is_not_passed_over,
    what_may_not_be_contacted_is_not,
    nobody_asks_far_away_while_the_network_is_gone,
)
