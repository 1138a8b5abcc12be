"""Several files to one: how values merge, and which files are refused."""

from __future__ import annotations

import os
import time

import pytest
from support.layers import BASE, TOP, found, show, top, values

from router.checks.registry import run_all
from router.compile.compiler import compile_configuration
from router.diagnostics.output import FORMATS


def test_mappings_merge_by_key_at_every_depth_and_new_keys_come_last(files):
    loaded = files(
        top("models: {small: {options: {max_tokens: 5}, context: 8192}, mine: {at: here}}\nname: x\n")
    )
    models = values(loaded)["models"]
    assert list(models) == ["small", "large", "mine"]
    assert models["small"] == {
        "at": "here",
        "context": 8192,
        "options": {"temperature": 0.5, "max_tokens": 5},
    }


def test_a_list_is_replaced_as_a_whole(files):
    assert values(files(top("rules: [{use: small}]\n")))["rules"] == [{"use": "small"}]


@pytest.mark.parametrize(("written", "timeout"), [("{total: 5s}", {"total": "5s"}), ("9s", "9s")])
def test_a_value_of_another_type_is_replaced(files, written, timeout):
    loaded = files(top(f"endpoints: {{here: {{timeout: {written}}}}}\n"))
    assert values(loaded)["endpoints"]["here"]["timeout"] == timeout


def test_an_endpoint_of_another_kind_replaces_what_was_there_and_one_of_the_same_kind_does_not(files):
    loaded = files(top("endpoints: {cloud: {kind: mock}, here: {kind: openai, concurrency: 3}}\n"))
    endpoints = values(loaded)["endpoints"]
    assert endpoints["cloud"] == {"kind": "mock"}
    assert endpoints["here"]["timeout"] == "30s"
    assert found(loaded) == []


def test_only_endpoints_have_a_kind_that_replaces(files):
    base = BASE.replace(
        "temperatures: {", "dimensions: {task: {values: [kind, code, chat]}}\ntemperatures: {kind: 1, "
    )
    assert values(files(top("temperatures: {kind: 0}\n", base)))["temperatures"] == {
        "kind": 0,
        "code": 0.2,
        "default": 0.7,
    }


def test_what_stands_later_wins_through_all_files(files):
    loaded = files(
        {
            "router.yaml": "version: 1\nextends: [one.yaml, two.yaml]\noverlays: [three.yaml, four.yaml]\n"
            "temperatures: {chat: 0.3, creative: 0.3, analysis: 0.3}\n",
            "one.yaml": TOP
            + "temperatures: {code: 0.1, chat: 0.1, default: 0.1, analysis: 0.1, creative: 0.1}\n",
            "two.yaml": "version: 1\ntemperatures: {default: 0.2, code: 0.2, chat: 0.2}\noverlays: over.yaml\n",
            "over.yaml": "version: 1\ntemperatures: {code: 1.2}\n",
            "three.yaml": "version: 1\ntemperatures: {analysis: 0.4, creative: 0.4}\n",
            "four.yaml": "version: 1\ntemperatures: {creative: 0.5}\n",
            "base.yaml": BASE,
        }
    )
    assert found(loaded) == []
    assert values(loaded)["temperatures"] == {
        "code": 1.2,
        "default": 0.2,
        "chat": 0.3,
        "analysis": 0.4,
        "creative": 0.5,
    }
    assert {"extends", "overlays"} & set(values(loaded)) == set()


def test_a_file_named_twice_is_merged_twice(files):
    loaded = files(
        {
            "router.yaml": "version: 1\nextends: [base.yaml, cold.yaml]\n",
            "base.yaml": BASE,
            "cold.yaml": "version: 1\nextends: base.yaml\ntemperatures: {code: 0}\n",
        }
    )
    assert values(loaded)["temperatures"]["code"] == 0
    assert list(loaded.sources) == ["router.yaml", "base.yaml", "cold.yaml"]


def test_merging_changes_neither_side_that_an_alias_shares(files):
    base = BASE.replace("small: {at", "small: &s {at").replace(
        "large: {at: cloud}", "large: {at: cloud}\n  twin: *s"
    )
    models = values(files(top("models: {small: {context: 1}}\n", base)))["models"]
    assert (models["small"]["context"], models["twin"]["context"]) == (1, 4096)


def test_a_name_is_a_path_from_the_folder_of_the_file_that_says_it(files):
    loaded = files(
        {
            "router.yaml": "version: 1\nextends: parts/rules.yaml\n",
            "parts/rules.yaml": "version: 1\nextends: [more/models.yaml, ../base.yaml]\n",
            "parts/more/models.yaml": "version: 1\nname: deep\n",
            "base.yaml": BASE,
        }
    )
    assert found(loaded) == []
    assert values(loaded)["name"] == "deep"


def test_paths_in_values_start_at_the_folder_of_the_file_that_is_loaded(files, tmp_path):
    part = (
        'version: 1\nendpoints: {file: {kind: gguf, path: m.gguf}, cloud: {key: "${file:key}", ca: ca.pem}}\n'
    )
    named = top("overlays: parts/one.yaml\nmodels: {own: {at: file}}\nrules: [{use: [own, large, small]}]\n")
    (tmp_path / "key").write_text("the key\n", encoding="utf-8")
    loaded = files({**named, "parts/one.yaml": part}, X="y")
    assert loaded.document.endpoints["cloud"].key_.reveal() == "the key"
    endpoints = compile_configuration(loaded)[0].endpoints
    assert endpoints["file"].settings["path"] == "m.gguf"
    assert endpoints["cloud"].settings["ca"] == "ca.pem"


def test_what_is_required_may_stand_in_any_of_the_files(files):
    parts = {
        "router.yaml": "version: 1\nextends: [e.yaml, m.yaml]\nrules: [{use: a}]\nendpoints: {here: {kind: mock}}\n",
        "e.yaml": "version: 1\nendpoints: {here: {concurrency: 2}}\n",
        "m.yaml": "version: 1\nmodels: {a: {at: here}}\n",
    }
    assert found(files(parts)) == []
    assert found(files({**parts, "m.yaml": "version: 1\n"})) == [("R202", "router.yaml:1:1")]


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        (BASE.replace("version: 1\n", ""), [("R202", "base.yaml:1:1")]),
        (BASE.replace("version: 1", "version: 2"), [("R208", "base.yaml:1:10")]),
        (BASE.replace("version: 1", "versoin: 1"), [("R201", "base.yaml:1:1")]),
        (BASE.replace("rules:", "\trules:"), [("R103", "base.yaml:9:1")]),
        ("", [("R114", "base.yaml:1:1")]),
        (BASE + "rules: []\n", [("R102", "base.yaml:12:1")]),
        ("version: 1\nmodel_list: []\n", [("R107", "base.yaml:2:1")]),
    ],
)
def test_each_file_is_one_of_ours_with_its_version(files, base, expected):
    assert found(files(top("models: {mine: {at: here}}\nrules: [{use: mine}]\n", base))) == expected


def test_the_file_that_is_loaded_has_its_own_version_too(files):
    assert found(files({"router.yaml": "extends: base.yaml\n", "base.yaml": BASE})) == [
        ("R202", "router.yaml:1:1")
    ]


def test_null_takes_nothing_away(files):
    assert found(files(top("temperatures: null\n"))) == [("R203", "router.yaml:3:15")]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("none.yaml", "cannot be read: no such file or directory"),
        ("folder.yaml", "cannot be read: it is no regular file"),
        ("../out.yaml", "leads out of the configuration's folder"),
        ("in/../../out.yaml", "leads out of the configuration's folder"),
        ("link.yaml", "leads out of the configuration's folder"),
        ("linked/out.yaml", "leads out of the configuration's folder"),
        ("loop.yaml", "is no usable name"),
        ("/etc/passwd.yaml", "is not beside the configuration or below it"),
        ("file:///etc/passwd.yaml", "is not beside the configuration or below it"),
        ("C:x.yaml", "is not beside the configuration or below it"),
        ('"..\\\\out.yaml"', "is not beside the configuration or below it"),
        ("secrets.txt", "is no .yaml file"),
        (".", "is no .yaml file"),
        ("text.yaml", "is no configuration"),
        ('"a\\0b.yaml"', "is no usable name"),
        ("x" * 5000 + ".yaml", ""),
    ],
)
def test_a_file_that_must_not_be_read_is_refused_where_it_is_named_and_never_shown(
    files, tmp_path, name, why
):
    inside = tmp_path / "in"
    (inside / "folder.yaml").mkdir(parents=True)
    (tmp_path / "out.yaml").write_text("hunter2: 1\n", encoding="utf-8")
    (inside / "secrets.txt").write_text("hunter2", encoding="utf-8")
    (inside / "text.yaml").write_text("hunter2", encoding="utf-8")
    (inside / "link.yaml").symlink_to(tmp_path / "out.yaml")
    (inside / "linked").symlink_to(tmp_path)
    (inside / "loop.yaml").symlink_to(inside / "loop.yaml")
    loaded = files({"in/router.yaml": f"version: 1\nextends: {name}\nmodels: {{a: {{at: here}}}}\n"})
    assert found(loaded) == [("R306", "in/router.yaml:2:10")]
    assert why in run_all(loaded)[0].message
    for form in FORMATS:
        assert "hunter2" not in show(loaded, form)


def test_a_pipe_is_not_opened(files, tmp_path):
    os.mkfifo(tmp_path / "base.yaml")
    assert found(files({"router.yaml": TOP})) == [("R306", "router.yaml:2:10")]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("5", [("R203", "router.yaml:5:10")]),
        ("{a: base.yaml}", [("R203", "router.yaml:5:10")]),
        ("[]", [("R205", "router.yaml:5:10")]),
        ('""', [("R204", "router.yaml:5:10")]),
        ('"${env:BASE:-base.yaml}"', [("R214", "router.yaml:5:10")]),
        ("[base.yaml, [base.yaml]]", [("R203", "router.yaml:5:22")]),
    ],
)
def test_what_names_no_file_is_one_finding_and_what_it_was_to_bring_is_not_missed(files, written, expected):
    text = f"version: 1\nmodels: {{a: {{at: there}}}}\nrules: [{{use: b}}]\n\nextends: {written}\n"
    assert found(files({"router.yaml": text, "base.yaml": BASE})) == expected


def test_a_misspelt_extends_is_one_finding(files):
    text = "version: 1\nextend: base.yaml\nrules: [{use: small}]\n"
    assert found(files({"router.yaml": text, "base.yaml": BASE})) == [("R201", "router.yaml:2:1")]


def test_with_a_file_missing_what_is_there_is_still_read(files):
    loaded = files(
        {"router.yaml": "version: 1\noverlays: none.yaml\nmodels: {a: {contxt: 5}}\nrules: [{name: x}]\n"}
    )
    assert found(loaded) == [
        ("R306", "router.yaml:2:11"),
        ("R201", "router.yaml:3:14"),
        ("R202", "router.yaml:4:9"),
    ]


def test_a_missing_file_of_a_file_is_reported_once_in_that_file(files):
    named = top(
        "", "version: 1\nextends: [x.yaml, ./x.yaml, y.yaml]\n", **{"y.yaml": "version: 1\nextends: x.yaml\n"}
    )
    assert found(files(named)) == [("R306", "base.yaml:2:11")]


@pytest.mark.parametrize(
    ("named", "place", "way"),
    [
        (
            {"router.yaml": "version: 1\nextends: ./router.yaml\n"},
            "router.yaml:2:10",
            "router.yaml → router.yaml",
        ),
        (
            {
                "router.yaml": "version: 1\nextends: a.yaml\n",
                "a.yaml": "version: 1\noverlays: b/b.yaml\n",
                "b/b.yaml": "version: 1\nextends: ../a.yaml\n",
            },
            "b/b.yaml:2:10",
            "a.yaml → b/b.yaml → a.yaml",
        ),
    ],
)
def test_a_cycle_is_an_error_that_shows_the_way(files, named, place, way):
    loaded = files(named)
    assert found(loaded) == [("R306", place)]
    assert run_all(loaded)[0].message.endswith(f"comes back to itself: {way}")


def test_too_many_names_are_one_finding(files):
    names = ", ".join(["base.yaml"] * 40)
    loaded = files({"router.yaml": f"version: 1\nextends: [{names}]\n", "base.yaml": BASE})
    assert [(each.code, each.message) for each in run_all(loaded) if each.severity != "info"] == [
        ("R306", "the file `base.yaml` is one of more than 32")
    ]


def test_too_much_text_is_refused(files):
    padding = "# " + "x" * 1_200_000 + "\n"
    loaded = files(
        {
            "router.yaml": "version: 1\nextends: [a.yaml, b.yaml]\n",
            "a.yaml": padding + BASE,
            "b.yaml": padding + BASE,
        }
    )
    assert found(loaded) == [("R306", "router.yaml:2:19")]


def test_a_file_that_is_too_large_or_no_text_is_a_finding_of_its_own(files, tmp_path):
    (tmp_path / "bytes.yaml").write_bytes(b"version: 1\nname: \xff\n")
    (tmp_path / "large.yaml").write_bytes(b"#" * 2_000_001)
    loaded = files({"router.yaml": "version: 1\nextends: [bytes.yaml, large.yaml]\n"})
    assert found(loaded) == [("R112", "bytes.yaml:2:7"), ("R113", "large.yaml:1:1")]


def test_files_that_name_each_other_in_a_lattice_are_read_in_time(files):
    named = {"router.yaml": "version: 1\nextends: [f0.yaml, f1.yaml]\n"}
    named |= {
        f"f{n}.yaml": f"version: 1\nextends: [f{n + 1}.yaml, f{n + 2}.yaml]\n" if n < 13 else BASE
        for n in range(15)
    }
    began = time.perf_counter()
    assert found(files(named)) == []
    assert time.perf_counter() - began < 1
