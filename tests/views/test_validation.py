import re

from steadycode.corpus.left_out import Files, LeftOut
from steadycode.corpus.lock import Lock
from steadycode.corpus.validation_result import Check, ValidationResult
from steadycode.views.sources import sources_table
from steadycode.views.validation import validation_page, validation_table
from tests.builders.evidence import HOSTILE
from tests.builders.terminal import cells, printed


def test_page_escapes_what_the_data_says():
    check = Check(name="licence", description=f"the licence is one of {HOSTILE}",
                  severity="critical", ok=False, failures=1,
                  rows=(f"train.jsonl:51 ours/{HOSTILE}.py",))  # fmt: skip
    text = validation_page(
        ValidationResult(ok=False, rows=60, splits={"train": 60}, checks=(check,),
                         data_md5="9a60.dir", gx_version="1")
    )  # fmt: skip
    assert "<script" not in text
    assert "train.jsonl:51 ours/&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "<img" not in text
    assert "url(" not in text


def test_page_tells_what_a_build_left_out():
    result = ValidationResult(
        ok=True, rows=60, splits={"train": 60}, checks=(), data_md5="9a60.dir", gx_version="1"
    )
    assert "left out" not in validation_page(result)
    left = {"too_long": LeftOut(files=2, parts=1234, first=(f"ours/{HOSTILE}.py",))}
    lock = Lock(schema=1, recipe="", md5="9a60.dir", rows={"train": 60}, sources={},
                files=Files(seen=62, taken=60), left_out=left)  # fmt: skip
    text = validation_page(result, lock)
    assert "62 files: 60 taken, 2 left out" in text
    row = text.partition("What was left out")[2].partition("<tbody>")[2].partition("</tbody>")[0]
    assert re.findall(r"<td>(.+)</td>", row) == ["too long", "2", "1,234"]
    assert "ours/&lt;script&gt;alert(1)&lt;/script&gt;" in row
    assert "<script" not in text


def test_the_table_reads_no_markup():
    left = {"too_long": LeftOut(files=6, parts=0, first=("ours/[red]a.py",))}
    lock = Lock(schema=1, recipe="", md5="", rows={}, sources={}, left_out=left,
                files=Files(seen=6, taken=0))  # fmt: skip
    assert cells(printed(sources_table(lock)))[1] == ["too long", "6", "", "ours/[red]a.py, …"]


def test_each_check_is_a_line():
    def check(name, severity="critical", **found):
        return Check(name=name, description="", severity=severity, **{"ok": False, **found})

    checks = (
        check("json", ok=True),
        check("parses", failures=2),
        check("credentials", "warning", failures=1),
        check("row_count", detail="5 rows"),
        check("[b]", error="no such fact"),
    )
    result = ValidationResult(
        ok=False, rows=5, splits={}, checks=checks, data_md5="", gx_version=""
    )
    assert cells(printed(validation_table(result))) == [
        ["check", "outcome", "finding"],
        ["json", "ok", ""],
        ["parses", "critical", "2 rows"],
        ["credentials", "warning", "1 row"],
        ["row_count", "critical", "5 rows"],
        ["[b]", "critical", "could not be run: no such fact"],
    ]
