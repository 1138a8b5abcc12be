"""JSON as models write it: between fences and words, with commas too many, quotes of all kinds, and without its end."""

from __future__ import annotations

import re

DEEPEST = 64
CLOSER = {"{": "}", "[": "]"}
QUOTES = {'"': '"', "'": "'", "\u201c": "\u201d", "\u2018": "\u2019"}
_WORDS = {"true": True, "false": False, "null": None, "none": None, "nan": None, "undefined": None}
_SPACE = re.compile(r"(?:\s|//[^\n]*|\#[^\n]*|/\*.*?(?:\*/|\Z))*", re.DOTALL)
_BARE = re.compile(r"[^\s,:{}\[\]\"']+")
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?\Z")
_ESCAPE = re.compile(r"u([0-9a-fA-F]{4})|(.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}


def lenient(text: str) -> object:
    """Return the first object or list in a text, read with leniency.

    Raises:
        ValueError: There is none, or nothing tells what it means.
    """
    begins = re.search(r"[{\[]", text)
    if begins is None:
        raise ValueError("it has neither an object nor a list")
    return _Reader(text, begins.start()).value(0)


class _Reader:
    """Reads a text once, left to right. Its state: `_at`. What it says is wrong quotes nothing: errors are logged."""

    def __init__(self, text: str, at: int) -> None:
        self._text = text
        self._at = at

    def value(self, depth: int) -> object:
        sign = self._peek()
        if sign in CLOSER:
            if depth >= DEEPEST:
                raise ValueError(f"it is nested more than {DEEPEST} deep")
            self._at += 1
            return self._object(depth) if sign == "{" else self._list(depth)
        if sign in QUOTES:
            return self._string(QUOTES[sign])
        return self._bare()

    def _object(self, depth: int) -> dict[str, object]:
        found: dict[str, object] = {}
        while not self._over("}"):
            sign = self._peek()
            name = self._string(QUOTES[sign]) if sign in QUOTES else self._word()
            if self._peek() != ":":
                if self._peek() == "":  # cut off behind a name
                    break
                raise ValueError(f"the name before character {self._at} has no value")
            self._at += 1
            if self._peek() in ("", ",", "}"):
                found[name] = None
            else:
                found[name] = self.value(depth + 1)
        return found

    def _list(self, depth: int) -> list[object]:
        found: list[object] = []
        while not self._over("]"):
            found.append(self.value(depth + 1))
        return found

    def _over(self, closer: str) -> bool:
        """Whether an object or a list ends here, be it with the text; commas before it are passed over."""
        while self._peek() == ",":
            self._at += 1
        sign = self._peek()
        if sign == closer:
            self._at += 1
            return True
        if sign in ("}", "]"):
            raise ValueError(f"`{sign}` closes what `{closer}` should close")
        return sign == "" or self._text.startswith("```", self._at)

    def _string(self, closer: str) -> str:
        self._at += 1
        out: list[str] = []
        while self._at < len(self._text):
            char = self._text[self._at]
            self._at += 1
            if char == closer:
                break
            if char == "\\":
                found = _ESCAPE.match(self._text, self._at)
                if found is None:
                    break
                self._at = found.end()
                char = chr(int(found[1], 16)) if found[1] else _ESCAPES.get(found[2], found[2])
            out.append(char)
        # Two escaped halves of one character come together.
        return "".join(out).encode("utf-16", "surrogatepass").decode("utf-16", "replace")

    def _bare(self) -> object:
        word = self._word()
        if word.casefold() in _WORDS:
            return _WORDS[word.casefold()]
        if _NUMBER.match(word):
            return float(word) if any(sign in word for sign in ".eE") else int(word)
        raise ValueError(f"the word before character {self._at} is no value")

    def _word(self) -> str:
        found = _BARE.match(self._text, self._at)
        if found is None:
            raise ValueError(f"something else stands at character {self._at} where a value should")
        self._at = found.end()
        return found[0]

    def _peek(self) -> str:
        """Return the next character that is neither space nor comment; "" at the end."""
        found = _SPACE.match(self._text, self._at)
        self._at = found.end() if found is not None else self._at
        return self._text[self._at : self._at + 1]
