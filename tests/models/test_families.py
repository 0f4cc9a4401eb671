"""Families of models give the right figures, or are refused in one line."""

from pathlib import Path

import pytest
import torch

from steadycode.generation.alone import PrefillAlone
from steadycode.generation.prefill import Prefill
from steadycode.generation.ways import way_of
from tests.builders.zoo import NAMES, tiny
from tests.models.families import CELLS, outcome, saved

MIXING = {
    *("bamba", "bert", "bert-generation", "big_bird", "biogpt", "bloom", "camembert", "electra"),
    *("falcon", "falcon_h1", "falcon_mamba", "gpt_oss", "granitemoehybrid", "jamba", "lfm2"),
    *("mamba", "mamba2", "megatron-bert", "minimax", "mpt", "nemotron_h", "olmo_hybrid"),
    *("openai-gpt", "opt", "qwen3_5_text", "qwen3_next", "recurrent_gemma", "rembert", "roberta"),
    *("roformer", "rwkv", "trocr", "xglm", "xlstm", "zamba", "zamba2"),
}
BIDIRECTIONAL = {"xlm", "xlnet"}
FEW = ("falcon", "gpt_neo", "lfm2", "mamba", "modernbert-decoder", "openai-gpt", "opt", "xlm")


def check(name: str, folder: Path, *cells: str) -> None:
    made = saved(name, folder)
    for cell in cells:
        found = outcome(cell, made)
        if name in BIDIRECTIONAL:
            assert "no causal language model" in found, found
        elif cell == "packing" and name in MIXING:
            assert "mixes them; set train.packing=false" in found, found
        else:
            assert found == "right"


@pytest.mark.parametrize("name", FEW)
def test_right_or_refused(name: str, tmp_path: Path) -> None:
    check(name, tmp_path, "mle", "packing", "generate", "held-out")


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_right_or_refused_in_every_cell(name: str, tmp_path: Path) -> None:
    check(name, tmp_path, *CELLS)


@pytest.mark.parametrize(
    ("name", "reader", "cached"),
    [("llama", Prefill, None), ("mamba", PrefillAlone, True), ("bamba", PrefillAlone, False)],
)
def test_the_fastest_way_that_is_right_is_taken(
    name: str, reader: type, cached: bool | None
) -> None:
    read, _ = way_of(tiny(name), "cpu")(1, 1)
    assert type(read) is reader
    assert getattr(read, "_cached", None) == cached


def test_damaged_weights_are_not_decoded_in_the_slowest_way() -> None:
    model = tiny("llama")
    with torch.no_grad():
        model.model.norm.weight[0] = torch.nan
    assert type(way_of(model, "cpu")(1, 1)[0]) is Prefill
