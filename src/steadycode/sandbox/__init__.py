"""Runs untrusted programs in processes of their own, under limits, and says what happened."""

from steadycode.sandbox.contract import Judge, Limits, Program, Status, Verdict
from steadycode.sandbox.pool import Sandbox

__all__ = ["Judge", "Limits", "Program", "Sandbox", "Status", "Verdict"]
