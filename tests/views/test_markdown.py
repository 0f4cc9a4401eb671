from steadycode.views.markdown import decision_markdown
from steadycode.views.tables import comparison_table


def test_markdown_holds_no_markup_of_others(decision, candidate, champion):
    text = decision_markdown(decision, comparison_table(champion, candidate))
    assert "<script" not in text
    assert "\n| robust pass, format | — (&lt;script&gt;alert(1)&lt;/script&gt;\\|\\`x\\`" in text
    table = [line for line in text.splitlines() if line.startswith("| robust pass, format")]
    assert table[0].replace("\\|", "").count("|") == 5
