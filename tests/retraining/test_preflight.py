"""What a retraining starts from, and what is refused before it costs anything."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from steadycode.config import Config, load_config
from steadycode.errors import ConfigError, DataError, ModelError, SteadycodeError
from steadycode.files import write_json, write_jsonl
from steadycode.gate.decision import Compared, Decision, EvidenceRef
from steadycode.models import fingerprint
from steadycode.models.tiny import tiny_tokenizer
from steadycode.project import Project
from steadycode.registry import promotion, versions
from steadycode.registry.store import Store, open_store
from steadycode.retraining.preflight import (
    check_decision,
    check_evaluation,
    check_retraining,
    find_model,
    start_of,
)


@pytest.fixture
def project(project: Project, repository: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    shutil.copytree(repository / "configs", project.configs, dirs_exist_ok=True)
    monkeypatch.setenv("STEADYCODE_HOME", str(project.root))
    return project


def model(folder: Path, seed: int) -> Path:
    folder.mkdir()
    weights = np.random.default_rng(seed).random((10, 10), dtype=np.float32)
    save_file({"weight": weights}, folder / "model.safetensors")
    write_json(folder / "config.json", {"model_type": "llama"})
    write_json(folder / "tokenizer.json", {"version": "1.0"})
    return folder


def register(store: Store, name: str, folder: Path) -> versions.RegisteredVersion:
    run = store.client.create_run(store.experiment_id).info.run_id
    tags = {"steadycode.retraining": "abc", "steadycode.attempt": "1", "data.dirty": "false"}
    return versions.register(store, name, folder, run, tags)


def promoting(candidate: versions.RegisteredVersion, champion: Path) -> Decision:
    return Decision(
        outcome="promote",
        reason="it is better",
        rules=(),
        evidence=Compared(
            candidate=EvidenceRef(fingerprint=candidate.fingerprint, sha256="c" * 64),
            champion=EvidenceRef(fingerprint=fingerprint(champion), sha256="b" * 64),
        ),
        retraining=candidate.retraining,
        attempt=candidate.attempt,
    )


def test_start_is_the_base_or_the_champion_of_the_day(project: Project, tmp_path: Path) -> None:
    base, better = model(tmp_path / "base", 1), model(tmp_path / "better", 2)
    from_base = load_config("smoke")
    from_champion = load_config("smoke", ["model.start=champion"])
    name = from_base.model.registered_name
    store = open_store(project, from_base.experiment)

    def start(config: Config) -> str:
        spec = start_of(config, store)
        folder = base if spec == config.model.base else versions.fetch(store, spec)
        return fingerprint(folder)

    assert start_of(from_champion, store) == from_champion.model.base  # no champion yet
    promotion.bootstrap(store, name, base)
    assert start(from_champion) == fingerprint(base)
    candidate = register(store, name, better)
    assert start(from_champion) == fingerprint(base)
    promotion.apply(store, name, promoting(candidate, base))
    assert start(from_champion) == fingerprint(better)
    assert start(from_base) == fingerprint(base)


GATES = {
    "on-docstrings": "rules: [correctness/full, robustness/docstring]\nimprovement_in: [loss]\n",
    "better-robust": "rules: [correctness/full]\nimprovement_in: [robustness]\n",
    "any": "rules: [correctness/full]\nrequire_improvement: false\nimprovement_in: [robustness]\n",
}


@pytest.mark.parametrize(
    ("gate", "perturbations", "message"),
    [
        (
            "gate",
            "[]",
            "asks for robustness/natural, but evaluate.perturbations names none of the",
        ),
        ("gate", "[ChangeCharCase]", "names none of the natural ones that can be applied; name"),
        ("on-docstrings", "[new_lines]", "names none of group docstring that can be applied"),
        ("better-robust", "[]", "asks for robustness, but"),
        ("gate", "[BackTranslation]", "asks for robustness/natural, but"),  # needs a plug-in
        ("on-docstrings", "[ChangeCharCase]", ""),
        ("any", "[]", ""),
        ("gate-text", "[]", ""),
        ("gate", "[all]", ""),
    ],
)
def test_a_measure_that_no_evidence_would_hold_is_refused(
    project: Project, gate: str, perturbations: str, message: str
) -> None:
    for name, text in GATES.items():
        (project.configs / f"{name}.yaml").write_text(text)
    config = load_config("smoke", [f"gate={gate}", f"evaluate.perturbations={perturbations}"])
    if not message:
        assert check_decision(project, config).rules
        return
    with pytest.raises(ConfigError) as fault:
        check_decision(project, config)
    assert message in str(fault.value)
    assert str(fault.value).startswith(f"{project.configs / gate}.yaml asks for robustness")


def wrong_problems(project: Project) -> str:
    path = project.root / "wrong.jsonl"
    path.write_text("{\n[]\n")
    return str(path)


@pytest.mark.parametrize(
    ("overrides", "fault", "message"),
    [
        (["evaluate.problems=humanevall"], DataError, "no problem file humanevall"),
        (["gate=gaet"], ConfigError, "did you mean gate?"),
        (["evaluate.perturbations=[new_line]"], ConfigError, "did you mean new_lines?"),
        (["model.base=tiny-randm"], ModelError, "did you mean tiny-random?"),
        (
            ["evaluate.limits.seconds=0.000001"],
            DataError,
            "3 of 4 problems can't be passed here, so that nothing is measured",
        ),
    ],
)
def test_an_evaluation_that_could_not_be_made_is_refused(
    project: Project, overrides: Sequence[str], fault: type[SteadycodeError], message: str
) -> None:
    with pytest.raises(fault) as told:
        check_evaluation(project, load_config("smoke", overrides))
    assert message in str(told.value)
    assert "\n" not in str(told.value)


def test_problems_of_which_every_row_is_wrong_are_refused(project: Project) -> None:
    config = load_config("smoke", [f"evaluate.problems={wrong_problems(project)}"])
    with pytest.raises(DataError, match=r"all its 2 rows are wrong, the first: .*:1: not JSON"):
        check_evaluation(project, config)


def test_problems_of_which_no_reference_passes_its_test_are_refused(project: Project) -> None:
    path = project.root / "wrong.jsonl"
    row = {"prompt": "def f(x):\n", "entry_point": "f", "canonical_solution": "    return x\n"}
    good, bad = (f"def check(candidate):\n    assert candidate(1) == {n}\n" for n in (1, 2))
    config = load_config("smoke", [f"evaluate.problems={path}"])
    write_jsonl(path, [{**row, "task_id": "a", "test": bad}, {**row, "task_id": "b", "test": bad}])
    with pytest.raises(DataError, match=r"2 of 2 .*jsonl:1: the reference solution fails its"):
        check_evaluation(project, config)
    write_jsonl(path, [{**row, "task_id": "a", "test": bad}, {**row, "task_id": "b", "test": good}])
    check_evaluation(project, config)


def test_problems_that_measure_nothing_are_told_before_training(
    project: Project, tiny_folder: Path
) -> None:
    row = {"prompt": "def f(x):\n", "entry_point": "f", "canonical_solution": "    return x\n"}
    tests = ["assert candidate(1) == 1", "return candidate(1) == 1", "assert candidate(1) == 2"]
    path = project.root / "mine.jsonl"
    write_jsonl(
        path,
        [
            {**row, "task_id": f"t/{n}", "test": f"def check(candidate):\n    {test}\n"}
            for n, test in enumerate(tests)
        ],
    )
    overrides = [f"evaluate.problems={path}", f"model.base={tiny_folder}"]
    config, said = load_config("smoke", overrides), list[str]()
    ready = check_retraining(project, config, open_store(project, config.experiment), said.append)
    assert ready.shortfalls[0].startswith("1 problems are measured")
    assert said[0].startswith(f"{path}:2: left out, the test accepts any program")
    assert said[1].startswith(f"{path}:3: left out, the reference solution fails its own test")


def test_more_problems_than_there_are_is_all_of_them(project: Project) -> None:
    assert check_evaluation(project, load_config("smoke", ["evaluate.max_problems=9999"])) == 164


def test_a_retraining_is_found_ready(project: Project) -> None:
    config = load_config("smoke")
    said: list[str] = []
    ready = check_retraining(project, config, open_store(project, config.experiment), said.append)
    assert ready.base == ready.start == project.models / "tiny-random"
    assert "loss" in ready.policy.rules
    assert [line.partition(" and")[0] for line in ready.shortfalls] == [
        "4 problems are measured",
        "8 held-out documents are measured",
    ]


def test_fewer_documents_than_the_policy_asks_for_are_told_before_training(
    project: Project, tiny_folder: Path
) -> None:
    overrides = ["evaluate.heldout_documents=64", f"model.base={tiny_folder}"]
    config, store = load_config("smoke", [*overrides, "gate=gate"]), open_store(project)

    def documents() -> list[str]:
        shortfalls = check_retraining(project, config, store, lambda text: None).shortfalls
        return [line for line in shortfalls if "documents" in line]

    assert documents() == []
    texts = [f"x = {n % 7}" for n in range(90)]
    write_jsonl(project.data / "test.jsonl", [{"content": text} for text in texts])
    assert documents()[0].startswith("7 held-out documents are measured and the policy gate asks")
    write_jsonl(project.data / "test.jsonl", [{"content": f"x = {n}"} for n in range(90)])
    assert documents() == []


def test_another_tokenizer_than_the_champions_is_refused_before_training(
    project: Project, tiny_folder: Path, tmp_path: Path
) -> None:
    """It would train, be registered, and end in an error each time."""
    config = load_config("smoke")
    store = open_store(project, config.experiment)
    promotion.bootstrap(store, config.model.registered_name, tiny_folder)
    other = tmp_path / "other"
    shutil.copytree(tiny_folder, other)
    tiny_tokenizer(600).save_pretrained(other)
    changed = load_config("smoke", [f"model.base={other}"])
    with pytest.raises(ConfigError, match="different tokenizers"):
        check_retraining(project, changed, store, lambda text: None)
    own = load_config("smoke", [f"model.base={other}", "model.registered_name=own"])
    assert check_retraining(project, own, store, lambda text: None).start == other
    goes_on = load_config("smoke", [f"model.base={other}", "model.start=champion"])
    check_retraining(project, goes_on, store, lambda text: None)  # it is the champion that trains


def test_a_model_to_evaluate_is_checked_too(project: Project, tiny_folder: Path) -> None:
    config = load_config("smoke", ["evaluate.decoding.style=chat"])
    store = open_store(project, config.experiment)
    project.data.mkdir()
    (project.data / "test.jsonl").write_text('{"content": "x = 1"}\n')
    with pytest.raises(ModelError, match="no chat template"):
        find_model(project, str(tiny_folder), config, store, lambda text: None)
