"""What endpoints are asked and told about their models: how large they would be, load, unload."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.core.errors import CallFailed
from router.core.port import Measured, Resident

if TYPE_CHECKING:
    from router.runtime.residency_state import Home, Occupant


async def needs_of(home: Home) -> dict[str, int]:
    """Return the bytes that models would occupy, where that can be computed and the file does not say."""
    provider, found = home.provider, {}
    if isinstance(provider, Measured):
        for name, each in home.occupants.items():
            if each.model.memory is None and each.computed is None:
                try:
                    needed = await provider.needs(name, each.model.context)
                except CallFailed:  # its calls will tell
                    continue
                if needed is not None:
                    found[name] = needed
    return found


async def load(occupant: Occupant) -> None:
    """Load a model where its endpoint does so when told to; elsewhere its first call does."""
    home = occupant.home
    provider = home.provider
    if home.manages and isinstance(provider, Resident):
        await provider.load(occupant.model.id, occupant.model.context)


async def unload(occupant: Occupant) -> None:
    """Free its memory, where its endpoint does so when told to.

    Raises:
        CallFailed: It cannot be unloaded.
    """
    provider = occupant.home.provider
    if occupant.home.manages and isinstance(provider, Resident):
        await provider.unload(occupant.model.id)
