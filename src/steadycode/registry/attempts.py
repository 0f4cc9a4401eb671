"""Opens the run of an attempt, of one of its stages, or of an evaluation.

A run is found again by its tags, so that a resumed attempt continues the runs that it began.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from steadycode.config import Config
from steadycode.errors import ModelError
from steadycode.processes import ProcessId
from steadycode.registry.runs import PARAM_BATCH, Lineage, RetrainingRun
from steadycode.registry.store import Store
from steadycode.registry.tags import (
    ATTEMPT,
    FAILED_STAGE,
    PROCESS,
    REASON,
    RETRAINING,
    SET_ASIDE,
    STAGE,
)

if TYPE_CHECKING:
    from mlflow.entities import Run

_LONGEST_PARAM = 6000


def open_attempt_run(store: Store, lineage: Lineage, config: Config) -> RetrainingRun:
    """The run of this attempt: the one that an earlier, interrupted try began, else a new one."""
    name = f"retraining {lineage.retraining} attempt {lineage.attempt}"
    return _with_params(
        RetrainingRun(store, open_tagged(store, name, lineage.tags()), lineage), config
    )


def reopen_attempt_run(store: Store, run_id: str) -> RetrainingRun:
    """The run of an attempt that an earlier process began, marked as running again.

    Raises ModelError when it was removed for good, as by `mlflow gc`.
    """
    from mlflow.exceptions import MlflowException

    try:
        lineage = Lineage.of(store.client.get_run(run_id).data.tags)
    except MlflowException as error:
        raise ModelError(f"MLflow has no run {run_id!r} any more") from error
    name = f"retraining {lineage.retraining} attempt {lineage.attempt}"
    return RetrainingRun(store, open_tagged(store, name, lineage.tags()), lineage)


def open_evaluation_run(
    store: Store, lineage: Lineage, config: Config, model: str
) -> RetrainingRun:
    """The run of an evaluation that belongs to no retraining."""
    tags = {**lineage.tags(), STAGE: "evaluate", "steadycode.model": model}
    # no lock keeps others from evaluating the same now
    run_id = open_tagged(store, f"evaluate {model}", tags, usable=_nobody_writes)
    run = RetrainingRun(store, run_id, lineage, "evaluate")
    # such a run is found again by what is evaluated and how: other settings may have changed
    # since, and MLflow refuses to change a parameter
    return _with_params(run, config, "evaluate.")


def open_stage_run(parent: RetrainingRun, stage: str) -> RetrainingRun:
    """The nested run of one stage: the finished one, else a new one.

    A run that was cut short keeps what it shows, but is set aside: the stage starts again, and
    its steps must not stand twice in one run.
    """
    lineage, store = parent.lineage, parent.store
    tags = {**lineage.tags(), STAGE: stage, "mlflow.parentRunId": parent.run_id}
    with store.writing():
        earlier = _find(store, lineage.retraining, str(lineage.attempt), stage)
        if earlier and store.client.get_run(earlier).info.status != "FINISHED":
            store.client.set_tag(earlier, SET_ASIDE, "true")
            if store.client.get_run(earlier).info.status == "RUNNING":
                store.client.set_terminated(earlier, "KILLED")
        return RetrainingRun(store, open_tagged(store, stage, tags), lineage, stage)


def find_attempt_run(store: Store, retraining: str, attempt: int) -> str | None:
    """The run id of an attempt, or None."""
    return _find(store, retraining, str(attempt), stage="")


def open_tagged(
    store: Store,
    name: str,
    tags: Mapping[str, str],
    usable: Callable[["Run"], bool] = lambda run: True,
) -> str:
    """The id of a ``usable`` run with the retraining, attempt and stage in ``tags``; begun when
    there is none."""
    with store.writing():  # two processes must not begin the same run twice
        tags = {**tags, PROCESS: str(ProcessId.mine())}
        run_id = _find(
            store,
            tags[RETRAINING],
            tags[ATTEMPT],
            tags.get(STAGE, ""),
            usable,
        )
        if run_id is None:
            run = store.client.create_run(store.experiment_id, tags=dict(tags), run_name=name)
            return str(run.info.run_id)
        store.client.update_run(run_id, status="RUNNING")
        for key, value in tags.items():
            store.client.set_tag(run_id, key, value)
        for of_an_earlier_end in {REASON, FAILED_STAGE} & set(
            store.client.get_run(run_id).data.tags
        ):
            store.client.delete_tag(run_id, of_an_earlier_end)
        return run_id


def flat_params(config: Config) -> dict[str, str]:
    """Every leaf of the configuration by its dotted name: ``train.steps`` -> ``40``."""

    def walk(prefix: str, value: Any) -> Iterable[tuple[str, str]]:
        if isinstance(value, dict):
            for key in value:
                yield from walk(f"{prefix}.{key}" if prefix else str(key), value[key])
        else:
            text = value if isinstance(value, str) else json.dumps(value)
            yield prefix, text[:_LONGEST_PARAM]

    return dict(walk("", config.model_dump(mode="json")))


def _with_params(run: RetrainingRun, config: Config, prefix: str = "") -> RetrainingRun:
    from mlflow.entities import Param

    values = flat_params(config)
    params = [Param(key, value) for key, value in values.items() if key.startswith(prefix)]
    for start in range(0, len(params), PARAM_BATCH):
        run.store.client.log_batch(run.run_id, params=params[start : start + PARAM_BATCH])
    return run


def _nobody_writes(run: "Run") -> bool:
    """Whether ``run`` has ended, or its process is known to be dead, or is this one."""
    writer = ProcessId.parse(run.data.tags.get(PROCESS, ""))
    if run.info.status != "RUNNING" or writer is None:
        return True
    return writer.lives is False or writer.is_mine


def _find(
    store: Store,
    retraining: str,
    attempt: str,
    stage: str,
    usable: Callable[["Run"], bool] = lambda run: True,
) -> str | None:
    runs = store.client.search_runs(
        [store.experiment_id],
        f"tags.`steadycode.retraining` = '{retraining}' "
        f"AND tags.`steadycode.attempt` = '{attempt}'",
        order_by=["attributes.start_time ASC"],
    )
    for run in runs:
        tags = run.data.tags
        if tags.get(STAGE, "") == stage and SET_ASIDE not in tags and usable(run):
            return str(run.info.run_id)
    return None
