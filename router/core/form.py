"""The version of the JSON objects that commands print: fields may be added to them, never renamed."""

from __future__ import annotations

FORMAT_VERSION = "1.0"
