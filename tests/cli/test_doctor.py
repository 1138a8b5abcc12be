"""`router doctor`: what keeps a file from working here and now, and what to do about it."""

from __future__ import annotations

import asyncio
import json
import os
import re
from email.utils import formatdate
from pathlib import Path

import pytest
from click.testing import CliRunner
from support.fake_ollama import Pulled, fake_ollama
from support.served import PAGE, Said, served

from router.cli.main import cli
from router.core.clock import LoopClock
from router.core.request import Endpoint
from router.providers.knock import Knock, knock
from router.runtime import doctor
from router.runtime.doctor import examine
from router.runtime.inspection import prepare

RECORDED = json.loads(
    (Path(__file__).parents[1] / "providers" / "recorded" / "llamacpp_models.json").read_text(
        encoding="utf-8"
    )
)
LLAMA = {"/v1/models": Said(RECORDED["single"]), "/props": Said(RECORDED["props"])}
ROUTED = {"/v1/models": Said(RECORDED["mixed"])}


def write(tmp_path, text):
    path = tmp_path / "router.yaml"
    path.write_text(f"version: 1\n{text}\n", encoding="utf-8")
    return path


def one(tmp_path, url, *, kind="openai", model="{at: box}", more="", rest=""):
    return write(
        tmp_path,
        f'endpoints: {{box: {{kind: {kind}, url: "{url}"{more}}}}}\nmodels: {{m: {model}}}\nrules: [{{use: m}}]\n{rest}',
    )


def run(path, *words, env=None):
    return CliRunner().invoke(cli, ["doctor", "-c", str(path), *words], prog_name="router", env=env)


def checks(path, *words, env=None):
    """Return each check by its kind and subject, and how the command ended."""
    result = run(path, "--format", "json", *words, env=env)
    assert isinstance(result.exception, SystemExit | None), result.exception
    found = json.loads(result.stdout)
    assert found["format_version"] == "1.0"
    failing = sum(each["status"] == "fail" for each in found["checks"])
    assert (found["summary"]["failures"], result.exit_code) == (failing, 1 if failing else 0)
    assert all(each["advice"] for each in found["checks"] if each["status"] in ("warn", "fail"))
    return {(each["check"], each["subject"]): each for each in found["checks"]}


def verdict(found, check, subject):
    return found[check, subject]["status"]


def test_where_all_is_well_it_ends_with_0(tmp_path):
    with served(LLAMA) as server:
        path = one(tmp_path, f"{server.url}/v1", model="{at: box, id: smollm2-135m, context: 4096}")
        found = checks(path)
        told = run(path)
    assert {each["status"] for each in found.values()} == {"ok"}
    assert {check for check, _ in found} == {"file", "endpoint", "model", "context"}
    assert found["endpoint", "box"]["ms"] > 0
    assert told.stdout.splitlines()[-1] == "0 failures, 0 warnings, 4 well"


def test_an_unset_variable_is_told_with_the_endpoint_that_needs_it(tmp_path):
    with served(LLAMA) as server:
        path = one(tmp_path, f"{server.url}/v1", more=', key: "${env:BOX_KEY}"')
        found = checks(path, env={"BOX_KEY": None})
        assert server.asked == []
        well = checks(path, env={"BOX_KEY": "hunter22hunter22"})
    assert verdict(found, "variable", "BOX_KEY") == "fail"
    assert "`box` needs it" in found["variable", "BOX_KEY"]["detail"]
    assert found["endpoint", "box"] == {
        "check": "endpoint",
        "subject": "box",
        "status": "skip",
        "detail": "not asked: `BOX_KEY` is not set",
        "advice": None,
        "ms": None,
    }
    assert verdict(well, "variable", "BOX_KEY") == "ok"


@pytest.mark.parametrize(
    "unset",
    [
        'url: "http://${env:NO_HOST}:8080/v1"',
        'url: "${env:NO_HOST}"',
        'url: "http://127.0.0.1:${env:NO_HOST}/v1"',
    ],
)
def test_an_address_that_is_not_known_keeps_only_its_own_endpoint_from_being_asked(tmp_path, unset):
    with served(LLAMA) as server:
        path = write(
            tmp_path,
            f'endpoints: {{box: {{kind: openai, url: "{server.url}/v1"}}, far: {{kind: openai, {unset}, locality: remote}}}}\n'
            "models: {m: {at: [box, far], id: smollm2-135m}}\nrules: [{use: m}]",
        )
        found = checks(path)
    assert (verdict(found, "endpoint", "box"), verdict(found, "endpoint", "far")) == ("ok", "skip")
    assert [each["status"] for (check, _), each in found.items() if check == "file"] == ["ok"]


def test_no_secret_is_ever_shown(tmp_path):
    echo = Said({"error": {"message": "wrong key hunter22hunter22"}}, 401)
    with served({}, echo) as server:
        path = one(tmp_path, f"{server.url}/v1", more=', key: "${env:BOX_KEY}"')
        result = run(path, env={"BOX_KEY": "hunter22hunter22"})
        found = checks(path, env={"BOX_KEY": "hunter22hunter22"})
    assert "hunter22" not in result.output
    assert "hunter22" not in str(found)
    assert "its key is refused" in found["endpoint", "box"]["advice"]


def test_a_server_that_wants_a_key_is_told_apart_from_one_that_refuses_it(tmp_path):
    with served({}, Said({"error": "no"}, 401)) as server:
        found = checks(one(tmp_path, f"{server.url}/v1"))
    assert "it wants a credential" in found["endpoint", "box"]["advice"]


def test_a_secret_file_that_cannot_be_read_keeps_endpoints_from_being_asked(tmp_path):
    with served(LLAMA) as server:
        found = checks(one(tmp_path, f"{server.url}/v1", more=', key: "${file:secret}"'))
        assert server.asked == []
    assert [each["status"] for (check, _), each in found.items() if check == "file"] == ["fail"]
    assert found["endpoint", "box"]["detail"] == "not asked: the file has errors"


def test_a_mistake_in_the_rules_does_not_keep_endpoints_from_being_asked(tmp_path):
    with served(LLAMA) as server:
        path = one(
            tmp_path,
            f"{server.url}/v1",
            model="{at: box, id: smollm2-135m}",
            rest="invariants: [{name: n, for_all: {task: chat}, every_hop: {locality: remote}}]",
        )
        found = checks(path)
    assert [each["detail"][:4] for (check, _), each in found.items() if check == "file"] == ["R414"]
    assert verdict(found, "endpoint", "box") == "ok"


@pytest.mark.parametrize(
    ("url", "kind", "advice"),
    [
        ("http://127.0.0.1:9", "ollama", "start it with: ollama serve"),
        ("http://127.0.0.1:9/v1", "openai", "see that http://127.0.0.1:9/v1 is right"),
        ("http://127.0.0.1:9", "opencode", "see that http://127.0.0.1:9 is right"),
    ],
)
def test_a_dead_server_is_told_with_what_would_start_it(tmp_path, url, kind, advice):
    found = checks(one(tmp_path, url, kind=kind))
    assert verdict(found, "endpoint", "box") == "fail"
    assert found["endpoint", "box"]["advice"].startswith(advice)


@pytest.mark.parametrize("said", [PAGE, Said(b"404 page not found", 404, kind="text/plain")])
def test_a_wrong_address_is_told_with_how_it_usually_ends(tmp_path, said):
    with served({}, said) as server:
        found = checks(one(tmp_path, server.url))
    assert verdict(found, "endpoint", "box") == "fail"
    assert "it usually ends with /v1; `router discover` tells" in found["endpoint", "box"]["advice"]


def test_a_server_that_fails_is_told_with_where_to_look(tmp_path):
    with served({}, Said(b"", 500)) as server:
        found = checks(one(tmp_path, f"{server.url}/v1"))
    assert found["endpoint", "box"]["advice"].startswith("see the log of the server at")


@pytest.mark.parametrize(("status", "word"), [(503, "wait until it has loaded"), (429, "limits how often")])
def test_a_server_that_is_only_busy_is_a_warning(tmp_path, status, word):
    said = Said(
        {"error": {"message": "Loading model", "type": "unavailable_error" if status == 503 else ""}}, status
    )
    with served({}, said) as server:
        found = checks(one(tmp_path, f"{server.url}/v1"))
    assert verdict(found, "endpoint", "box") == "warn"
    assert word in found["endpoint", "box"]["advice"]


def test_a_model_that_is_not_there_is_told_with_what_was_meant(tmp_path):
    with served(ROUTED) as server:
        near = checks(one(tmp_path, f"{server.url}/v1", model="{at: box, id: smolm2}"))
        far = checks(one(tmp_path, f"{server.url}/v1", model="{at: box, id: gpt}"))
    assert near["model", "m at box"]["status"] == "fail"
    assert near["model", "m at box"]["advice"] == "write `id: smollm2`"
    assert "smollm2" in far["model", "m at box"]["advice"]


def test_a_model_that_is_not_pulled_is_told_with_the_command_that_does(tmp_path):
    with fake_ollama("llama3.2") as server:
        found = checks(one(tmp_path, server.url, kind="ollama", model="{at: box, id: qwen3}"))
        there = checks(one(tmp_path, server.url, kind="ollama", model="{at: box, id: llama3.2}"))
    assert found["model", "m at box"]["advice"] == "pull it: ollama pull qwen3"
    assert there["model", "m at box"]["status"] == "ok"


def test_a_server_without_models_is_told(tmp_path):
    with served({"/v1/models": Said({"data": []})}) as server:
        found = checks(one(tmp_path, f"{server.url}/v1"))
    assert found["model", "m at box"]["advice"] == "it has none: give it one"


def test_a_model_that_could_not_be_loaded_is_told(tmp_path):
    with served(ROUTED) as server:
        found = checks(one(tmp_path, f"{server.url}/v1", model="{at: box, id: broken}"))
    assert found["model", "m at box"]["detail"] == "`broken` is there and could not be loaded"


def test_a_llama_server_that_answers_any_name_is_a_warning(tmp_path):
    with served(LLAMA) as server:
        found = checks(one(tmp_path, f"{server.url}/v1", model="{at: box, id: qwen}"))
    assert found["model", "m at box"]["status"] == "warn"
    assert found["model", "m at box"]["advice"] == "write `id: smollm2-135m` if that is the one you mean"


@pytest.mark.parametrize(("written", "status"), [(8192, "fail"), (4096, "ok"), (1024, "ok")])
def test_the_window_is_held_against_what_the_server_has(tmp_path, written, status):
    with served(LLAMA) as server:
        model = f"{{at: box, id: smollm2-135m, context: {written}}}"
        found = checks(one(tmp_path, f"{server.url}/v1", model=model))
    assert verdict(found, "context", "m at box") == status


def test_a_window_that_is_not_written_is_suggested(tmp_path):
    with served(LLAMA) as server:
        found = checks(one(tmp_path, f"{server.url}/v1", model="{at: box, id: smollm2-135m}"))
    assert found["context", "m at box"]["advice"] == "write `context: 4096`"


def test_more_calls_at_once_than_slots_are_a_warning(tmp_path):
    with served(LLAMA) as server:
        found = checks(
            one(tmp_path, f"{server.url}/v1", model="{at: box, id: smollm2-135m}", more=", concurrency: 3")
        )
    assert found["slots", "box"]["advice"] == "write `concurrency: 2`, or start the server with more slots"


def test_a_file_that_calls_could_not_write_is_a_failure(tmp_path, monkeypatch):
    (tmp_path / "folder").mkdir()
    (tmp_path / "kept.sqlite").touch(0o600)
    path = write(
        tmp_path,
        "endpoints: {here: {kind: mock}}\nmodels: {m: {at: here}}\nrules: [{use: m}]\n"
        "log: {calls: folder}\ncosts: {ledger: no/costs.sqlite}\ncache: {store: {sqlite: kept.sqlite}, ttl: 1h}",
    )
    found = checks(path)
    assert found["writable", "log.calls"]["detail"].endswith("folder cannot be written: it is a folder")
    assert found["writable", "costs.ledger"]["advice"] == f"make it: mkdir -p {tmp_path / 'no'}"
    assert found["writable", "cache.store"]["status"] == "ok"
    monkeypatch.setattr(os, "access", lambda _, mode: mode != os.W_OK)
    assert "permission denied" in checks(path)["writable", "cache.store"]["detail"]
    assert not (tmp_path / "no").exists()


def test_a_file_of_calls_that_others_can_read_is_a_warning_and_stays_as_it_is(tmp_path):
    log = tmp_path / "calls.jsonl"
    log.touch()
    log.chmod(0o640)
    text = "endpoints: {here: {kind: mock}}\nmodels: {m: {at: here}}\nrules: [{use: m}]\nlog: {calls: calls.jsonl}"
    found = checks(write(tmp_path, text))["writable", "log.calls"]
    assert found["status"] == "warn"
    assert found["detail"] == f"{log} tells who asked what, and others can read it (mode 0640)"
    assert f"chmod 600 {log}" in found["advice"]
    assert log.stat().st_mode & 0o777 == 0o640


def test_a_file_with_a_secret_that_others_can_read_is_a_warning(tmp_path):
    for name, mode in (("mine.txt", 0o600), ("token.txt", 0o644)):
        (tmp_path / name).write_text("hunter22hunter22", encoding="utf-8")
        (tmp_path / name).chmod(mode)
    with served(LLAMA) as server:
        more = ', key: "${file:mine.txt}", headers: {X-Token: "${file:token.txt}", X-Run: "${file:/run/secrets/no}"}'
        found = checks(one(tmp_path, f"{server.url}/v1", more=more))
    assert found["readable", "token.txt"]["detail"] == "holds a secret, and others can read it (mode 0644)"
    assert found["readable", "token.txt"]["advice"] == f"chmod 600 {tmp_path / 'token.txt'}"
    assert {subject for check, subject in found if check == "readable"} == {"token.txt"}


def test_a_file_that_holds_no_mapping_is_told_and_has_no_secrets(tmp_path):
    path = tmp_path / "router.yaml"
    path.write_text("- a\n", encoding="utf-8")
    assert run(path).exit_code == 1


def test_an_ollama_that_cuts_prompts_unseen_is_a_failure(tmp_path):
    with fake_ollama("m") as server:
        path = one(tmp_path, server.url, kind="ollama")
        assert verdict(checks(path), "version", "box") == "ok"
        server.version = "0.11.4"
        found = checks(path)
    assert found["version", "box"]["status"] == "fail"
    assert found["version", "box"]["advice"] == "update Ollama to 0.12.6 or later"


def test_an_ollama_that_does_not_tell_its_version_is_no_trouble(tmp_path):
    answers = {"/api/tags": Said({"models": [{"name": "m"}]}), "/api/ps": Said({"models": []})}
    with served(answers) as server:
        found = checks(one(tmp_path, server.url, kind="ollama"))
    assert {each["status"] for each in found.values()} == {"ok"}
    assert ("version", "box") not in found


def test_a_local_endpoint_whose_model_is_answered_elsewhere_is_a_failure(tmp_path):
    with fake_ollama(**{"m:latest": Pulled(remote_host="https://ollama.com:443")}) as server:
        found = checks(one(tmp_path, server.url, kind="ollama"))
        remote = checks(one(tmp_path, server.url, kind="ollama", more=", locality: remote"))
    assert found["locality", "m at box"]["detail"].startswith("`m` is answered by https://ollama.com:443")
    assert ("locality", "m at box") not in remote


def test_a_remote_list_that_lacks_a_name_is_only_a_warning(tmp_path):
    with served({"/v1/models": Said({"data": [{"id": "a"}]})}) as server:
        found = checks(one(tmp_path, f"{server.url}/v1", more=", locality: remote"))
    assert verdict(found, "model", "m at box") == "warn"


def test_azures_list_does_not_tell_what_calls_may_name(tmp_path):
    with served({"/openai/models": Said({"data": [{"id": "gpt-4o"}]})}) as server:
        found = checks(one(tmp_path, server.url, more=", quirks: azure"))
    assert ("model", "m at box") not in found
    assert verdict(found, "endpoint", "box") == "ok"


@pytest.mark.parametrize(("skew", "status"), [(5, "ok"), (-120, "warn"), (1000, "fail")])
def test_the_clock_is_held_against_those_of_other_machines(tmp_path, skew, status):
    now = 1_795_000_000.0

    class At(LoopClock):
        def wall(self):
            return now

    stamp = {"Date": formatdate(now - skew, usegmt=True)}
    answers = {"/v1/models": Said({"data": [{"id": "m"}]}), "/": Said(b"", 404, headers=stamp)}
    with served(answers) as server:
        path = one(tmp_path, f"{server.url}/v1", more=", locality: remote")
        found = asyncio.run(examine(prepare(path, {}), clock=At()))
    (clock,) = [each for each in found if each.check == "clock"]
    assert clock.verdict == status
    assert (clock.advice == "") == (status == "ok")


def test_a_server_that_does_not_tell_the_time_says_nothing_of_the_clock(tmp_path):
    with served({"/v1/models": Said({"data": [{"id": "m"}]})}) as server:
        found = checks(one(tmp_path, f"{server.url}/v1", more=", locality: remote"))
    assert not [check for check, _ in found if check == "clock"]


def test_a_knock_carries_no_key():
    with served({"/": Said({"a": 1}, headers={"Date": "nonsense"})}) as server:
        found = asyncio.run(knock(Endpoint("box", "openai", "local", server.url), "/"))
    assert (found.status, found.fields, found.date, found.page) == (200, {"a": 1}, None, False)
    assert "authorization" not in server.asked[0][2]
    assert Knock(200, 0.1, value=[1]).fields == {}


SIZES = "endpoints: {{box: {{kind: openai, url: '{url}'{more}}}}}\nmodels: {{m: {{at: box, memory: 6GiB}}, n: {{at: box, memory: 5GiB}}}}\nrules: [{{use: [m, n]}}]"


@pytest.mark.parametrize(
    ("machine", "more", "status"),
    [
        (4, ", memory: 12GiB", "fail"),
        (8, ", memory: 8GiB", "ok"),
        (16, ", memory: 12GiB", "ok"),
        (None, ", memory: 12GiB", None),
    ],
)
def test_memory_is_held_against_what_the_machine_has(tmp_path, monkeypatch, machine, more, status):
    monkeypatch.setattr(doctor, "machine_memory", lambda: None if machine is None else machine * 2**30)
    path = write(tmp_path, SIZES.format(url="http://127.0.0.1:9/v1", more=more))
    found = checks(path, "--timeout", "0.5")
    assert found.get(("memory", "this machine"), {"status": None})["status"] == status


def test_the_machine_tells_its_memory(monkeypatch):
    assert doctor.machine_memory() > 2**20
    monkeypatch.delattr(os, "sysconf")
    assert doctor.machine_memory() is None


def test_a_file_of_certificates_that_is_not_there_is_told(tmp_path):
    found = checks(one(tmp_path, "https://127.0.0.1:9/v1", more=", ca: none.pem"))
    assert found["readable", "box.ca"]["status"] == "fail"


def test_a_client_certificate_that_cannot_be_used_is_told_without_its_password(tmp_path, monkeypatch):
    monkeypatch.setenv("CERT_PASSWORD", "okapi-4711")
    (tmp_path / "me.pem").write_text("no certificate", encoding="utf-8")
    cert = 'cert: {file: me.pem, password: "${env:CERT_PASSWORD}"}'
    told = run(one(tmp_path, "https://127.0.0.1:9/v1", more=f", {cert}")).stdout
    assert "fail  readable  box.cert: endpoint `box`: " in told
    assert "me.pem holds no certificate with its private key in PEM form" in told
    assert "okapi" not in told


def test_files_that_are_there_are_told(tmp_path, scripted_model):
    path = scripted_model("I am here.")
    (tmp_path / "m.gguf").symlink_to(path)
    found = checks(
        write(
            tmp_path,
            "endpoints: {box: {kind: gguf, path: m.gguf}}\nmodels: {m: {at: box, id: m.gguf}}\nrules: [{use: m}]",
        )
    )
    assert verdict(found, "readable", "box.path") == "ok"
    assert found["endpoint", "box"]["ms"] is None
    assert {name: each for name, each in found.items() if each["status"] not in ("ok", "skip")} == {}


@pytest.mark.parametrize(
    ("models", "concurrency", "advice"),
    [
        ("{m: {at: box, id: m.gguf}}", 2, "write `concurrency: 1`"),
        ("{m: {at: box, id: m.gguf}, n: {at: box, id: m}}", 2, "write `concurrency: 1`"),
        ("{m: {at: box, id: m.gguf}, n: {at: box, id: m, context: 9}}", 2, None),
        ("{m: {at: box, id: m.gguf}, n: {at: box, id: n.gguf}}", 2, None),
        ("{m: {at: box, id: m.gguf}, n: {at: box, id: n.gguf}}", 3, "write `concurrency: 2`"),
    ],
)
def test_model_files_answer_one_call_each_at_a_time(tmp_path, scripted_model, models, concurrency, advice):
    folder = tmp_path / "models"
    folder.mkdir()
    for name in ("m", "n"):
        (folder / f"{name}.gguf").symlink_to(scripted_model("I am here."))
    head = f"endpoints: {{box: {{kind: gguf, path: models, concurrency: {concurrency}}}}}"
    found = checks(write(tmp_path, f"{head}\nmodels: {models}\nrules: [{{use: m}}]"))
    told = found.get(("slots", "box"))
    assert (told and told["advice"]) == advice


def test_offline_contacts_no_remote_endpoint(tmp_path):
    with served(LLAMA) as server:
        found = checks(one(tmp_path, f"{server.url}/v1", more=", locality: remote"), "--offline")
        assert server.asked == []
    assert verdict(found, "endpoint", "box") == "skip"


def test_quiet_tells_only_what_is_wrong(tmp_path):
    with served(LLAMA) as server:
        well = run(one(tmp_path, f"{server.url}/v1", model="{at: box, id: smollm2-135m}"), "-q")
    assert well.stdout.splitlines() == ["0 failures, 0 warnings, 4 well"]
    wrong = run(one(tmp_path, "http://127.0.0.1:9/v1"), "-q").stdout.splitlines()
    assert wrong[0].startswith("fail  endpoint  box: box (127.0.0.1:9) cannot be reached")
    assert wrong[-1] == "1 failure, 0 warnings, 1 well"


def gguf(tmp_path, scripted_model, endpoint="", model="", tail=""):
    """Write a file with one model file of 32 KiB, which needs 44.9 MiB with the 4,096 tokens of its usual window."""
    (tmp_path / "m.gguf").symlink_to(scripted_model("I am here."))
    head = f"endpoints: {{box: {{kind: gguf, path: m.gguf{endpoint}}}}}\n"
    return write(tmp_path, f"{head}models: {{m: {{at: box, id: m.gguf{model}}}}}\nrules: [{{use: m}}]{tail}")


def test_a_model_file_that_never_fits_the_memory_of_its_endpoint_fails_with_figures(tmp_path, scripted_model):
    found = checks(gguf(tmp_path, scripted_model, ", memory: 20MiB"))["memory", "m at box"]
    assert found["status"] == "fail"
    assert re.fullmatch(
        r"is never loaded: it needs [\d.]+ MiB with its usual window: [\d.]+ MiB of files, [\d.]+ MiB beside them; "
        r"`box` has 20MiB for all its models",
        found["detail"],
    )
    assert found["advice"] == "raise `memory`, or take a smaller model or a smaller quantization of it"


def test_a_model_file_that_never_fits_the_machine_is_told_of_the_tighter_limit(tmp_path, scripted_model):
    path = gguf(tmp_path, scripted_model, ", memory: 30MiB", tail="\nmachine: {memory: 20MiB}")
    found = checks(path)["memory", "m at box"]
    assert found["status"] == "fail"
    assert found["detail"].endswith("; this machine has 20MiB for all local models")


def test_a_window_that_is_too_long_is_told_with_the_longest_that_fits(tmp_path, scripted_model):
    path = gguf(tmp_path, scripted_model, ", memory: 64MiB", ", context: 1000000")
    found = checks(path)["memory", "m at box"]
    assert "with a window of 1,000,000 tokens" in found["detail"]
    (tokens,) = re.findall(r"write `context: (\d+)` or less, or raise `memory`", found["advice"])
    for context, status in ((int(tokens), "ok"), (int(tokens) + 512, "fail")):
        text = path.read_text(encoding="utf-8").replace("context: 1000000", f"context: {context}")
        path.write_text(text, encoding="utf-8")
        assert checks(path)["memory", "m at box"]["status"] == status
        path.write_text(text.replace(f"context: {context}", "context: 1000000"), encoding="utf-8")


@pytest.mark.parametrize(
    ("endpoint", "model", "status"),
    [
        (", memory: 1GiB", "", "ok"),
        (", memory: 1GiB", ", memory: 2GiB", None),  # what is written is `router check`'s
        (", memory: 20MiB, locality: remote", "", "fail"),
        ("", "", None),
        (", isolation: process, threads: 1", "", None),
    ],
)
def test_a_model_file_is_held_against_a_limit_alone_that_is_declared(
    tmp_path, scripted_model, endpoint, model, status
):
    found = checks(gguf(tmp_path, scripted_model, endpoint, model))
    assert found.get(("memory", "m at box"), {"status": None})["status"] == status


def test_a_model_that_is_too_large_with_any_window_is_told_no_window(tmp_path, scripted_model):
    found = checks(gguf(tmp_path, scripted_model, ", memory: 20MiB", ", context: 4096"))["memory", "m at box"]
    assert found["advice"] == "raise `memory`, or take a smaller model or a smaller quantization of it"


def test_a_model_that_is_not_there_and_a_server_that_cannot_tell_are_held_against_nothing(
    tmp_path, scripted_model
):
    path = gguf(tmp_path, scripted_model, ", memory: 20MiB")
    (tmp_path / "other.gguf").symlink_to(scripted_model("I am here."))
    text = path.read_text(encoding="utf-8").replace("path: m.gguf", "path: .")
    path.write_text(text.replace("id: m.gguf", "id: n.gguf"), encoding="utf-8")
    found = checks(path)
    assert verdict(found, "model", "m at box") == "fail"
    assert ("memory", "m at box") not in found
    with served(LLAMA) as server:
        url = f"{server.url}/v1"
        found = checks(one(tmp_path, url, model="{at: box, id: smollm2-135m}", more=", memory: 1MiB"))
    assert ("memory", "m at box") not in found


def test_a_file_that_is_no_model_is_not_held_against_a_limit(tmp_path):
    (tmp_path / "m.gguf").write_bytes(b"GGUF" + bytes(64))
    text = "endpoints: {box: {kind: gguf, path: m.gguf, memory: 1MiB}}\nmodels: {m: {at: box, id: m.gguf}}\nrules: [{use: m}]"
    assert ("memory", "m at box") not in checks(write(tmp_path, text))
    (tmp_path / "m.gguf").unlink()
    assert ("memory", "m at box") not in checks(tmp_path / "router.yaml")
