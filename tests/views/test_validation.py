from steadycode.corpus.validation_result import Check, ValidationResult
from steadycode.views.validation import validation_page
from tests.builders.evidence import HOSTILE


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
