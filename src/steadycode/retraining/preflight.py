"""What is looked for before a run costs anything: settings that hold, and models that are there."""

from collections.abc import Callable
from pathlib import Path

from steadycode.config import Config
from steadycode.gate.policy import Policy, load_policy
from steadycode.models import resolve
from steadycode.problems import problem_file
from steadycode.project import Project
from steadycode.recode.perturbations import expanded
from steadycode.registry.store import Store
from steadycode.registry.versions import CHAMPION, champion, fetch
from steadycode.sandbox import Sandbox

Say = Callable[[str], None]


def check_settings(project: Project, config: Config) -> Policy:
    """The policy, once all that later stages will need is there: a typo must not cost a training.

    Raises ConfigError, DataError or SandboxError.
    """
    policy = load_policy(project, config.gate)
    problem_file(config.evaluate.problems)
    expanded(config.evaluate.perturbations, config.evaluate.style)
    with Sandbox(workers=1, unsafe=config.evaluate.sandbox == "unsafe"):
        pass
    return policy


def resolve_model(project: Project, spec: str, registry: Callable[[], Store], say: Say) -> Path:
    """The folder of any model that a configuration can name.

    ``registry`` opens the store; it is asked only for ``models:/…``. Raises ModelError.
    """
    return resolve(spec, project, lambda registered: fetch(registry(), registered), say)


def start_of(config: Config, store: Store) -> str:
    """The model that training starts from: the base, or the champion where the config asks for it
    and there is one."""
    name = config.model.registered_name
    if config.model.start == "champion" and champion(store, name):
        return f"models:/{name}@{CHAMPION}"
    return config.model.base
