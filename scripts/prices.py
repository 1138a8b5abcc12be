"""Writes the list of public prices that comes with the package, from a table of them.

python scripts/prices.py TABLE.csv --date 2025-10-15 > router/data/prices.json
python scripts/prices.py --check router/data/prices.json

The table has the columns host, model, input, output, cached_input (may be empty) and source: dollars per million
tokens, as the source's own page says. What the package has no price for stays unknown; nothing is guessed.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import tempfile
from datetime import date
from pathlib import Path

from router.config.prices import read_prices

COLUMNS = ["host", "model", "input", "output", "cached_input", "source"]


def converted(table: Path, day: str) -> str:
    """Return the JSON text of a table.

    Raises:
        ValueError: A column is missing, a model stands twice, or a price is no number.
    """
    with table.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        if list(rows.fieldnames or ()) != COLUMNS:
            raise ValueError(f"the columns must be {', '.join(COLUMNS)}")
        entries = [{name: text for name, text in row.items() if text} for row in rows]
    names = [(entry.get("host"), entry.get("model")) for entry in entries]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(
            f"more than once: {', '.join(f'{model} at {host}' for host, model in sorted(twice))}"
        )
    lines = ",\n    ".join(
        json.dumps(entry) for entry in sorted(entries, key=lambda each: (each["host"], each["model"]))
    )
    note = (
        "Public list prices in dollars per million tokens, without discounts, batches or long-context tiers."
    )
    return f'{{\n  "date": "{day}",\n  "note": "{note}",\n  "prices": [\n    {lines}\n  ]\n}}\n'


def checked(text: str) -> int:
    """Return how many prices a text holds.

    Raises:
        ValueError: It is not of the form that the package reads.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "prices.json"
        path.write_text(text, encoding="utf-8")
        found = read_prices(path)
    date.fromisoformat(found.date)
    sources = [entry.get("source") for entry in json.loads(text)["prices"]]
    if not all(sources):
        raise ValueError("every price names its source")
    return len(found.prices)


def main() -> None:
    """Convert a table, or check a list."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path)
    parser.add_argument("--date", help="the day on which the prices were looked up, as 2025-10-15")
    parser.add_argument("--check", action="store_true", help="check a list that is written already")
    asked = parser.parse_args()
    try:
        if not asked.check and not asked.date:
            raise ValueError("--date is missing: prices without a day are worth nothing")
        text = asked.file.read_text(encoding="utf-8") if asked.check else converted(asked.file, asked.date)
        count = checked(text)
    except (OSError, ValueError, KeyError) as error:
        raise SystemExit(f"prices: {error}") from error
    sys.stdout.write(f"{count} prices\n" if asked.check else text)


if __name__ == "__main__":
    main()
