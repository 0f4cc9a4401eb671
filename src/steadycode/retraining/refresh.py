"""Shows the steps of a refresh on the terminal; ``corpus.refresh`` is what carries them out."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from steadycode.config import Config
from steadycode.corpus import refresh
from steadycode.corpus.lock import parse_lock
from steadycode.corpus.recipe import Recipe, load_recipe
from steadycode.corpus.refresh import Change
from steadycode.corpus.validation import validate as validate_folder
from steadycode.corpus.validation_result import require_valid
from steadycode.errors import DataError
from steadycode.project import Project
from steadycode.registry.store import open_store
from steadycode.retraining.preflight import check_decision, check_retraining
from steadycode.views.console import StageView
from steadycode.views.console import aside as dimmed
from steadycode.views.sources import sources_table

STEPS = 4


class Refresh:
    """The refresh under way. It is no dataclass, for the reason that ``Retraining`` gives."""

    def __init__(
        self,
        project: Project,
        config: Config,
        recipe: Recipe,
        aside: Path,
        branch: str,
        console: Console,
    ) -> None:
        self.project = project
        self.config = config
        self.recipe = recipe
        self.aside = aside
        self.branch = branch
        self.console = console
        self.view = StageView(console, STEPS if recipe.mode == "recipe" else 2)

    def say(self, text: str) -> None:
        self.console.print(text, markup=False, highlight=False, soft_wrap=True)


@contextmanager
def open_refresh(
    project: Project, config: Config, branch: str, console: Console, *, retrains_here: bool
) -> Iterator[Refresh]:
    """Check that a refresh, and the retraining that follows it, could be completed; hold its lock.

    A retraining elsewhere is checked there, where its machine is known. Raises SteadycodeError,
    before anything is built, when something is missing.
    """
    project.prepare_environment()
    check_decision(project, config)
    if retrains_here:
        check_retraining(project, config, open_store(project, config.experiment), dimmed(console))
    recipe = load_recipe(project.recipe)
    with refresh.only_refresh(project) as aside:
        refresh.require_ready(project, recipe, branch)
        yield Refresh(project, config, recipe, aside, branch, console)


def check_recorded(work: Refresh) -> None:
    """Where the recipe's mode is ``recorded``: bring data/ to what ``data.dvc`` records, and
    validate it. Raises DataError when it cannot be had or is not fit to train on."""
    with work.view.stage("bring data/ to what data.dvc records"):
        version = refresh.bring_recorded(work.project, work.recipe)
    with work.view.stage("validate it") as view:
        result = validate_folder(work.project.data, work.config.data)
        view({"kind": "message", "text": result.summary_line()})
        require_valid(result, "mend it and record it with `dvc add data`")
    dirty = "not recorded, `dvc add data` does that" if version.dirty else "as data.dvc records"
    work.say(f"unchanged: the recipe's mode is recorded, data/ is {version.md5}, {dirty}")


def rebuild(work: Refresh) -> Change:
    with work.view.stage("build the corpus aside") as view:
        change = refresh.rebuild(work.project, work.recipe, work.aside, work.branch, view.progress)
    work.console.print(sources_table(parse_lock(change.lock, "what was built")))
    return change


def validate(work: Refresh, change: Change) -> None:
    """Validate the new data. Raises DataError, naming check and rows, and leaves data/ as it was
    when the data is not fit to train on."""
    with work.view.stage("validate it") as view:
        result = refresh.judge(change, work.config.data)
        view({"kind": "message", "text": result.summary_line()})


def record(work: Refresh, change: Change) -> None:
    with work.view.stage("put it in place and record it with DVC") as view:
        refresh.record(work.project, change)
        view({"kind": "message", "text": change.summary_line()})


def commit(work: Refresh, change: Change) -> None:
    where = work.branch or "the current branch"
    with work.view.stage(f"commit data.dvc and the recipe's lock on {where}") as view:
        made = refresh.commit(work.project, change, work.branch)
        view({"kind": "message", "text": f"commit {made}"})


def share(work: Refresh) -> None:
    """Push the data where DVC has a remote. A remote that cannot be reached stops nothing: every
    refresh pushes what is not there yet."""
    try:
        told = refresh.push(work.project)
    except DataError as fault:
        told = f"{fault}; the data is recorded here, and the next refresh pushes it"
    if told:
        work.say(told)


def settle(work: Refresh, change: Change) -> None:
    refresh.settle(work.project, change)
