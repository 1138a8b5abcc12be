"""What answers when no candidate does: the ladder, its canned replies, and whether there is a network at all."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from router.core import errors
from router.core.frozen import dataclass
from router.policy.kinds import TREATMENTS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from router.core.errors import CallFailed
    from router.policy.split import Split

WINDOW, PAUSE = 10.0, 15.0
ENOUGH = 2
# What another endpoint would refuse as well, for the caller has to say something else; and money that is spent.
STAYS = frozenset(
    cls.kind
    for cls in (
        errors.InvalidRequest,
        errors.ContextLength,
        errors.RequestTooLarge,
        errors.UnsupportedFeature,
        errors.ContentFiltered,
        errors.BudgetExceeded,
    )
)
DESCENDS = frozenset({*TREATMENTS, errors.Shed.kind, errors.AllCircuitsOpen.kind}) - STAYS

Words = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CannedReply:
    """A reply that needs no model.

    Attributes:
        words: Any of these word sequences, as `words_of` gives them, must be in the message; empty matches all.
        say: The reply.
    """

    words: tuple[Words, ...]
    say: str

    def fits(self, message: Words) -> bool:
        """Return whether it answers a message of these words."""
        return not self.words or any(_within(each, message) for each in self.words)


@dataclass(frozen=True, slots=True)
class OfflinePolicy:
    """What happens when every candidate failed or the network is gone.

    Attributes:
        only: Whether remote endpoints are never contacted.
        uses: Further models and splits, in order.
        stale: How old a kept answer may be, in seconds; None for no such answers.
        replies: Canned replies; the first that fits is given.
    """

    only: bool = False
    uses: tuple[str | Split, ...] = ()
    stale: float | None = None
    replies: tuple[CannedReply, ...] = ()

    @property
    def ladder(self) -> bool:
        """Whether there is any step to take."""
        return bool(self.uses or self.replies) or self.stale is not None

    def reply(self, text: str) -> str | None:
        """Return the canned reply to a message, or None."""
        words = words_of(text)
        return next((each.say for each in self.replies if each.fits(words)), None)


def words_of(text: str) -> Words:
    """Return the words of a text, small and in one form; a symbol such as an emoji is a word, punctuation is none."""
    import unicodedata  # noqa: PLC0415 - large, and only canned replies look for words

    found: list[str] = []
    inside = False
    for character in unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()):
        kind = unicodedata.category(character)[0]
        if kind in "LN" or character == "_" or (inside and kind == "M"):
            if inside:
                found[-1] += character
            else:
                found.append(character)
            inside = True
        else:
            inside = False
            if kind == "S":
                found.append(character)
    return tuple(found)


def _within(part: Words, whole: Words) -> bool:
    return any(whole[start : start + len(part)] == part for start in range(len(whole) - len(part) + 1))


def descends(error: CallFailed) -> bool:
    """Whether a call that failed so may be answered by a lower step: it is no fault of the caller."""
    return error.kind in DESCENDS


class Network:
    """Whether remote hosts can be reached. Times are arguments; its owner keeps two callers from changing it at once.

    Args:
        hosts: Every remote host there is.
    """

    __slots__ = ("_failed", "_hosts", "_until")

    def __init__(self, hosts: Iterable[str]) -> None:
        self._hosts = frozenset(hosts)
        self._failed: dict[str, float] = {}  # the last failure to connect to each, since one was reached
        self._until: float | None = None  # offline, and not probed before this time

    @property
    def offline(self) -> bool:
        """Whether it is taken to be gone."""
        return self._until is not None

    def serve(self, hosts: Iterable[str]) -> None:
        """Know of other hosts from now on."""
        self._hosts = frozenset(hosts)
        self._failed = {host: at for host, at in self._failed.items() if host in self._hosts}
        if not self._hosts:
            self._until = None

    def opens(self, now: float) -> float:
        """Return when a remote host may be tried: `now` or earlier means at once."""
        return now if self._until is None else self._until

    def waited(self, host: str) -> float:
        """Return when a host failed last: of several, the one with the smallest is to be probed."""
        return self._failed.get(host, -inf)

    def probed(self, now: float) -> bool:
        """Let one try through; false when another one is on its way."""
        if self._until is None:
            return True
        if self._until > now:
            return False
        self._until = now + PAUSE
        return True

    def failed(self, host: str, now: float) -> bool:
        """Take in a failure to connect; true when it tells that the network is gone."""
        self._failed[host] = now
        if self._until is not None:
            self._until = now + PAUSE
            return False
        lately = sum(at > now - WINDOW for at in self._failed.values())
        if lately < min(ENOUGH, len(self._hosts)):
            return False
        self._until = now + PAUSE
        return True

    def reached(self) -> bool:
        """Take in an answer of a remote host; true when it tells that the network is back."""
        self._failed.clear()
        back, self._until = self._until is not None, None
        return back
