"""One call: what the caller said, checked, and what the table makes of it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from router.compile.explain import explain, lacking
from router.core.conversation import parse_messages
from router.core.dimension import NEEDS, holds
from router.core.errors import InvalidCall, InvariantViolated, NoCandidate
from router.core.messages import ImagePart
from router.core.options import CALL_OPTIONS, NOT_SUPPORTED_YET, PARAMS, gathered
from router.core.request import Request
from router.core.tokens import estimate, estimate_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from router.compile.explain import Explanation
    from router.compile.program import Deployment, Program, Route
    from router.core.dimension import Dimension, Value
    from router.core.messages import Message
    from router.core.record import AttemptRecord
    from router.runtime.snapshot import Snapshot


@dataclass(slots=True)
class Call:
    """A call under way. The task that makes it is the only one to change it.

    Attributes:
        program: The configuration it started with, and keeps.
        messages: The conversation.
        live: Whether the answer is handed out as it comes.
        route: What decides it; the program's `direct` when the call names its model.
        candidates: The deployments that may serve it, best first.
        task: The call's task.
        options: Options that only a call can say, by name.
        params: Sampling options of the call.
        deadline: Loop time at which it is over.
        request_id: Its own id.
        started: Loop time at which it began.
        dimensions: What is known of it, measured dimensions too.
        snapshot: The configuration in force, with providers and gates.
        began: When it began, in seconds since 1970.
        attempts: Every attempt so far.
        degraded: What is amiss with its answer, or None.
        observed: Is told of each attempt.
    """

    program: Program
    messages: tuple[Message, ...]
    live: bool
    route: Route
    candidates: tuple[Deployment, ...]
    task: str
    options: Mapping[str, Any]
    params: Mapping[str, object]
    deadline: float
    request_id: str
    started: float
    dimensions: Mapping[str, Value]
    snapshot: Snapshot
    began: float = 0.0
    attempts: list[AttemptRecord] = field(default_factory=list)
    degraded: str | None = None
    observed: Callable[[str, AttemptRecord], None] | None = None

    @property
    def tokens(self) -> int:
        """Estimated tokens of the prompt; 0 where nobody asks."""
        return int(self.dimensions["tokens"])

    @property
    def handed(self) -> bool:
        """Whether the caller gets the answer as it comes."""
        return self.live and not self.route.buffered

    def ended(self, record: AttemptRecord) -> None:
        """Take note of an attempt that is over."""
        self.attempts.append(record)
        if self.observed is not None:
            self.observed(self.request_id, record)

    @property
    def rule(self) -> str | None:
        """The rule that decided, or None."""
        return self.route.name or None

    @property
    def urgency(self) -> str:
        """The call's place in queues."""
        return str(self.options.get("urgency") or self.route.urgency)

    def request(self, deployment: Deployment, key: int = 0) -> Request:
        """Return what is asked of one deployment: call over rule over task over model."""
        model = self.program.models[deployment.model]
        timeouts = deployment.endpoint.timeouts
        options = self.options
        return Request(
            model=deployment.id,
            messages=self.messages,
            params={**model.params[self.task], **self.route.params, **self.params},
            stream=self.live or self.route.inside or timeouts.first is not None or timeouts.idle is not None,
            tools=options.get("tools", ()),
            tool_choice=options.get("tool_choice"),
            response_format=options.get("response_format"),
            extra={**model.extra, **self.route.extra, **options.get("extra", {})},
            context=deployment.context,
            key=key,
        )


@dataclass(frozen=True, slots=True)
class Said:
    """What a caller said, sorted and checked: dimensions, sampling options, and the rest."""

    dimensions: Mapping[str, Value]
    params: Mapping[str, object]
    options: Mapping[str, Any]


def said(program: Program, opts: Mapping[str, object] | None, keywords: Mapping[str, object]) -> Said:
    """Sort and check options.

    Raises:
        InvalidCall: A name or a value is not legal; the text names what is.
    """
    found = Said({}, {}, {})
    for name, value in gathered(opts, keywords).items():
        if name in PARAMS:
            _check(name, value, PARAMS[name](value))
            found.params[name] = [value] if name == "stop" and isinstance(value, str) else value  # type: ignore[index]
        elif name in CALL_OPTIONS:
            _check(name, value, CALL_OPTIONS[name](value))
            found.options[name] = value  # type: ignore[index]
        else:
            found.dimensions[name] = _dimension_value(program, name, value)  # type: ignore[index]
    model = found.options.get("model")
    if model is not None and model not in program.models:
        raise InvalidCall(f"unknown model `{model}`{_hint(model, program.models)}")
    return found


def _check(name: str, value: object, wanted: str | None) -> None:
    if wanted is not None:
        shown = repr(value) if isinstance(value, str | int | float | bool) else f"a {type(value).__name__}"
        raise InvalidCall(f"`{name}` is {shown[:80]}; it must be {wanted}")


def _dimension_value(program: Program, name: str, value: object) -> Value:
    dimension = program.dimensions.get(name)
    if dimension is None or dimension.measured:
        raise InvalidCall(_unknown_option(program, name))
    if not dimension.accepts(value):
        near = isinstance(value, str) and dimension.kind == "words"
        hint = _hint(value, dimension.values) if near else f"; legal: {dimension.legal}"
        raise InvalidCall(f"`{name}` has no value {str(value)[:80]!r}{hint}")
    return value  # type: ignore[return-value]  # `accepts` has looked


def _unknown_option(program: Program, name: str) -> str:
    if name in NOT_SUPPORTED_YET:
        return f"the option `{name}` is not supported yet"
    if name in program.dimensions:
        return f"`{name}` is measured from the call and cannot be given"
    dimensions = [each.name for each in program.dimensions.values() if not each.measured]
    return f"unknown option `{name}`{_hint(name, [*dimensions, *PARAMS, *CALL_OPTIONS])}"


def _hint(name: object, legal: Mapping[str, object] | list[str] | tuple[str, ...]) -> str:
    from router.diagnostics.suggest import listed, nearest  # noqa: PLC0415 - only a wrong call needs it

    near = nearest(str(name), legal)
    return (f"; did you mean `{near}`?" if near else "") + f" (legal: {listed(legal, 40)})"


def values(program: Program, given: Mapping[str, Value]) -> dict[str, Value]:
    """Return a value for every dimension: what was given, else its default.

    Raises:
        InvalidCall: A dimension without default was not given.
    """
    found: dict[str, Value] = {}
    for name, dimension in program.dimensions.items():
        value = given.get(name, dimension.default)
        if value is None:
            raise InvalidCall(f"`{name}` has no default; a call must give one of: {dimension.legal}")
        found[name] = value
    return found


def explained_values(program: Program, given: Mapping[str, object]) -> dict[str, Value]:
    """Return a value for every dimension, where measured ones may be given as well.

    Raises:
        InvalidCall: A name or a value is not legal.
    """
    checked: dict[str, Value] = {}
    for name, value in given.items():
        dimension: Dimension | None = program.dimensions.get(name)
        if dimension is not None and dimension.measured and dimension.accepts(value):
            checked[name] = value  # type: ignore[assignment]  # `accepts` has looked
        elif dimension is not None and dimension.measured:
            raise InvalidCall(f"`{name}` has no value {str(value)[:80]!r}; legal: {dimension.legal}")
        else:
            checked[name] = _dimension_value(program, name, value)
    return values(program, checked)


def explained(program: Program, call: Mapping[str, object]) -> Explanation:
    """Return how a call would be decided, and why.

    Args:
        program: The compiled configuration.
        call: Dimensions, measured ones too, sampling options, `model`, `user`; None as a value means nothing was said.

    Raises:
        InvalidCall: A name or a value is not legal, or does not decide where a call goes.
    """
    given = {name: value for name, value in call.items() if value is not None}
    deciding = {"model", "user", *program.dimensions}
    idle = [name for name in CALL_OPTIONS if name in given and name not in deciding]
    if idle:
        raise InvalidCall(f"`{idle[0]}` does not decide where a call goes")
    others = {name: given.pop(name) for name in (*PARAMS, "model", "user") if name in given}
    told = said(program, None, others)
    found = explained_values(program, given)
    return explain(program, found, told.params, told.options.get("model"), told.options.get("user"))


@dataclass(frozen=True, slots=True)
class Origin:
    """What the engine adds to a call: when it began (loop time, and seconds since 1970), its id, whether it is
    streamed, and a draw from 0 to 1.
    """  # noqa: D205 - one sentence

    now: float
    began: float
    request_id: str
    live: bool
    dice: float


def make_call(
    snapshot: Snapshot,
    messages: object,
    opts: Mapping[str, object] | None,
    keywords: Mapping[str, object],
    origin: Origin,
) -> Call:
    """Return a call that is ready to be tried.

    Raises:
        InvalidCall: It is malformed.
        NoCandidate: No rule matches it, or no candidate may serve it.
    """
    program = snapshot.program
    conversation = parse_messages(messages)
    told = said(program, opts, keywords)
    found = values(program, told.dimensions)
    needs = measure(program, conversation, told.options, found, live=origin.live)
    model = told.options.get("model")
    if model is not None:
        route, candidates = program.direct, program.named(model)
    else:
        number = program.table.match(found)
        if number < 0:
            raise NoCandidate(f"no rule matches {_shown(program, found)}; add a last rule without `when`")
        route = program.routes[number]
        candidates = program.candidates(route, told.options.get("user"), origin.dice)
    if program.invariants:
        _assert_invariants(program, candidates, found)
    seconds = told.options.get("deadline", route.deadline)
    return Call(
        program=program,
        messages=conversation,
        live=origin.live,
        route=route,
        candidates=_capable(candidates, needs) if needs else candidates,
        task=str(found["task"]),
        options=told.options,
        params=told.params,
        deadline=origin.now + min(seconds, route.deadline),
        request_id=origin.request_id,
        started=origin.now,
        dimensions=found,
        snapshot=snapshot,
        began=origin.began,
    )


def measure(
    program: Program,
    messages: tuple[Message, ...],
    options: Mapping[str, Any],
    found: dict[str, Value],
    *,
    live: bool,
) -> frozenset[str]:
    """Fill in the measured dimensions and return what the call needs of a model."""
    tools = options.get("tools")
    form = options.get("response_format")
    found["tools"] = bool(tools)
    found["json"] = form is not None and form.get("type") != "text"
    found["stream"] = live
    found["images"] = any(
        isinstance(part, ImagePart)
        for message in messages
        if not isinstance(message.content, str)
        for part in message.content
    )
    if program.counts_tokens:
        declared = estimate_text(json.dumps(tools, default=str)) if tools else 0
        found["tokens"] = estimate(messages) + declared
    return frozenset(name for name in NEEDS if found[name])


def _assert_invariants(
    program: Program, candidates: tuple[Deployment, ...], found: Mapping[str, Value]
) -> None:
    """Hold every hop of a call against the file's invariants, before anything is sent.

    For rules they are proven when the file is compiled; a call that names its model is held to them here.
    """
    for invariant in program.invariants:
        if all(holds(accepted, found[name]) for name, accepted in invariant.accepted.items()):
            for candidate in candidates:
                broken = invariant.broken_by(candidate)
                if broken is not None:
                    raise InvariantViolated(f"{candidate.name} would break `{invariant.name}`: {broken}")


def _capable(candidates: tuple[Deployment, ...], needs: frozenset[str]) -> tuple[Deployment, ...]:
    """Return the candidates that can take what the call carries."""
    reasons = {each: lacking(each, needs) for each in candidates}
    capable = tuple(each for each, reason in reasons.items() if reason is None)
    if not capable:
        why = "; ".join(f"{each.name}: {reason}" for each, reason in reasons.items())
        raise NoCandidate(f"no candidate may serve this call ({why})")
    return capable


def _shown(program: Program, found: Mapping[str, Value]) -> str:
    asked = [column.name for column in program.table.columns]
    return ", ".join(f"{name}={found[name]}" for name in asked) or "this call"
