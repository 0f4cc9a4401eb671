from html.parser import HTMLParser

from steadycode.gate.decision import Rule
from steadycode.views.report_page import _bars


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
