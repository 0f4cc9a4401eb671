"""A project as the first release has left it, written without the code that is under test.

Every text stands here as that release wrote it; what reads it must go on doing so.
"""

import json
from pathlib import Path
from typing import Any

import psutil
from mlflow import MlflowClient

FINGERPRINTS = {
    1: "e08b61062615ffea2e9b559e9e2ac05c5b36a665660c8993a0f61bfa05477863",
    2: "78d9140f38bb582ce25c110b4d6cb50b0b0b9849997975f1454b9ade39256cc1",
}
RETRAINING = "0f3a5c7e9b1d"
POLICY = """rules: [correctness/full, correctness/partial, robustness, loss]
confidence: 0.95
margin: 0.05
max_loss_increase: 0.02
min_problems: 50
min_documents: 30
require_improvement: true
improvement_in: [correctness/full, correctness/partial, robustness, loss]
require_approval: false
"""
EVIDENCE = (
    '{"conditions": {"benchmark": "b0", "decoding": {"samples": 1, "temperature": 0.0}, "device":'
    ' "cpu", "dtype": "float32", "engine": "transformers 5", "harness": "e0", "heldout": "a0",'
    ' "limits": {"seconds": 3.0}}, "cost": {"wall_seconds": 12.0}, "heldout": {"00": {"loss": 1.5,'
    ' "tokens": 100}}, "model_fingerprint": "%s", "report": {"benchmark_hash": "b0", "figures": {},'
    ' "outcomes": [{"changed": false, "group": null, "mode": "full", "perturbation": null, "seed":'
    ' null, "task_id": "t/0", "verdicts": [{"detail": "", "peak_memory": 0.0, "seconds": 0.0,'
    ' "status": "passed"}]}, {"changed": true, "group": "docstring", "mode": "full",'
    ' "perturbation": "ButterFingersPerturbation", "seed": 0, "task_id": "t/0", "verdicts":'
    ' [{"detail": "", "peak_memory": 0.0, "seconds": 0.0, "status": "failed"}]}], "problems": 1,'
    ' "total_problems": 1}, "representation": {"isotropy": 0.5}, "schema": 1}'
)
BOOTSTRAP = (
    '{"attempt": 0, "data_dirty": false, "evidence": {"candidate": {"fingerprint": "%s", "sha256":'
    ' ""}, "champion": null}, "next_steps": [], "outcome": "bootstrap", "policy": {}, "reason":'
    ' "the base model: what the first retraining is compared with", "retraining": "base",'
    ' "reviewer": "", "rules": [], "schema": 1}'
)
PROMOTION = (
    '{"attempt": 1, "data_dirty": false, "evidence": {"candidate": {"fingerprint": "%s", "sha256":'
    ' "c0"}, "champion": {"fingerprint": "%s", "sha256": "d0"}}, "next_steps": [], "outcome":'
    ' "promote", "policy": {"confidence": 0.95}, "reason": "all rules hold", "retraining": "'
    f'{RETRAINING}", "reviewer": "", "rules": [], "schema": 1}}'
)


def identity(pid: int, started: str) -> str:
    """A process as that release named it: host, start of the machine, pid namespace."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    namespace = Path("/proc/self/ns/pid").stat().st_ino
    return f"a-host/{boot}:{namespace}/{pid}/{started}"


def mine() -> str:
    """This process, so named."""
    stat = Path("/proc/self/stat").read_text().rpartition(")")[2]
    return identity(psutil.Process().pid, stat.split()[19])


def weights(folder: Path, number: int) -> Path:
    """The files of version ``number``, whose fingerprint is ``FINGERPRINTS[number]``."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text('{"model_type": "llama"}\n')
    (folder / "tokenizer.json").write_text("{}\n")
    (folder / "model.safetensors").write_text(f"weights of version {number}\n")
    return folder


def earlier_project(root: Path) -> MlflowClient:
    """Fill the project at ``root``, whose mlruns/ holds MLflow's tables: version 1 is the base
    model and previous champion, version 2 the champion; a run was killed."""
    client = MlflowClient(f"sqlite:///{root}/mlruns/mlflow.db")
    location = (root / "mlruns" / "artifacts").as_uri()
    experiment = client.create_experiment("steadycode", artifact_location=location)
    client.create_registered_model("steadycode")
    _version(client, root, experiment, 1, "base", "0", BOOTSTRAP % FINGERPRINTS[1])
    record = PROMOTION % (FINGERPRINTS[2], FINGERPRINTS[1])
    _version(client, root, experiment, 2, RETRAINING, "1", record)
    client.set_registered_model_alias("steadycode", "previous-champion", "1")
    client.set_registered_model_alias("steadycode", "champion", "2")
    killed = {**_lineage(RETRAINING, "2"), "steadycode.process": identity(2**22 + 1, "7")}
    client.create_run(experiment, tags=killed, run_name="killed")
    (root / "configs" / "gate.yaml").write_text(POLICY)
    for number, fingerprint in FINGERPRINTS.items():
        folder = root / ".steadycode" / "evaluations" / f"{number:016x}"
        folder.mkdir(parents=True)
        (folder / "evidence.json").write_text(EVIDENCE % fingerprint)
        job = {"stage": "evaluate", "identity": {"model": fingerprint}, "schema": 1}
        (folder / "job.json").write_text(json.dumps(job))
    services = {"mlflow_port": 5000, "prefect_port": 4200, "root": str(root), "schema": 1,
                "processes": {"prefect": mine(), "mlflow": identity(2**22 + 1, "7")}}  # fmt: skip
    (root / ".steadycode" / "services.json").write_text(json.dumps(services))
    return client


def _lineage(retraining: str, attempt: str) -> dict[str, str]:
    return {
        "steadycode.retraining": retraining,
        "steadycode.attempt": attempt,
        "steadycode.profile": "quick",
        "data.md5": "d" * 32,
        "data.dirty": "false",
        "git.commit": "1" * 40,
    }


def _version(
    client: MlflowClient, root: Path, experiment: str, number: int, retraining: str, attempt: str,
    record: str,
) -> None:  # fmt: skip
    tags = _lineage(retraining, attempt)
    stage = {"steadycode.stage": "base steadycode"} if retraining == "base" else {}
    of_run = {**tags, **stage, "steadycode.process": mine()}
    run: Any = client.create_run(experiment, tags=of_run, run_name=f"{retraining} {attempt}").info
    logged = client.create_logged_model(
        experiment, name="candidate", source_run_id=run.run_id, tags=tags, model_type="hf-causal-lm"
    )
    folder = weights(root / "written" / str(number), number)
    client.log_model_artifacts(logged.model_id, str(folder))
    client.set_logged_model_tags(logged.model_id, {"fingerprint": FINGERPRINTS[number]})
    client.finalize_logged_model(logged.model_id, "READY")
    client.set_terminated(run.run_id, "FINISHED")
    client.create_model_version(
        "steadycode",
        source=f"models:/{logged.model_id}",
        run_id=run.run_id,
        model_id=logged.model_id,
        tags={
            **tags,
            "fingerprint": FINGERPRINTS[number],
            "decision": json.loads(record)["outcome"],
            "decision.record": record,
        },
    )
