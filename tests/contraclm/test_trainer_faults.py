"""What a training says of settings, data and weights that do not do what was meant."""

import itertools
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch

from steadycode.config import TrainConfig
from steadycode.contraclm import trainer
from steadycode.errors import ModelError, SteadycodeError


def rows(different: int) -> list[list[int]]:
    return [[(7 * i + 13 * j * j) % 300 for j in range(12)] for i in range(different)]


def trained(model: Any, tokenizer: Any, different: int = 8, **changes: Any) -> list[str]:
    """The lines that a short training tells."""
    told: list[str] = []
    settings = TrainConfig(
        **{"steps": 2, "batch_size": 4, "sequence_length": 16, "warmup_steps": 0,
           "precision": "fp32", **changes}
    )  # fmt: skip
    sequences = itertools.cycle(rows(different))
    trainer.train(model, tokenizer, sequences, settings, 0, on_message=told.append)
    return told


@pytest.mark.parametrize("broken", [math.nan, math.inf])
def test_a_start_that_holds_no_number_is_named_as_such(
    model: Any, tokenizer: Any, broken: float
) -> None:
    with torch.no_grad():
        model.model.layers[1].mlp.up_proj.weight[3, 4] = broken
    with pytest.raises(ModelError, match=r"starts from has a NaN or an infinity in model\.layers"):
        trained(model, tokenizer)


def test_a_breakdown_in_the_middle_names_the_step_and_what_to_do(
    model: Any, tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second step meets weights that are no numbers, as after an update that was too large."""
    real = trainer._optimizer

    def overshooting(model: Any, settings: TrainConfig) -> Any:
        optimizer = real(model, settings)
        optimizer.register_step_post_hook(
            lambda *_: model.lm_head.weight.data.fill_(math.inf)  # its next loss is NaN
        )
        return optimizer

    monkeypatch.setattr(trainer, "_optimizer", overshooting)
    with pytest.raises(
        SteadycodeError, match=r"broke down at step 2 of 2: .*lower train\.learning_rate \(now"
    ):
        trained(model, tokenizer)


def test_a_temperature_that_is_too_low_is_named_beside_the_rate(model: Any, tokenizer: Any) -> None:
    with pytest.raises(SteadycodeError, match=r"or raise train\.temperature \(now 1e-50\)"):
        trained(model, tokenizer, temperature=1e-50)


@pytest.mark.parametrize(
    ("different", "changes", "line"),
    [
        (8, {}, None),
        (4, {}, None),
        (1, {}, "3 of the first batch's 4 sequences are copies of others"),
        (1, {"mode": "token"}, None),
        (8, {"warmup_steps": 2}, None),
        (8, {"warmup_steps": 8}, "the learning rate reaches 1.25e-05 of 5e-05"),
    ],
)
def test_what_may_not_be_meant_is_said(
    make_model: Callable[..., Any],
    tokenizer: Any,
    different: int,
    changes: dict[str, Any],
    line: str | None,
) -> None:
    told = trained(make_model(), tokenizer, different, **changes)
    assert len(told) == (line is not None)
    assert line is None or line in told[0]
