import pytest
import torch

from steadycode.contraclm.views import check_views_differ, functional_dropout_views
from steadycode.errors import ConfigError


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
