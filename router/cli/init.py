"""`router init`: a commented file to start from."""

from __future__ import annotations

from pathlib import Path

import click

from router.cli.common import DEFAULT, UNUSABLE, ended

SCHEMA = "router.schema.json"
TEMPLATE = """\
# yaml-language-server: $schema=./{schema}
version: 1

# What a call may say about itself. These three are built in; replace their values or add your own:
#   dimensions:
#     data: {{values: [public, private], default: public}}
#   task:       chat, code, analysis, creative   (chat when the caller says nothing)
#   priority:   speed, quality, cost             (quality)
#   complexity: simple, medium, complex          (medium)
# The router measures tokens, tools, images, json and stream itself.

# Places that answer. Any OpenAI-compatible server: llama.cpp, vLLM, Ollama, LM Studio, a cloud.
endpoints:
  here:
    kind: openai
    url: http://127.0.0.1:8080/v1
    timeout: 60s                          # one attempt
  # cloud:
  #   kind: openai
  #   url: https://api.openai.com/v1
  #   key: ${{env:OPENAI_API_KEY}}          # a reference; a key never stands in this file
  # embedded:                             # a model file, no server: pip install 'pantheon-router[gguf]'
  #   kind: gguf
  #   path: ./models

# Names that rules use.
models:
  assistant:
    at: here
    # id: the-name-the-server-knows
    # context: 8192                       # tokens
    # price: {{input: $0.15, output: $0.60}}   # dollars per million tokens; local ones are free
  # strong: {{at: cloud, id: gpt-4.1, context: 1000000, price: {{input: $2, output: $8}}}}

# Temperature by the call's task.
temperatures: {{chat: 0.7, analysis: 0.3, code: 0.2, creative: 0.9, default: 0.7}}

# First match wins.
rules:
  # - name: hard code
  #   when: {{task: code, complexity: [medium, complex]}}
  #   use: [strong, assistant]            # a list is the order of failover
  # - name: long prompts
  #   when: {{tokens: "> 8000"}}
  #   use: strong
  - name: otherwise
    use: assistant

deadline: 90s                             # the whole call: queue, retries, waits and failovers included
retry: {{attempts: 4, same: 1}}             # attempts in all; further tries at one deployment
"""


@click.command(name="init")
@click.argument("path", required=False, type=click.Path(path_type=Path), default=Path(DEFAULT))
@click.option("--force", is_flag=True, help="Write over a file that is there.")
def command(path: Path, force: bool) -> None:
    """Write a commented configuration to PATH (router.yaml), and its JSON Schema beside it for editors."""
    from router.config.schema import as_text, json_schema  # noqa: PLC0415

    if path.exists() and not force:
        raise ended(f"{path} is there already; --force writes over it", UNUSABLE)
    try:
        path.write_text(TEMPLATE.format(schema=SCHEMA), encoding="utf-8")
        path.with_name(SCHEMA).write_text(as_text(json_schema()), encoding="utf-8")
    except OSError as error:
        raise ended(f"{path} cannot be written: {error.strerror}", UNUSABLE) from error
    click.echo(f"wrote {path} and {path.with_name(SCHEMA)}")
    click.echo(f"next: edit it, then `router check {path}` and `router explain -c {path} task=code`")
