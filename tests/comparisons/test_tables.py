"""Tables as Markdown, LaTeX, CSV and data frames."""

from __future__ import annotations

import csv
import re
import sys
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import frantools as ft

ROWS = [
    {"model": "a|b_c", "psnr": 26.123456789, "calls": 15, "real": True, "note": None},
    {"model": "50 % & $x$ #1 {y}", "psnr": 1.0, "calls": 1, "real": False, "note": "x\ny"},
]
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=20)


def test_markdown_is_rounded_and_escaped():
    assert ft.Table(ROWS).to_markdown().splitlines() == [
        "| model | PSNR, dB | network calls | real | note |",
        "| --- | --: | --: | --- | --- |",
        r"| a\|b_c | 26.1 | 15 | yes |  |",
        r"| 50 % \& \$x\$ #1 {y} | 1.0 | 1 | no | x y |",
    ]
    assert ft.Table(ROWS)._repr_markdown_() == ft.Table(ROWS).to_markdown()


@pytest.mark.parametrize(
    ("text", "output"),
    [("noise_stddev=zero", "noise_stddev=zero"), ("_x_", r"\_x\_"), ("*x* `y` <b>", r"\*x\* \`y\` \<b>")],
)
def test_markdown_escapes_only_markup(text, output):
    assert ft.Table([{"a": text}]).to_markdown().splitlines()[2] == f"| {output} |"


@given(TEXT)
def test_no_text_adds_a_cell_to_markdown(text):
    *_, line = ft.Table([{"a": text, "b": 1}]).to_markdown().splitlines()
    assert len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) == 3


def test_latex_is_rounded_and_escaped():
    assert ft.Table(ROWS).to_latex().splitlines() == [
        r"\begin{tabular}{lrrll}",
        r"\toprule",
        r"model & PSNR, dB & network calls & real & note \\",
        r"\midrule",
        r"a\textbar{}b\_c & 26.1 & 15 & yes &  \\",
        r"50 \% \& \$x\$ \#1 \{y\} & 1.0 & 1 & no & x y \\",
        r"\bottomrule",
        r"\end{tabular}",
    ]
    assert ft.Table([{"a": "[x] *~^\\"}]).to_latex().splitlines()[4] == (
        r"{[}x] {*}\textasciitilde{}\textasciicircum{}\textbackslash{} \\"
    )


@given(TEXT)
def test_no_text_adds_a_cell_or_a_command_to_latex(text):
    line = ft.Table([{"a": text, "b": 1}]).to_latex().splitlines()[4]
    names = "textbackslash|textasciitilde|textasciicircum|textless|textgreater|textbar"
    plain = re.sub(rf"\\(?:{names})\{{\}}|\\[&%$#_{{}}]|\{{[\[*]\}}", "", line.removesuffix(r" & 1 \\"))
    assert not set(plain) & set("\\&%$#_{}~^")


@given(st.lists(st.fixed_dictionaries({"a b": TEXT, "x": st.floats(allow_nan=False)}), min_size=1, max_size=4))
def test_csv_keeps_every_digit(rows):
    read = list(csv.DictReader(StringIO(ft.Table(rows).to_csv())))
    assert [{"a b": row["a b"], "x": float(row["x"])} for row in read] == rows


def test_csv_quotes_text_and_leaves_none_empty(tmp_path: Path):
    path = tmp_path / "new" / "table.csv"
    text = ft.Table([{"a": 'é,"\n', "b": None}, {"a": 1}]).to_csv(path)
    assert text == 'a,b\n"é,""\n",\n1,\n'
    assert path.read_bytes() == text.encode()


def test_a_table_without_rows_is_empty():
    empty = ft.Table([])
    assert (repr(empty), empty.to_markdown(), empty.to_latex(), empty.to_csv()) == ("", "", "", "")


def test_a_frame_has_unrounded_values():
    pytest.importorskip("pandas")
    frame = ft.Table(ROWS).to_frame()
    assert list(frame.columns) == ["model", "psnr", "calls", "real", "note"]
    assert frame["psnr"].tolist() == [26.123456789, 1.0]
    assert frame["real"].tolist() == [True, False]
    assert ft.Table([]).to_frame().empty


def test_the_error_without_pandas_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ModuleNotFoundError, match=r"to_frame needs pandas: pip install 'frantools\[tables\]'"):
        ft.Table(ROWS).to_frame()
