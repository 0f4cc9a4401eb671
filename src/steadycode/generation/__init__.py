"""Prompts in, completions out. Knows nothing of what is done with them."""

from steadycode.generation.completion import ENGINE, complete
from steadycode.generation.contract import Completion

__all__ = ["ENGINE", "Completion", "complete"]
