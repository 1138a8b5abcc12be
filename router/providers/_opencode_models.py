"""Which models an OpenCode server has: their names and variants, and nothing else of a listing that holds API keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from router.core.errors import MalformedResponse, ModelNotFound, UnsupportedFeature
from router.core.frozen import dataclass
from router.core.port import Listed
from router.diagnostics.source import printable

PATH = "/config/providers"
MOST_NAMED = 5
LONGEST = 100


@dataclass(frozen=True, slots=True)
class Known:
    """A model of the server.

    Attributes:
        provider: The provider's name in the server's configuration.
        model: The model's name at that provider; it may have slashes.
        context: Tokens of its context window, or None.
        variants: The names of its variants; None when nobody asked.
    """

    provider: str
    model: str
    context: int | None = None
    variants: frozenset[str] | None = None

    @property
    def id(self) -> str:
        """The name by which a configuration and a call name it."""
        return f"{self.provider}/{self.model}"


def models_in(payload: object, where: str) -> tuple[Known, ...]:
    """Return what the answer to a GET of `PATH` lists.

    Raises:
        MalformedResponse: It is no such answer; the text shows nothing of it.
    """
    providers = payload.get("providers") if isinstance(payload, Mapping) else None
    if not isinstance(providers, list):
        raise MalformedResponse(f"{where} does not list its models as OpenCode does")
    return tuple(
        known for provider in providers if isinstance(provider, Mapping) for known in _models(provider)
    )


def _models(provider: Mapping[str, object]) -> Iterator[Known]:
    models = provider.get("models")
    for name, model in models.items() if isinstance(models, Mapping) else ():
        details: Mapping[str, object] = model if isinstance(model, Mapping) else {}
        limit, variants = details.get("limit"), details.get("variants")
        context = limit.get("context") if isinstance(limit, Mapping) else None
        yield Known(
            str(provider.get("id", "")),
            str(name),
            context if isinstance(context, int) and context > 0 else None,
            frozenset(map(str, variants)) if isinstance(variants, Mapping) else frozenset(),
        )


def listed(models: tuple[Known, ...]) -> tuple[Listed, ...]:
    """Return the models as the port lists them."""
    return tuple(Listed(known.id, known.context) for known in models)


def named(name: str) -> Known | None:
    """Return what a name of the form `provider/model` says; None where only the listing can tell the provider."""
    provider, slash, model = name.partition("/")
    return Known(provider, model) if slash and provider and model else None


def found(name: str, models: tuple[Known, ...], where: str) -> Known:
    """Return the model of a name: `provider/model`, or `model` where one provider alone has it.

    Raises:
        ModelNotFound: There is none, or more than one.
    """
    fits = [known for known in models if name in {known.id, known.model}]
    exact = [known for known in fits if known.id == name]
    if len(exact or fits) == 1:
        return (exact or fits)[0]
    if fits:
        names = ", ".join(f"`{printable(known.id, LONGEST)}`" for known in fits[:MOST_NAMED])
        raise ModelNotFound(f"{where} has `{name[:100]}` at several providers; write one of {names}")
    raise ModelNotFound(f"{where} has no model `{name[:100]}`; models are named `provider/model`")


def with_variant(known: Known, variant: str, where: str) -> Known:
    """Return the model if it has the variant, which the server would silently ignore otherwise.

    Raises:
        UnsupportedFeature: It has not.
    """
    names = known.variants or frozenset()
    if variant in names:
        return known
    shown = ", ".join(printable(name, LONGEST) for name in sorted(names)[:MOST_NAMED])
    has = f"it has {shown}" if names else "it has none"
    raise UnsupportedFeature(
        f"{where} has no variant `{variant}` of `{printable(known.id, LONGEST)}` ({has}); a reasoning effort is sent as a variant"
    )
