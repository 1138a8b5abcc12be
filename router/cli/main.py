"""The `router` command and its subcommands."""

from __future__ import annotations

import importlib

import click

INTERRUPTED = 130
COMMANDS = {
    "batch": ("router.cli.batch", "Ask many calls from a file, in order; resumable."),
    "bench": ("router.cli.bench", "Measure how fast the models of a configuration answer."),
    "cache": ("router.cli.cache", "Tell what answers a configuration has kept, or throw them away."),
    "call": ("router.cli.call", "Ask a model through the configuration and print its answer."),
    "check": ("router.cli.check", "Report everything wrong with configurations; nothing is contacted."),
    "convert": ("router.cli.convert", "Write the configuration of another program as a router.yaml."),
    "costs": ("router.cli.costs", "Tell what was used and spent, as the ledger holds it."),
    "diff": ("router.cli.diff", "Tell what calls would meet differently in another configuration."),
    "explain": ("router.cli.explain", "Tell where a call would go, and why."),
    "fmt": ("router.cli.fmt", "Lay files out in the house form: the same values and comments."),
    "init": ("router.cli.init", "Write a commented router.yaml to start from."),
    "matrix": ("router.cli.matrix", "Show which calls get which models: the decision table, exact."),
    "prove": ("router.cli.prove", "Prove the invariants of a configuration, or show a call that breaks one."),
    "render": ("router.cli.render", "Print a configuration and the files it names as one file."),
    "rule": ("router.cli.rule", "Tell what a finding means and what to do about it."),
    "load": ("router.cli.load", "Have a model in memory before it is asked for."),
    "models": ("router.cli.models", "List the models: where they are, and what their endpoints say."),
    "unload": ("router.cli.unload", "Free the memory of a model."),
    "doctor": ("router.cli.doctor", "Look for what keeps a configuration from working here and now."),
    "discover": ("router.cli.discover", "Write a configuration for a server that is running."),
    "test": ("router.cli.test", "Hold what test files expect of calls against the table."),
    "simulate": (
        "router.cli.simulate",
        "Put recorded calls to a configuration: where they go, what they cost.",
    ),
    "schema": ("router.cli.schema", "Print the JSON Schema of the language, or its reference."),
}


class _Commands(click.Group):
    """Subcommands whose modules are imported when they are run, not before."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        command = getattr(importlib.import_module(COMMANDS[cmd_name][0]), "command")  # noqa: B009
        return command if isinstance(command, click.Command) else None

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; Ctrl-C ends it as it ends other programs, and not like a call that failed."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("router: interrupted", err=True)
            raise SystemExit(INTERRUPTED) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in self.list_commands(ctx)])


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="pantheon-router", prog_name="router")
def cli() -> None:
    """Route LLM calls by one YAML file.

    Exit status: 0 all is well, 1 findings or a failed call, 2 bad usage or an unreadable file.
    """
