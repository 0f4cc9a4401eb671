"""How many processes train together, and which one this is."""

import os
import signal
import socket
import subprocess
import sys
from datetime import timedelta

import pytest
import torch

from steadycode.errors import ConfigError
from steadycode.jobs import group
from steadycode.jobs.group import GroupLost, group_size, rank


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


@pytest.fixture
def port() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return str(free.getsockname()[1])


@pytest.mark.parametrize("own", ["0", "1"])
def test_a_process_does_not_wait_for_ever_for_one_that_never_comes(
    monkeypatch: pytest.MonkeyPatch, port: str, own: str
) -> None:
    group_of_two = {"RANK": own, "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1"}
    for name, value in {**group_of_two, "MASTER_PORT": port}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(group, "_PATIENCE", timedelta(seconds=1))
    with pytest.raises(GroupLost, match=rf"^process {own} of 2 did not meet .*:{port} within 1 s"):
        group.meet("cpu")


MEMBER = """
import sys
import torch
from steadycode.jobs.group import GroupLost, meet, told_of_loss

meet("cpu")
print("met", flush=True)
try:
    with told_of_loss():
        while True:
            torch.distributed.all_reduce(torch.zeros(1))
except GroupLost as fault:
    print(fault)
"""


@pytest.mark.parametrize("dead", [0, 1])
def test_a_process_that_dies_ends_the_others(port: str, dead: int) -> None:
    def member(own: int) -> "subprocess.Popen[str]":
        place = {"RANK": str(own), "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1"}
        return subprocess.Popen(
            [sys.executable, "-c", MEMBER], stdout=subprocess.PIPE, text=True,
            env={**os.environ, **place, "MASTER_PORT": port},
        )  # fmt: skip

    members = [member(0), member(1)]
    for one in members:
        assert one.stdout
        assert one.stdout.readline() == "met\n"
    members[dead].send_signal(signal.SIGKILL)
    told, _ = members[1 - dead].communicate(timeout=60)
    assert told.startswith(f"process {1 - dead} of 2 has lost another, which has ended")
    assert told.count("\n") == 1
    members[dead].communicate()
