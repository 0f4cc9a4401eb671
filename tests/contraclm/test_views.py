import pytest
import torch
from torch import Tensor
from torch.nn import functional

from steadycode.contraclm.views import (
    blocks,
    check_views_differ,
    functional_dropout_views,
    set_dropout,
)
from steadycode.errors import ConfigError
from tests.builders.families import FAMILIES, WITHOUT_DROPOUT, family, token_ids


def test_views_are_independent_dropouts_of_one_state() -> None:
    torch.manual_seed(0)
    hidden = torch.randn(4, 50, 200)
    views = functional_dropout_views(hidden, 0.1)
    for view in views:
        dropped = view == 0
        assert dropped.float().mean().item() == pytest.approx(0.1, abs=0.01)
        torch.testing.assert_close(view[~dropped], hidden[~dropped] / 0.9)
    both = ((views[0] == 0) & (views[1] == 0)).float().mean().item()
    assert both == pytest.approx(0.01, abs=0.003)
    cosine = torch.nn.functional.cosine_similarity(*views, dim=-1).mean().item()
    assert cosine == pytest.approx(0.9, abs=0.01)


@pytest.mark.parametrize("p", [0.0, 1.0, -0.1])
def test_a_dropout_that_gives_no_views_is_refused(p: float) -> None:
    with pytest.raises(
        ConfigError, match=r"set it between 0 and 1, for instance train.dropout=0.1"
    ):
        functional_dropout_views(torch.ones(1, 2, 3), p)


def test_equal_views_are_found_behind_the_mask() -> None:
    view1 = torch.randn(2, 3, 4)
    view2 = view1.clone()
    mask = torch.tensor([[True, True, False], [True, False, False]])
    view2[0, 2] = 7.0
    with pytest.raises(ConfigError, match=r"views .* are equal, .*set train.views=functional"):
        check_views_differ(view1, view2, mask)
    view2[1, 0, 0] += 1
    check_views_differ(view1, view2, mask)


@pytest.mark.parametrize("name", FAMILIES)
def test_dropout_set_in_a_built_model_makes_two_views(name: str) -> None:
    model = family(name).train()
    batch = torch.tensor([token_ids(24, 0), token_ids(24, 1)])
    mask = torch.ones_like(batch, dtype=torch.bool)

    def views() -> tuple[Tensor, Tensor]:
        trunk = model.get_decoder()
        first, second = trunk(torch.cat([batch, batch]), use_cache=False)[0].chunk(2)
        return first, second

    if name in WITHOUT_DROPOUT:
        with pytest.raises(ConfigError, match=r"no dropout in effect; set train.views=functional"):
            check_views_differ(*views(), mask)
    model.config.attention_dropout = 0.1  # which nothing reads any more
    set_dropout(model, 0.1)
    check_views_differ(*views(), mask)
    cosine = functional.cosine_similarity(*views(), dim=-1).mean()
    assert 0.5 < cosine < 0.9999
    model.eval()
    with pytest.raises(ConfigError, match="no dropout in effect"):
        check_views_differ(*views(), mask)


@pytest.mark.parametrize("name", FAMILIES)
def test_dropout_of_the_last_blocks_leaves_the_others_alone(name: str) -> None:
    model = family(name).train()
    set_dropout(model, 0.3, last_blocks=1)
    seen: list[Tensor] = []
    for block in blocks(model):
        block.register_forward_hook(
            lambda module, given, out: seen.append(out[0] if isinstance(out, tuple) else out)
        )
    batch = torch.tensor([token_ids(24, 0)] * 2)
    model.get_decoder()(batch, use_cache=False)
    same = [torch.equal(*states) for states in seen]
    assert same == [True, True, False]


def test_more_blocks_than_there_are_or_nothing_to_set_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"dropout_layers is 4, but the model has 3 blocks"):
        set_dropout(family("llama"), 0.1, last_blocks=4)
    with pytest.raises(ConfigError, match=r"no dropout of its own.* set train.views=functional"):
        model = family("llama")
        for block in blocks(model):
            del block.self_attn.attention_dropout
        set_dropout(model, 0.1)
