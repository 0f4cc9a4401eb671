from io import StringIO

from rich.console import Console

from steadycode.views.markdown import decision_markdown
from steadycode.views.tables import comparison_table, terminal_table
from tests.builders.evidence import HOSTILE


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
