import pytest

from steadycode.registry.retention import Item
from steadycode.views.removal import relocation_table, show_removal
from tests.builders.terminal import cells, printed


def item(kind: str, what: str, size: int) -> Item:
    return Item(kind=kind, what=what, paths=(), bytes=size)


@pytest.mark.parametrize(("dry_run", "word"), [(True, "would free"), (False, "freed")])
def test_what_goes_is_summed_by_kind(
    capsys: pytest.CaptureFixture[str], dry_run: bool, word: str
) -> None:
    gone = [
        item("weights", "models:/a/2", 4_000_000),
        item("weights", "models:/a/[red]3", 1_500_000),
        item("completions", "0123", 999),
    ]
    show_removal(gone, [item("checkpoints", "abc attempt 7", 5)], "", dry_run)
    shown = capsys.readouterr().out
    assert cells(shown) == [
        ["kind", "what", "size"],
        ["weights", "models:/a/2", "4.0 MB"],
        ["weights", "models:/a/[red]3", "1.5 MB"],
        ["all weights", "2", "5.5 MB"],
        ["completions", "0123", "999 bytes"],
        ["all completions", "1", "999 bytes"],
    ]
    assert shown.splitlines()[-2:] == [
        f"{word} 5.5 MB",
        "in use, left alone: checkpoints of abc attempt 7",
    ]


def test_nothing_to_free_beside_a_server(capsys: pytest.CaptureFixture[str]) -> None:
    show_removal([], [], "http://mlflow.example", dry_run=False)
    assert capsys.readouterr().out.splitlines() == [
        "nothing to free",
        "the artifacts on http://mlflow.example are left to it",
    ]


def test_addresses_that_were_rewritten_are_counted() -> None:
    assert cells(printed(relocation_table({"runs": 12, "traces": 1}))) == [
        ["addresses of", "rewritten"],
        ["runs", "12"],
        ["traces", "1"],
    ]
