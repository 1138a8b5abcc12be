"""`fence_code`: puts an answer that is nothing but code between fences, as markdown wants it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from router.core.request import Request

FENCE = "```"
LINES = 5  # that are looked at before an answer is taken for code
COLUMNS = 120  # of each
Kind = Literal["code", "comment", "words"]
_COMMENT = re.compile(r'\s*(?:#(?!include|!)|//|/\*|\*|-- |<!--|""")')
_CODE = re.compile(
    r"""\s*(?:
    (?:async\s+)?def\s+\w+\s*\( | class\s+\w+\s*(?:[({:]|$) | @[\w.]+(?:\(.*\))?$
    | import\s+(?:[\w.]+(?:\s+as\s+\w+)?(?:,\s*[\w.]+)*\s*;?$|.*\bfrom\s*['"]|['"]) | from\s+[\w.]+\s+import\s
    | (?:export\s+)?(?:default\s+)?(?:async\s+)?function\b[\s*]*\w*\s*\( | (?:export\s+)?(?:const|let|var)\s+[\w{\[].*=
    | \#include\s*[<"] | \#! | package\s+[\w.]+;?$ | using\s+[\w.]+; | (?:pub\s+)?fn\s+\w+ | func\s*[\w(]
    | (?:public|private|protected|static)\s+\w | <(?:!DOCTYPE|\?php|\?xml|/?[a-zA-Z][\w-]*(?:\s[^>]*)?>)
    | (?:SELECT|INSERT\s+INTO|UPDATE|DELETE\s+FROM|CREATE\s+(?:TABLE|INDEX|VIEW))\s
    | (?:if|elif|else|for|while|switch|try|except|catch|with|do)\b.*[:{]$ | return\b | (?:break|continue|pass)\s*;?$
    | .*(?:[;{}]|\):|=>)$ | [\])}]+[;,]?$ | [\w.\[\]'"]+(?:\s*:\s*[\w\[\], ]+)?\s*[-+*/|&]?=\s*\S | [\w.]+\(.*\)$
    )""",
    re.VERBOSE,
)


class FenceCode:
    """The processor. Answers that are asked to be JSON stay as they are.

    Args:
        language: What is written behind the opening fence.
    """

    def __init__(self, *, language: str = "") -> None:
        self._language = language

    def begin(self, request: Request) -> Fencing | None:
        """Return what fences one answer."""
        form = request.response_format
        return Fencing(self._language) if form is None or form.get("type") == "text" else None


class Fencing:
    """One answer. It is held back until its beginning tells code from words; what comes then goes on at once.

    Its state: `_state`; `_held`, what is not handed on yet.
    """

    def __init__(self, language: str = "") -> None:
        self._language = language
        self._state: Literal["looking", "inside", "passing"] = "looking"
        self._held = ""

    def feed(self, text: str) -> str:
        """Return what can be handed on."""
        if self._state == "passing":
            return text
        text, self._held = self._held + text, ""
        if self._state == "inside":
            return self._inside(text)
        code = is_code(text, whole=False)
        if code is None:
            self._held = text
            return ""
        return self._decided(text, code=code)

    def end(self) -> str:
        """Return the rest, with the closing fence if there is an open one."""
        text, self._held = self._held, ""
        out = ""
        if self._state == "looking":
            out = self._decided(text, code=bool(is_code(text, whole=True)))
            text, self._held = self._held, ""
        return out + self._last(out, text)

    def _last(self, before: str, text: str) -> str:
        """Return the last piece, behind what comes right before it."""
        if self._state != "inside":
            return text
        self._state = "passing"
        line_end = "" if (before + text).endswith("\n") else "\n"
        return f"{text}{line_end}{FENCE}"

    def _decided(self, text: str, *, code: bool) -> str:
        self._state = "inside" if code else "passing"
        return f"{FENCE}{self._language}\n{self._inside(text)}" if code else text

    def _inside(self, text: str) -> str:
        """Return a piece of code; a fence of the answer's own ends ours."""
        before, found, after = text.partition(f"\n{FENCE}")
        if found:
            self._state = "passing"
            return f"{before}\n{FENCE}\n{FENCE}{after}"
        for held in ("\n``", "\n`", "\n"):
            if text.endswith(held):
                self._held = held
                return text[: -len(held)]
        return text


def is_code(text: str, *, whole: bool) -> bool | None:
    """Return whether an answer is code, by its first lines; None while too few are known.

    However much is known, the same lines decide.
    """
    kinds: list[Kind] = []
    lines = text.split("\n")
    for number, line in enumerate(lines):
        known = whole or number < len(lines) - 1 or len(line) >= COLUMNS
        if not known:
            return None
        if not line.strip():
            continue
        if line.lstrip().startswith(FENCE):
            return False
        kinds.append(kind_of(line[:COLUMNS].rstrip()))
        if kinds == ["words"]:
            return False
        if len(kinds) == LINES:
            break
    else:
        if not whole:
            return None
    return "code" in kinds and kinds.count("words") * 2 < len(kinds)


def kind_of(line: str) -> Kind:
    """Return what a line looks like."""
    if _COMMENT.match(line):
        return "comment"
    return "code" if _CODE.match(line) else "words"
