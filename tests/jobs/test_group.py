"""How many processes train together, and which one this is."""

import pytest
import torch

from steadycode.errors import ConfigError
from steadycode.jobs.group import group_size, rank


@pytest.mark.parametrize(
    ("gpus", "asked", "size"),
    [(0, None, 1), (0, 1, 1), (0, 3, 3), (1, None, 1), (4, None, 4), (4, 2, 2), (4, 4, 4)],
)
def test_as_many_as_asked_else_one_for_each_gpu(
    monkeypatch: pytest.MonkeyPatch, gpus: int, asked: int | None, size: int
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    assert group_size(asked) == size


def test_more_than_there_are_gpus_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(ConfigError) as fault:
        group_size(3)
    assert str(fault.value) == (
        "train.processes is 3, but this machine has 2 GPUs; lower it, or leave it out for one"
        " process per GPU"
    )


def test_a_process_knows_its_place_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RANK", raising=False)
    assert rank() is None
    monkeypatch.setenv("RANK", "2")
    assert rank() == 2
