from __future__ import annotations

import json

from router.diagnostics.diagnostic import Diagnostic, Edit, Fix, Related, count, in_order
from router.diagnostics.machine import as_json
from router.diagnostics.source import Source, Span, masked, printable
from router.diagnostics.text import WIDEST, concise, human, summary


def at(line, column, end_line=None, end_column=None, file="f.yaml"):
    return Span(file, line, column, end_line or line, end_column or column + 1)


def finding(span, **more):
    settings = {"code": "R201", "name": "unknown-key", "severity": "error", "message": "bad", **more}
    return Diagnostic(span=span, **settings)


def shown(text, found):
    return human([found], {"f.yaml": Source("f.yaml", text)}).split("\n")


def test_a_place_of_one_line_gets_carets_of_its_length():
    assert shown("a: bcd\n", finding(at(1, 4, 1, 7), label="here"))[3:5] == ["1 | a: bcd", "  |    ^^^ here"]


def test_a_place_of_several_lines_is_marked_to_the_end_of_its_first():
    lines = shown("a:\n  b: 1\n  c: 2\n", finding(at(2, 3, 3, 7), label="all of it"))
    assert lines[3:5] == ["2 |   b: 1", "  |   ^^^^ all of it"]


def test_tabs_are_one_column_wide():
    assert shown("a:\t\tb\n", finding(at(1, 5), label="x"))[3:5] == ["1 | a:  b", "  |     ^ x"]


def test_wide_characters_take_two_columns_and_combining_ones_none():
    lines = shown("日本: e\u0301x\n", finding(at(1, 7), label="x"))
    assert lines[4] == "  |        ^ x"


def test_related_places_of_one_line_each_get_a_line_of_marks():
    found = finding(
        at(1, 4), label="second", related=(Related(at(1, 1), "first"), Related(at(1, 6), "third"))
    )
    assert shown("abcdefg\n", found)[3:7] == [
        "1 | abcdefg",
        "  | - first",
        "  |    ^ second",
        "  |      - third",
    ]


def test_a_related_place_in_another_file_gets_lines_of_its_own():
    found = finding(at(1, 4), related=(Related(at(12, 1, file="g.yaml"), "first"),))
    sources = {"f.yaml": Source("f.yaml", "a: b\n"), "g.yaml": Source("g.yaml", "\n" * 11 + "c: d\n")}
    assert human([found], sources).split("\n")[1:8] == [
        "  --> f.yaml:1:4",
        "   |",
        " 1 | a: b",
        "   |    ^",
        "  ::: g.yaml:12:1",
        "   |",
        "12 | c: d",
    ]
    assert "   = note: first (g.yaml:12:1)" in shown("a: b\n", found)


def test_places_far_apart_have_dots_between_them():
    found = finding(at(4, 1), related=(Related(at(1, 1), "first"),))
    assert shown("a\nb\nc\nd\n", found)[3:8] == ["1 | a", "  | - first", "...", "4 | d", "  | ^"]


def test_a_place_at_the_end_of_the_file_is_shown():
    assert shown("a: 1\n", finding(at(2, 1)))[3:5] == ["2 |", "  | ^"]
    assert shown("a: 1", finding(at(9, 9)))[3:5] == ["9 |", "  | ^"]


def test_a_very_long_line_is_cut_around_the_place():
    lines = shown("x" * 5000 + "KEY" + "y" * 5000, finding(at(1, 5001, 1, 5004), label="here"))
    assert len(lines[3]) <= WIDEST + 8
    column = lines[4].index("^")
    assert lines[3][column : column + 3] == "KEY"
    assert lines[4].endswith("^^^ here")
    assert lines[3].startswith("1 | …")
    assert lines[3].endswith("…")


def test_a_second_place_outside_the_cut_still_prints():
    found = finding(at(1, 5001), label="here", related=(Related(at(1, 1), "far"),))
    assert "here" in "\n".join(shown("x" * 6000, found))


def test_a_related_place_in_another_file_is_a_note():
    found = finding(at(1, 1), related=(Related(at(7, 3, file="g.yaml"), "defined here"),))
    assert "  = note: defined here (g.yaml:7:3)" in shown("a\n", found)


def test_without_the_text_only_the_words_are_printed():
    assert human([finding(at(1, 1), help="do it", notes=("so",))], {}) == (
        "error[R201] unknown-key: bad\n --> f.yaml:1:1\n  = note: so\n  = help: do it\n\n"
    )


def test_control_characters_never_reach_a_terminal():
    evil = "a\x1b[31m\x07\u202e\r\n"
    found = finding(
        at(1, 1, file="f\x1b.yaml"),
        message=evil,
        label=evil,
        help=evil,
        notes=(evil,),
        related=(Related(at(1, 1), evil),),
    )
    text = human([found], {"f\x1b.yaml": Source("f\x1b.yaml", evil)}) + concise([found])
    assert not {"\x1b", "\x07", "\u202e", "\r"} & set(text)
    assert len(concise([found]).splitlines()) == 1


def test_secrets_are_masked_in_every_format():
    secrets = ("sk-abcdefghijklmnop", "Bearer abcdefghijkl")
    for secret in secrets:
        found = finding(
            at(1, 1),
            message=secret,
            label=secret,
            help=f"write {secret}",
            notes=(secret,),
            related=(Related(at(1, 2), secret),),
            fixes=(Fix(f"replace {secret}", (Edit(at(1, 1), secret),)),),
            rules=(secret,),
            path=secret,
        )
        text = human([found], {"f.yaml": Source("f.yaml", f"key: {secret}\n")})
        assert secret not in text + concise([found]) + json.dumps(as_json([found]))


def test_a_marked_secret_is_masked_at_its_width_and_over_several_lines():
    source = Source("f.yaml", "a: |\n  one\n  two\nb: 1")
    source.secrets.append(Span("f.yaml", 1, 4, 3, 6))
    assert [source.line(number) for number in range(6)] == ["", "a: *", "*****", "*****", "b: 1", ""]


def test_a_mark_beyond_the_line_masks_what_there_is():
    source = Source("f.yaml", "abc")
    source.secrets.append(Span("f.yaml", 1, 2, 1, 99))
    assert source.line(1) == "a**"


def test_lines_end_where_yaml_ends_them():
    assert Source("f", "a\r\nb\rc\nd\u2028e\u0085f\x0cg").lines == ["a", "b", "c", "d", "e", "f\x0cg"]


def test_a_value_in_a_message_is_one_short_line():
    assert printable("a\nb\ud800") == "a\\nb\\ud800"
    assert printable("x" * 100, 10) == "x" * 9 + "…"
    assert masked("a\ud800 sk-abcdefghijkl") == "a\\ud800 ***"


def test_json_tells_places_and_repairs():
    found = finding(
        at(1, 2, 3, 4),
        help="h",
        fixes=(Fix("t", (Edit(at(1, 1), "x\n"),)),),
        related=(Related(at(5, 6), "r"),),
    )
    (entry,) = as_json([found])["findings"]
    assert (entry["file"], entry["line"], entry["column"], entry["end_line"], entry["end_column"]) == (
        "f.yaml",
        1,
        2,
        3,
        4,
    )
    assert entry["fixes"][0]["edits"][0]["text"] == "x\n"
    assert entry["related"][0]["line"] == 5
    assert entry["fingerprint"] == found.fingerprint


def test_a_fingerprint_stays_when_lines_move_and_changes_with_the_place_in_the_document():
    one = finding(at(1, 1)).with_path("models.a")
    assert one.fingerprint == finding(at(9, 9)).with_path("models.a").fingerprint
    assert one.fingerprint != finding(at(1, 1)).with_path("models.b").fingerprint


def test_findings_are_ordered_by_importance_then_place_and_counted():
    found = [
        finding(at(1, 1), severity="info"),
        finding(at(2, 1)),
        finding(at(1, 1), severity="warning"),
        finding(at(1, 5)),
    ]
    assert [(each.severity, each.span.line) for each in in_order(found)] == [
        ("error", 1),
        ("error", 2),
        ("warning", 1),
        ("info", 1),
    ]
    assert count(found) == {"errors": 2, "warnings": 1, "infos": 1}
    assert summary(count(found), 1) == "2 errors, 1 warning, 1 info (1 fixable with `router check --fix`)"
    assert summary(count([]), 0) == ""
