"""Rewrites of the given half of the body that keep its meaning, its layout and its strings."""

from steadycode.recode.perturbations.dead_code import insert_dead_code, insert_dead_code_last
from steadycode.recode.perturbations.loops import for_to_while
from steadycode.recode.perturbations.operands import swap_operands
from steadycode.recode.perturbations.renaming import rename_by, rename_naive, rename_random
from steadycode.recode.variant import Perturbation, Plugged

RANDOM: dict[str, Perturbation] = {
    "DeadCodeInserter": insert_dead_code,
    "DeadCodeInserterLast": insert_dead_code_last,
    "VarRenamerRN": rename_random,
}
FIXED: dict[str, Perturbation] = {
    "ForWhileTransformer": for_to_while,
    "OperandSwap": swap_operands,
    "VarRenamerNaive": rename_naive,
}
PLUGGED: dict[str, tuple[str, Plugged]] = {"VarRenamerCB": ("name", rename_by)}
"""Name -> the plug-in that it needs, and its rule."""
