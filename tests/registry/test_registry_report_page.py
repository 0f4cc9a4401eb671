import math
from html.parser import HTMLParser
from io import StringIO

import pytest
from registry_builders import evidence, marks
from rich.console import Console

from steadycode.gate.decide import Facts, decide
from steadycode.gate.decision import Rule
from steadycode.gate.policy import Policy
from steadycode.recode.report import Figure
from steadycode.views.markdown import decision_markdown
from steadycode.views.report_page import _bars, report_page
from steadycode.views.tables import comparison_table, terminal_table

HOSTILE = "<script>alert(1)</script>|`x`<img src=http://evil.example/x>"
NO_FIGURE = Figure(value=math.nan, low=math.nan, high=math.nan, n=0, reason=HOSTILE)


def figures(full: float, docstring: float) -> dict[str, Figure]:
    def figure(value: float) -> Figure:
        return Figure(value=value, low=value - 0.05, high=value + 0.05, n=164)

    return {
        "recode/full/pass_at_1": figure(full),
        "recode/docstring/robust_pass_at_1": figure(docstring),
        "recode/docstring/ButterFingersPerturbation/robust_pass_at_1": figure(docstring),
        "recode/format/robust_pass_at_1": NO_FIGURE,
    }


@pytest.fixture
def champion():
    return evidence(marks(60, 164), fingerprint="a" * 64, figures=figures(0.366, 0.25))


@pytest.fixture
def candidate():
    return evidence(marks(60, 164), robust=marks(84, 164), figures=figures(0.366, 0.512))


@pytest.fixture
def decision(candidate, champion):
    facts = Facts(retraining="abc", attempt=1, data_valid=True)
    return decide(candidate, champion, Policy(), facts)


@pytest.fixture
def page(decision, candidate, champion):
    facts = {"data md5": "9a60.dir", "git commit": "1" * 40, "profile": HOSTILE}
    return report_page(decision, candidate, champion, model=HOSTILE, facts=facts)


def test_the_rows_stand_side_by_side(champion, candidate):
    rows = comparison_table(champion, candidate)
    assert [row.cells for row in rows] == [
        ("pass@1, full prompt", "36.6 % (31.6–41.6)", "36.6 % (31.6–41.6)",
         "+0.0 points"),
        ("robust pass, docstring", "25.0 % (20.0–30.0)", "51.2 % (46.2–56.2)",
         "+26.2 points"),
        ("robust pass, format", f"— ({HOSTILE})", f"— ({HOSTILE})", "—"),
        ("held-out loss, nats/token", "1.0295", "1.0295", "+0.0000"),
        ("isotropy", "0.5000", "0.5000", "+0.0000"),
    ]  # fmt: skip


def test_better_is_to_the_right_on_one_scale_for_all_pass_rates():
    def rule(name, low, value, high, worst, more=True):
        return Rule(name=name, outcome="pass", reason="", low=low, value=value, high=high,
                    threshold=worst, higher_is_better=more)  # fmt: skip

    bars = _bars([
        rule("full", -0.02, 0.0, 0.02, -0.05),
        rule("robust", 0.10, 0.20, 0.25, -0.05),
        rule("loss", -0.04, -0.03, -0.02, 0.02, more=False),
        Rule(name="fact", outcome="pass", reason=""),
    ])  # fmt: skip
    reach = 0.25 * 1.1
    assert bars["full"].threshold == bars["robust"].threshold == round(50 - 50 * 0.05 / reach, 2)
    assert bars["robust"].value == round(50 + 50 * 0.20 / reach, 2)
    assert bars["loss"].threshold < bars["loss"].zero == 50 < bars["loss"].low < bars["loss"].high
    assert "fact" not in bars


def test_without_a_champion_its_column_is_empty(candidate):
    assert {row.champion for row in comparison_table(None, candidate)} == {"—"}


def test_terminal_markdown_and_page_show_the_same_rows(decision, candidate, champion, page):
    rows = comparison_table(champion, candidate)
    out = StringIO()
    Console(file=out, width=240, _environ={}).print(terminal_table(rows, "steadycode"))
    text = decision_markdown(decision, rows)
    for row in rows[:2]:
        for shown in row.cells:
            assert shown in out.getvalue()
            assert shown in text
            assert shown in page


def test_markdown_holds_no_markup_of_others(decision, candidate, champion):
    text = decision_markdown(decision, comparison_table(champion, candidate))
    assert "<script" not in text
    assert "\n| robust pass, format | — (&lt;script&gt;alert(1)&lt;/script&gt;\\|\\`x\\`" in text
    table = [line for line in text.splitlines() if line.startswith("| robust pass, format")]
    assert table[0].replace("\\|", "").count("|") == 5


class Tags(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.addresses: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.names.add(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href")]


def test_the_page_escapes_hostile_names_and_loads_nothing(page):
    tags = Tags(page)
    assert tags.addresses == []
    assert tags.names.isdisjoint({"script", "img", "link", "iframe"})
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "url(" not in page
    assert "@import" not in page


def test_the_page_gives_verdict_figures_conditions_and_origin(page, decision):
    for shown in ("promote", "all 164 problems", "9a60.dir", "1" * 40, "a" * 64, "c" * 64,
                  "transformers 5", "float32", "Retraining abc, attempt 1"):  # fmt: skip
        assert shown in page
    for rule in decision.rules:
        assert rule.name in page
    assert page.count("<svg") == 4  # the rules that have an interval
