"""Checks what a run will need before it costs anything, so that a slip costs no training.

From the lightest on: ``check_names`` needs only the project's files, ``check_evaluation`` this
machine too, and ``check_retraining`` the models and the registry as well.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from steadycode.config import Config, EvaluateConfig
from steadycode.errors import ConfigError
from steadycode.gate.policy import Policy, load_policy
from steadycode.measures.documents import read_documents
from steadycode.models import check_spelling, resolve
from steadycode.problems import load_problems, locate, select_problems
from steadycode.project import Project
from steadycode.recode.perturbations import PERTURBATIONS, expanded, why_not
from steadycode.recode.verification import faults, require_most, verify
from steadycode.registry.store import Store
from steadycode.registry.versions import (
    CHAMPION,
    START,
    RegisteredVersion,
    champion,
    fetch,
    parse_spec,
    versions,
)
from steadycode.retraining import fit
from steadycode.sandbox import Limits, Sandbox

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Ready:
    """What a retraining is made from, found and checked: the folders of base and start model."""

    policy: Policy
    base: Path
    start: Path
    shortfalls: tuple[str, ...]
    """Where less is measured than the policy asks for, so that nothing can be decided."""


def check_names(project: Project, config: Config) -> Policy:
    """Check that policy, perturbations and base model are names that there are; returns the policy.

    Raises ConfigError or ModelError, with the nearest valid name.
    """
    policy = load_policy(project, config.gate)
    expanded(config.evaluate.perturbations, config.evaluate.style)
    _check_model(config.model.base, project)
    return policy


def _check_model(spec: str, project: Project) -> None:
    """Raise ModelError when ``spec`` can name no model, whatever the registry and the hub hold."""
    check_spelling(spec, project)
    if spec.startswith("models:/"):
        parse_spec(spec)


def check_evaluation(project: Project, config: Config, say: Say = lambda text: None) -> int:
    """Check all that an evaluation on this machine needs beside its model.

    Returns how many problems it will be of; ``say`` is told of those that it leaves out. Raises
    ConfigError, DataError, ModelError or SandboxError.
    """
    check_names(project, config)
    return _check_problems(config.evaluate, config.seed, say)


def check_decision(project: Project, config: Config) -> Policy:
    """Check that evidence under ``config`` can hold every measure that its policy asks for.

    Returns the policy. Raises ConfigError as ``check_names`` does, and for a measure that no
    evaluation of this profile could ever hold: the gate would be undecided for ever.
    """
    policy = check_names(project, config)
    settings = config.evaluate
    names = expanded(settings.perturbations, settings.style)
    usable = [PERTURBATIONS[n] for n in names if not why_not(n, settings.style, None)]
    for measure in policy.measures:
        kind, _, part = measure.partition("/")
        if kind == "robustness" and not any(part in ("", p.kind, p.group) for p in usable):
            which = {"": "", "natural": " of the natural ones"}.get(part, f" of group {part}")
            raise ConfigError(
                f"{project.configs / config.gate}.yaml asks for {measure}, but"
                f" evaluate.perturbations names none{which} that can be applied;"
                f" name some (`steadycode perturb list`), or take {measure} out of the policy"
            )
    return policy


def check_retraining(
    project: Project,
    config: Config,
    store: Store,
    say: Say,
    unfinished: Callable[[RegisteredVersion], bool] = lambda version: False,
) -> Ready:
    """Check all that a retraining on this machine needs beside its data, and find its models.

    ``unfinished`` is as in ``start_of``. A model that is not there yet is built or downloaded.
    Raises ConfigError, DataError, ModelError or SandboxError.
    """
    policy = check_decision(project, config)
    problems = check_evaluation(project, config, say)
    fit.check_machine(config.train)

    def folder_of(spec: str) -> Path:
        return resolve_model(project, spec, lambda: store, say)

    base, start = folder_of(config.model.base), folder_of(start_of(config, store, unfinished))
    fit.check_training(project, config.train, start)
    fit.check_evaluating(config.evaluate, start)
    name = config.model.registered_name
    if current := champion(store, name):
        folder = fetch(store, current.spec)
        fit.check_evaluating(config.evaluate, folder)
        fit.check_tokenizer(start, folder, name)
        fit.check_template(config.evaluate, start, folder, name)
    return Ready(policy, base, start, _shortfalls(project, config, policy, problems))


def find_model(project: Project, spec: str, config: Config, store: Store, say: Say) -> Path:
    """The folder of a model that is to be evaluated, with all checked that this needs.

    Raises ConfigError, DataError, ModelError or SandboxError.
    """
    _check_model(spec, project)
    fit.check_documents(project, "test")
    check_evaluation(project, config)
    folder = resolve_model(project, spec, lambda: store, say)
    fit.check_evaluating(config.evaluate, folder)
    return folder


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


def _shortfalls(project: Project, config: Config, policy: Policy, problems: int) -> tuple[str, ...]:
    documents = config.evaluate.heldout_documents
    heldout = project.data / "test.jsonl"
    if heldout.is_file():  # a refresh has yet to make it
        documents = min(documents, len(set(read_documents(heldout))))
    counts = [("problems", problems, policy.min_problems)]
    if "loss" in policy.measures:
        counts.append(("held-out documents", documents, policy.min_documents))
    return tuple(
        f"{count} {what} are measured and the policy {config.gate} asks for {least}: it can only"
        " answer undecided, or reject"
        for what, count, least in counts
        if count < least
    )


def _check_problems(settings: EvaluateConfig, seed: int, say: Say) -> int:
    """The number of problems that can measure something; ``say`` is told which can't, and why.

    Raises SandboxError when programs cannot be confined here, and DataError when most problems
    can't be passed here by any model.
    """
    problems = load_problems(settings.problems, say)
    chosen = select_problems(problems, settings.max_problems, seed)
    limits = Limits(**settings.limits.model_dump())
    with Sandbox(limits, unsafe=settings.sandbox == "unsafe") as sandbox:
        left_out = verify(chosen, sandbox.judge, give_up=len(chosen) // 2 + 1)
    places = locate(settings.problems) if left_out else {}
    require_most(left_out, len(chosen), places)
    for line in faults(left_out, places):
        say(line)
    return len(chosen) - len(left_out)
