import os
import re
from datetime import datetime

import pytest
from filelock import FileLock

from steadycode.errors import EvidenceError, ModelError
from steadycode.files import sha256_folder, write_json, write_text
from steadycode.gate.decide import Facts, decide
from steadycode.gate.policy import Policy
from steadycode.generation.builtin import BUILTIN
from steadycode.identity import code_hash
from steadycode.models import fingerprint
from steadycode.operations.retention import collect_garbage
from steadycode.project import Project
from steadycode.registry import retention, versions
from steadycode.registry.guard import folder_of
from steadycode.registry.promotion import apply, bootstrap, override, recorded_decision
from steadycode.registry.versions import fetch, register, resolve
from steadycode.retraining.evaluation import benchmarks_of_today, completions_of_today
from steadycode.stages.evaluate import SOURCES
from steadycode.views.removal import show_removal
from tests.builders.evidence import evidence, lineage, marks, model_folder

NAME = "steadycode"
WEIGHTS = 400_000  # bytes of one model of the builders


def collect(project: Project, keep: int, dry_run: bool) -> int:
    """``steadycode gc``: frees, tells, and returns the bytes."""
    removal = collect_garbage(project, keep, dry_run)
    show_removal(removal.gone, removal.in_use, removal.left_to, dry_run)
    return removal.bytes


@pytest.fixture
def add(store, tmp_path):
    """Registers a model that its attempt's number decides."""

    def go(attempt, name=NAME, retraining="abc"):
        folder = tmp_path / f"model-{attempt}"
        if not folder.exists():
            model_folder(folder, attempt)
        run = store.client.create_run(store.experiment_id).info.run_id
        store.client.log_metric(run, "heldout/loss", 1.5)
        return register(store, name, folder, run, lineage(retraining, attempt).tags())

    return go


@pytest.fixture
def four(store, add, tmp_path):
    """Version 1 is champion; version 2 has a decision; 3 and 4 are only registered."""
    base = bootstrap(store, NAME, model_folder(tmp_path / "base", 0))
    second = add(1)
    apply(store, NAME, decided(second, base))
    return [base, second, add(2), add(3)]


def decided(version, against, robust=60):
    return decide(
        evidence(marks(60, 164), robust=marks(robust, 164), fingerprint=version.fingerprint),
        evidence(marks(60, 164), fingerprint=against.fingerprint),
        Policy(),
        Facts(retraining=version.retraining, attempt=version.attempt, data_valid=True),
    )


def attempt_folder(project, number, retraining="abc", *, finished=True):
    """As a kill behind the decision leaves it: the trained model and a checkpoint stay."""
    folder = project.work / "retrainings" / retraining / f"attempt-{number:03d}"
    model_folder(folder / "train" / "model", 100 + number)
    model_folder(folder / "train" / "checkpoints" / "step-000004", 200 + number)
    for name in ("train/checkpoints.json", "train/manifest.json", "config.json"):
        write_json(folder / name, {})
    write_json(folder / "train" / "job.json", {"identity": {"model": "5" * 64}})
    write_text(folder / "train" / "events.jsonl", "")
    if finished:
        write_json(folder / "decision.json", {})
    return folder


def evaluation(project, name, model, *, of_today=False, **more):
    folder = project.work / "evaluations" / name
    made_by = {SOURCES.key: code_hash(*SOURCES.parts), "engine": BUILTIN} if of_today else {}
    write_json(folder / "job.json", {"identity": {"model": model, **made_by}, **more})
    write_text(folder / "completions.jsonl", "x" * 10_000)
    return folder


def stored(store):
    """Registered version -> whether its files are there."""
    return {one.version: folder_of(store, one.name, one.version).is_dir()
            for one in versions.versions(store, NAME)}  # fmt: skip


def everything(project):
    return sha256_folder(project.work) | sha256_folder(project.mlruns / "artifacts")


def test_a_dry_run_frees_nothing_and_says_what_the_real_one_frees(project, store, four, capsys):
    attempt_folder(project, 7)
    evaluation(project, "0123", "9" * 64)
    before = everything(project)
    would = collect(project, 1, dry_run=True)
    said = capsys.readouterr().out
    assert everything(project) == before
    assert not any(one.weights_removed for one in versions.versions(store, NAME))
    assert collect(project, 1, dry_run=False) == would
    done = capsys.readouterr().out
    assert re.sub("would free|freed", "", said) == re.sub("would free|freed", "", done)
    assert "would free" in said
    assert "freed" in done
    for line in ("models:/steadycode/2", "models:/steadycode/3", "abc attempt 7, finished", "0123"):
        assert line in said
    assert would > 4 * WEIGHTS  # two versions, a model and a checkpoint
    assert collect(project, 1, dry_run=False) == 0
    assert "nothing to free" in capsys.readouterr().out


def test_what_is_freed_is_what_was_on_the_disk(project, four):
    attempt_folder(project, 7)
    before = retention.disk_use(project.work, project.mlruns / "artifacts")
    freed = collect(project, 0, dry_run=False)
    after = retention.disk_use(project.work, project.mlruns / "artifacts")
    assert freed == pytest.approx(before - after, abs=100_000)  # the sizes of folders


def test_aliased_and_newest_versions_stay_and_can_be_fetched(project, store, four):
    collect(project, 1, dry_run=False)
    assert stored(store) == {1: True, 2: False, 3: False, 4: True}
    for spec in ("models:/steadycode@champion", "models:/steadycode/4"):
        assert fetch(store, spec).is_dir()


def test_with_keep_nought_only_aliased_versions_stay(project, store, four):
    collect(project, 0, dry_run=False)
    assert stored(store) == {1: True, 2: False, 3: False, 4: False}


def test_each_registered_model_keeps_its_newest(project, store, four, add):
    add(11, name="other")
    collect(project, 1, dry_run=False)
    assert fetch(store, "models:/other/1").is_dir()


def test_files_that_a_kept_copy_of_a_version_shares_stay(project, store, four):
    store.client.copy_model_version("models:/steadycode/2", "production")
    collect(project, 1, dry_run=False)
    assert fetch(store, "models:/production/1") == fetch(store, "models:/steadycode/2")
    assert not resolve(store, "models:/steadycode/2").weights_removed


def test_versions_that_somebody_else_registered_stay(project, store, four):
    logged = store.client.create_logged_model(store.experiment_id, name="theirs")
    store.client.log_model_artifact(logged.model_id, str(project.mlruns / ".open.lock"))
    store.client.finalize_logged_model(logged.model_id, "READY")
    store.client.create_registered_model("theirs")
    for _ in range(2):
        store.client.create_model_version("theirs", source=logged.artifact_location)
    collect(project, 0, dry_run=False)
    folder = folder_of(store, "theirs", 1)
    assert (folder / ".open.lock").exists()


def test_decision_tags_and_metrics_of_a_removed_version_stay(project, store, four):
    collect(project, 0, dry_run=False)
    removed = resolve(store, "models:/steadycode/2")
    assert recorded_decision(removed).outcome == "undecided"
    assert removed.tags["weights"] == "removed"
    assert datetime.fromisoformat(removed.tags["weights.removed_at"]).tzinfo is not None
    kept = {name: value for name, value in removed.tags.items() if not name.startswith("weights")}
    assert kept == {**four[1].tags, **{name: kept[name] for name in kept if "decision" in name}}
    run = store.client.get_run(removed.run_id)
    assert run.data.metrics == {"heldout/loss": 1.5}
    (file,) = store.client.list_artifacts(removed.run_id, "decisions")
    assert file.path == "decisions/001-undecided.json"


def test_a_removed_version_says_so_and_is_never_promoted(project, store, four):
    collect(project, 0, dry_run=False)
    spec = "models:/steadycode/2"
    with pytest.raises(ModelError, match=r"removed by `steadycode gc` on \d.*; retrain") as caught:
        fetch(store, spec)
    assert "\n" not in str(caught.value)
    with pytest.raises(EvidenceError, match="weights of models:/steadycode/2 were removed"):
        override(store, spec, "ada", "I want it")
    with pytest.raises(EvidenceError, match="weights of models:/steadycode/3 were removed"):
        apply(store, NAME, decided(four[2], four[0], robust=84))
    assert versions.champion(store, NAME).version == 1


def test_an_attempt_that_is_taken_up_again_puts_its_weights_back(project, store, four, add):
    collect(project, 0, dry_run=False)
    again = add(1)
    assert (again.version, again.weights_removed) == (2, False)
    assert fingerprint(fetch(store, again.spec)) == again.fingerprint


@pytest.mark.parametrize("killed_in", ["steadycode.registry.guard.remove",
                                       "steadycode.files.shutil.rmtree"])  # fmt: skip
def test_a_kill_between_tag_and_removal_is_completed(
    project, store, four, monkeypatch, killed_in, left_by_a_kill
):
    def die(*_args, **_kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as killed:
        killed.setattr(killed_in, die)
        with pytest.raises(KeyboardInterrupt):
            collect(project, 0, dry_run=False)
    torn = [one for one in versions.versions(store, NAME) if one.weights_removed]
    assert len(torn) == 1
    with pytest.raises(ModelError, match="were removed by"):
        fetch(store, torn[0].spec)
    folder = folder_of(store, NAME, torn[0].version)
    for half in folder.parent.glob(".*"):
        half.rename(left_by_a_kill(folder))  # this process lives on
    collect(project, 9, dry_run=False)  # even if it would be kept now
    assert list(folder.parent.iterdir()) == []
    assert sum(stored(store).values()) == 3


def test_uploads_without_a_version_go_unless_their_attempt_may_be_resumed(
    project, store, add, monkeypatch
):
    def die(*_args, **_kwargs):
        raise KeyboardInterrupt

    attempt_folder(project, 2, finished=False)
    for attempt in (1, 2):
        with monkeypatch.context() as killed:
            killed.setattr(type(store.client), "create_model_version", die)
            with pytest.raises(KeyboardInterrupt):
                add(attempt)
    collect(project, 5, dry_run=False)
    (left,) = store.client.search_logged_models([store.experiment_id])
    assert left.tags["steadycode.attempt"] == "2"
    assert len(list((project.mlruns / "artifacts").rglob("*.safetensors"))) == 1
    assert add(2).source == f"models:/{left.model_id}"


def test_finished_attempts_lose_their_weights_and_keep_their_account(project, store):
    folder = attempt_folder(project, 1)
    collect(project, 5, dry_run=False)
    left = [name for name in sha256_folder(folder) if name != ".lock"]
    assert left == ["config.json", "decision.json", "train/events.jsonl", "train/job.json",
                    "train/manifest.json"]  # fmt: skip


def test_the_newest_unfinished_attempts_can_be_resumed(project, store, add):
    older = attempt_folder(project, 1, finished=False)
    newer = attempt_folder(project, 2, finished=False)
    write_text(newer / "train" / "events.jsonl", "later")
    candidate = add(2)
    kept = evaluation(project, "mine", fingerprint(newer / "train" / "model"))
    collect(project, 1, dry_run=False)
    assert not (older / "train" / "model").exists()
    assert (newer / "train" / "checkpoints" / "step-000004").is_dir()
    assert kept.is_dir()
    assert fetch(store, candidate.spec).is_dir()


def test_an_undecided_candidate_of_a_kept_attempt_stays_beyond_the_newest(project, store, add):
    attempt_folder(project, 1, finished=False)
    candidate = add(1)
    add(2)
    collect(project, 1, dry_run=False)
    assert fetch(store, candidate.spec).is_dir()


@pytest.mark.parametrize("finished", [True, False])
def test_an_attempt_that_runs_is_not_touched(project, store, add, finished):
    folder = attempt_folder(project, 1, finished=finished)
    with FileLock(folder / ".lock"):
        collect(project, 0, dry_run=False)
        assert (folder / "train" / "model").is_dir()
    collect(project, 0, dry_run=False)
    assert not (folder / "train" / "model").exists()


def test_work_that_begins_between_plan_and_removal_is_left_alone(
    project, store, monkeypatch, capsys
):
    folder = evaluation(project, "0123", "9" * 64)
    with monkeypatch.context() as late, FileLock(folder / ".lock"):
        late.setattr("steadycode.operations.retention.is_held", lambda lock: False)
        assert collect(project, 0, dry_run=False) == 0
    assert (folder / "completions.jsonl").exists()
    assert "in use, left alone: completions of 0123" in capsys.readouterr().out


def test_evidence_on_kept_versions_and_base_models_stays(project, store, four):
    model_folder(project.models / "base", 5)
    (project.models / "half-made").mkdir()
    evaluations = {
        name: evaluation(project, name, model)
        for name, model in {
            "champion": four[0].fingerprint,
            "newest": four[3].fingerprint,
            "older": four[1].fingerprint,
            "base": fingerprint(project.models / "base"),
            "unheard-of": "9" * 64,
            "running": "8" * 64,
        }.items()
    }
    with FileLock(evaluations["running"] / ".lock"):
        collect(project, 1, dry_run=False)
    left = sorted(path.name for path in (project.work / "evaluations").iterdir())
    assert left == ["base", "champion", "newest", "running"]


def test_the_version_that_an_evaluation_is_reading_stays(project, store, four):
    folder = evaluation(project, "reading", four[1].fingerprint)
    with FileLock(folder / ".lock"):
        collect(project, 0, dry_run=False)
        assert stored(store) == {1: True, 2: True, 3: False, 4: False}


def test_what_removed_models_said_goes(project, store, four, capsys):
    folder = completions_of_today(project)
    for model in (four[0].fingerprint, four[1].fingerprint, "9" * 64):
        write_text(folder / model / "0123.jsonl", "x" * 10_000)
    evaluation(project, "reading", "9" * 64)
    with FileLock(project.work / "evaluations" / "reading" / ".lock"):
        collect(project, 1, dry_run=False)
        assert {one.name for one in folder.iterdir()} == {four[0].fingerprint, "9" * 64}
    assert f"all kept of model {four[1].fingerprint[:12]}" in capsys.readouterr().out
    collect(project, 1, dry_run=False)
    assert {one.name for one in folder.iterdir()} == {four[0].fingerprint}


def test_what_newer_evidence_on_the_same_model_has_replaced_goes(project, store, four):
    champion, newest = four[0].fingerprint, four[3].fingerprint
    for age, (name, model) in enumerate(
        {
            "of today": (champion, {"of_today": True}),
            "of today too": (champion, {"of_today": True}),
            "of yesterday": (champion, {}),
            "the only one": (newest, {}),
            "before that": (newest, {}),
            "from elsewhere": ("c" * 64, {"inputs": {"answers": "answers.jsonl"}}),
        }.items()
    ):
        folder = evaluation(project, name, model[0], **model[1])
        for file in folder.iterdir():
            os.utime(file, (1e9 - age, 1e9 - age))
    collect(project, 1, dry_run=False)
    left = sorted(path.name for path in (project.work / "evaluations").iterdir())
    assert left == ["from elsewhere", "of today", "of today too", "the only one"]


def test_what_older_engines_and_sources_have_left_goes(project, store, four):
    model, train = four[0].fingerprint, attempt_folder(project, 7, finished=False) / "train"
    kept = [
        completions_of_today(project) / model / "a.jsonl",
        project.completions / "0123" / fingerprint(train / "model") / "a.jsonl",
        benchmarks_of_today(project) / "a" / "manifest.json",
        project.benchmarks / "mine" / "x",
    ]
    freed = [
        project.completions / model / "a.jsonl",  # where earlier versions kept them
        project.completions / "0123" / model / "a.jsonl",
        project.benchmarks / "0123" / "manifest.json",  # likewise
        project.benchmarks / "4567" / "a" / "manifest.json",
    ]
    for path in (*kept, *freed):
        write_text(path, "{}")
    running = evaluation(project, "running", "8" * 64)
    with FileLock(running / ".lock"):
        collect(project, 1, dry_run=False)
        assert [path.exists() for path in freed] == [False, False, True, True]
    freed_in_words = {item.kind for item in collect_garbage(project, 1, dry_run=True).gone}
    assert freed_in_words == {"benchmarks", "completions"}
    collect(project, 1, dry_run=False)
    assert [path.exists() for path in (*kept, *freed)] == [True] * 4 + [False] * 4


def test_an_interrupted_removal_of_a_folder_is_completed(project, store, left_by_a_kill):
    folder = evaluation(project, "0123", "9" * 64)
    folder.rename(left_by_a_kill(folder))
    assert collect(project, 5, dry_run=True) > 10_000
    collect(project, 5, dry_run=False)
    assert list((project.work / "evaluations").iterdir()) == []


def test_what_was_not_made_by_us_stays(project, store, four):
    train = attempt_folder(project, 7) / "train"
    foreign = [
        project.work / "evaluations" / "my notes" / "x",
        project.work / "evaluations" / ".archived" / "x",
        project.work / "completions" / "mine" / "x",
        project.mlruns / "fetched" / "mine" / "x",
        project.mlruns / "artifacts" / ".previous" / "x",
        train / ".archived" / "x",
        train / "best" / "x",
    ]
    for path in foreign:
        write_text(path, "x")
    collect(project, 0, dry_run=False)
    assert all(path.exists() for path in foreign)


def test_a_version_in_use_stays_even_when_its_removal_had_begun(project, store, four):
    """In a stage, which is older than aliases, or by an alias that somebody gave it meanwhile."""
    store.client.transition_model_version_stage(NAME, "2", "Production")
    store.client.set_model_version_tag(NAME, "3", "weights", "removed")
    store.client.set_registered_model_alias(NAME, "mine", "3")
    collect(project, 0, dry_run=False)
    assert stored(store) == {1: True, 2: True, 3: True, 4: False}


def test_of_a_server_only_the_local_copies_are_removed(project, store, four, monkeypatch, capsys):
    server = type(store)
    monkeypatch.setattr(server, "embedded", property(lambda self: False))
    fetched = {v.version: model_folder(project.mlruns / "fetched" / v.fingerprint, v.version)
               for v in four}  # fmt: skip
    collect(project, 1, dry_run=False)
    assert [number for number, folder in fetched.items() if folder.exists()] == [1, 4]
    assert "are left to it" in capsys.readouterr().out
    assert set(stored(store).values()) == {True}
    assert not any(one.weights_removed for one in versions.versions(store, NAME))
