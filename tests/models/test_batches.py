"""Rows of several sequences: positions, masks, and what is packed with what."""

from steadycode.models.batches import IGNORED, collate, packed


def test_masks_come_from_lengths_not_from_ids() -> None:
    """0 is the padding id here, and also a real token."""
    batch = collate([[[5, 0, 0, 7]], [[0, 9]]], pad_id=0)
    assert batch.inputs.tolist() == [[5, 0, 0], [0, 0, 0]]
    assert batch.targets.tolist() == [[0, 0, 7], [9, IGNORED, IGNORED]]
    assert batch.mask.tolist() == [[True, True, True], [True, False, False]]
    assert batch.positions is None
    assert batch.scored.tolist() == [0, 1, 2, 3]
    assert batch.lengths == (3, 1)


def test_a_row_of_several_sequences_begins_positions_anew() -> None:
    batch = collate([[[5, 6, 7], [8, 9]], [[1, 2]]], pad_id=0)
    assert batch.inputs.tolist() == [[5, 6, 8], [1, 0, 0]]
    assert batch.targets.tolist() == [[6, 7, 9], [2, IGNORED, IGNORED]]
    assert batch.mask.tolist() == [[True, True, True], [True, False, False]]
    assert batch.positions is not None
    assert batch.positions.tolist() == [[0, 1, 0], [0, 0, 0]]
    assert batch.lengths == (2, 1, 1)


def test_no_rows_give_a_batch_without_tokens() -> None:
    batch = collate([], pad_id=3)
    assert batch.inputs.tolist() == [[3]]
    assert not batch.mask.any()
    assert not len(batch.scored)
    assert batch.lengths == ()


def test_packing_fills_rows_in_order_and_loses_nothing() -> None:
    sequences = [list(range(n + 1)) for n in (7, 2, 5, 3, 10, 1)]
    rows = packed(sequences, width=10)
    assert [[len(s) - 1 for s in row] for row in rows] == [[7, 2, 1], [5, 3], [10]]
