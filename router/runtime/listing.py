"""Which models an endpoint lists, as far as it can be shown: an endpoint may list anything."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from router.core.secret import Secret

if TYPE_CHECKING:
    from router.core.port import Listed, Lister
    from router.core.request import Endpoint

MOST = 10_000  # models
LONGEST = 300  # characters of a name


async def models_at(endpoint: Endpoint, provider: Lister) -> tuple[Listed, ...]:
    """Return the models of an endpoint, without those of which the name is none: endless, or one with a key in it.

    Args:
        endpoint: The endpoint, with the keys that it is asked with.
        provider: What speaks to it; the caller bounds the time.

    Raises:
        CallFailed: It cannot be asked, or does not list its models.
    """
    fields = (each for each in endpoint.headers.values() if isinstance(each, Secret))
    secrets = tuple(secret.reveal() for secret in (*endpoint.keys, *fields))
    return tuple(islice((each for each in await provider.listed() if _is_named(each, secrets)), MOST))


def _is_named(model: Listed, secrets: tuple[str, ...]) -> bool:
    names = (model.id, *model.aliases, model.elsewhere or "")
    return all(len(name) <= LONGEST and not any(each in name for each in secrets if each) for name in names)
