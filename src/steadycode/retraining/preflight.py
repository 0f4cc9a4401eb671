"""Checks settings and finds models before a run costs anything."""

from collections.abc import Callable
from pathlib import Path

from steadycode.config import Config
from steadycode.gate.policy import Policy, load_policy
from steadycode.models import resolve
from steadycode.problems import problem_file
from steadycode.project import Project
from steadycode.recode.perturbations import expanded
from steadycode.registry.store import Store
from steadycode.registry.versions import (
    CHAMPION,
    START,
    RegisteredVersion,
    champion,
    fetch,
    versions,
)
from steadycode.sandbox import Sandbox

Say = Callable[[str], None]


def check_settings(project: Project, config: Config) -> Policy:
    """Check everything that later stages will need, so that a typo costs no training, and return
    the policy.

    Raises ConfigError, DataError or SandboxError when a file, a name or the sandbox is not there.
    """
    policy = load_policy(project, config.gate)
    problem_file(config.evaluate.problems)
    expanded(config.evaluate.perturbations, config.evaluate.style)
    with Sandbox(workers=1, unsafe=config.evaluate.sandbox == "unsafe"):
        pass
    return policy


def resolve_model(project: Project, spec: str, registry: Callable[[], Store], say: Say) -> Path:
    """The folder of any model that a configuration can name.

    ``registry`` opens the store; it is called only for ``models:/…``. Raises ModelError when there
    is no such model.
    """
    return resolve(spec, project, lambda registered: fetch(registry(), registered), say)


def start_of(
    config: Config,
    store: Store,
    unfinished: Callable[[RegisteredVersion], bool] = lambda version: False,
) -> str:
    """The model that training starts from: the champion if the configuration asks for it and there
    is one, else the base.

    When the attempt that made the champion is ``unfinished``, since it was promoted and then
    interrupted, it goes on: the start is what that attempt began from.
    """
    name = config.model.registered_name
    current = champion(store, name) if config.model.start == "champion" else None
    if current is None:
        return config.model.base
    if unfinished(current):
        began = current.tags.get(START)
        for version in versions(store, name):
            if version.fingerprint == began:
                return version.spec
    return f"models:/{name}@{CHAMPION}"
