"""The `router` command, also as `python -m router`."""

from __future__ import annotations


def main() -> None:
    """Run the command line."""
    from router.cli.main import cli  # noqa: PLC0415 - importing this module loads no command line

    cli(prog_name="router")


if __name__ == "__main__":
    main()
