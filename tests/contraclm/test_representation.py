"""What the contrastive terms are meant to improve, in one call each."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch

from steadycode.contraclm import representation
from steadycode.contraclm.representation import code_search
from steadycode.measures import search
from steadycode.models.tokens import encode


def test_representation_is_that_of_the_last_hidden_state(
    model: Any, tokenizer: Any, documents: list[str]
) -> None:
    document = documents[0]
    got = representation.measure(model, tokenizer, [document, documents[1] * 2], max_tokens=200)
    intra = []
    for text in (document, documents[1] * 2):
        ids = torch.tensor([encode(tokenizer, text)])
        with torch.no_grad():
            h = model(ids, output_hidden_states=True).hidden_states[-1][0, :-1].double()
        cosines = torch.cosine_similarity(h[:, None], h[None], dim=-1)
        n = len(h)
        intra.append((cosines.sum() - n).item() / (n * (n - 1)))
    assert got["intra_similarity"] == pytest.approx(sum(intra) / 2, rel=1e-5)
    assert got["isotropy"] == 1 - got["intra_similarity"]
    assert set(got) == {"intra_similarity", "isotropy", "inter_similarity", "uniformity"}


def test_all_pairs_of_files(model: Any, tokenizer: Any, tmp_path: Path) -> None:
    rows = [{"func": f"def f{i}(x): return x + {i}", "label": i, "index": i} for i in range(4)]
    for name, key in (("python", "func"), ("ruby", "code")):
        lines = [{**row, key: row["func"], "index": f"{name}{row['index']}"} for row in rows]
        for line in lines:
            line.pop("func" if key == "code" else "code", None)
        (tmp_path / name).write_text("".join(json.dumps(line) + "\n" for line in lines))
    maps = code_search(model, tokenizer, {name: tmp_path / name for name in ("python", "ruby")})
    assert maps["python", "ruby"] == maps["ruby", "python"] == 100
    assert math.isnan(maps["python", "python"])  # one solution each, and that is the query
    assert search.overall(maps) == 100
    assert search.metrics(maps) == {
        "representation/search_map/python-ruby": 100,
        "representation/search_map/ruby-python": 100,
        "representation/search_map/overall": 100,
    }
