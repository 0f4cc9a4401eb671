"""The faults that a user can mend; commands tell them in one line and end with their exit code."""

from steadycode.addresses import redacted


class SteadycodeError(Exception):
    """The base of all expected faults. Its message is one line: what, where, and what to do. It
    names no password: it is shown, logged and stored."""

    exit_code = 2

    def __init__(self, message: str) -> None:
        super().__init__(redacted(message))


class ConfigError(SteadycodeError):
    """The configuration, a recipe or a policy is not usable."""


class DataError(SteadycodeError):
    """The training data is missing, differs from ``data.dvc``, or failed validation."""


class ModelError(SteadycodeError):
    """A model cannot be found, read or trusted."""


class EvidenceError(SteadycodeError):
    """Evidence is missing, damaged, or was obtained under different conditions."""


class SandboxError(SteadycodeError):
    """Untrusted programs cannot be run here under the limits that were asked for."""


class StageFailed(SteadycodeError):
    """A stage's process ended without a trusted manifest; the message holds the end of its log."""

    exit_code = 1


class StageKilled(StageFailed):
    """A signal ended the stage's process, so a second try may well succeed."""
