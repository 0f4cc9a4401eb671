"""What a model in memory is asked before it is trained or evaluated."""

from pathlib import Path
from typing import Any

import pytest
import torch

from steadycode.errors import ConfigError, ModelError
from steadycode.models import load
from steadycode.models.forward import single_pass
from steadycode.models.probes import check_causal, check_packing
from steadycode.models.tiny import tiny_tokenizer
from steadycode.models.windows import configured_window, window
from tests.builders.families import FAMILIES, VOCABULARY, family
from tests.builders.zoo import tiny


@pytest.mark.parametrize("name", FAMILIES)
def test_the_usual_families_pass(name: str) -> None:
    model = family(name).train()
    state = torch.random.get_rng_state()
    check_causal(model, name)
    check_packing(model)
    assert model.training
    assert torch.equal(torch.random.get_rng_state(), state)


def test_packing_is_refused_where_states_or_positions_go_on() -> None:
    for name in ("mamba", "opt", "bloom"):  # a state; learned positions; biases by distance
        with pytest.raises(ConfigError, match=f"a {name} model mixes them; set train.packing=fal"):
            check_packing(tiny(name))


def test_an_encoder_is_no_causal_model(tmp_path: Path) -> None:
    encoder = tiny("bert")
    encoder.config.is_decoder = False
    encoder.save_pretrained(tmp_path)
    tiny_tokenizer(VOCABULARY).save_pretrained(tmp_path)
    for dtype in ("float32", "bfloat16"):
        with pytest.raises(ModelError, match="is no causal language model"):
            load(tmp_path, dtype)
    check_causal(tiny("bert"), "a decoder")


def test_ids_beyond_the_vectors_are_refused(tmp_path: Path) -> None:
    family("llama").save_pretrained(tmp_path)
    tiny_tokenizer(VOCABULARY + 20).save_pretrained(tmp_path)
    with pytest.raises(ModelError, match=r"ids up to 319, the model only 300 vectors"):
        load(tmp_path, "float32")


@pytest.mark.parametrize(
    ("name", "tokens"), [("gpt2", 96), ("mpt", 96), ("llama", 96), ("roberta", 95)]
)
def test_windows_are_found_under_every_name(name: str, tokens: int) -> None:
    model = tiny(name)
    assert window(model) == tokens
    forward = single_pass(model)
    hidden, _ = forward(torch.ones(1, tokens, dtype=torch.int64), None)
    assert hidden.shape[1] == tokens
    with pytest.raises(ConfigError, match=f"{tokens + 1} tokens are to be read at once"):
        forward(torch.ones(1, tokens + 1, dtype=torch.int64), None)


@pytest.mark.parametrize("config", [{}, {"max_position_embeddings": -1}])
def test_some_models_have_no_window(config: dict[str, Any]) -> None:
    assert configured_window(config) == float("inf")
