"""The `router` command, also as `python -m router`."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command line; an output that cannot be written ends it with status 2."""
    from router.cli.main import cli  # noqa: PLC0415 - importing this module loads no command line

    try:
        cli(prog_name="router")
    except OSError as error:
        sys.stderr.write(f"router: the output cannot be written: {error.strerror}\n")
        # What is left in the buffer cannot be written either, and must not be tried again at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(2) from error


if __name__ == "__main__":
    main()
