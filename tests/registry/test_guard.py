"""No weights are removed that a registered version refers to, of whatever name."""

import pytest

from steadycode.errors import ModelError
from steadycode.models import fingerprint
from steadycode.processes import ProcessId
from steadycode.registry.guard import Guard, folder_of
from steadycode.registry.promotion import bootstrap
from steadycode.registry.tags import PROCESS, REGISTERED_NAME
from steadycode.registry.versions import fetch, register, resolve, versions
from tests.builders.evidence import lineage, model_folder


@pytest.fixture
def add(store, tmp_path):
    def go(name, attempt, seed=None):
        folder = tmp_path / f"model-{seed or attempt}"
        if not folder.exists():
            model_folder(folder, seed or attempt)
        run = store.client.create_run(store.experiment_id).info.run_id
        return register(store, name, folder, run, lineage(attempt=attempt).tags())

    return go


def files(store, version):
    return folder_of(store, version.name, version.version)


def uploads(store):
    return store.client.search_logged_models([store.experiment_id])


def test_a_second_name_has_a_base_of_its_own(store, tmp_path):
    first = bootstrap(store, "steadycode", model_folder(tmp_path / "one", 1))
    other = bootstrap(store, "other", model_folder(tmp_path / "two", 2))
    again = bootstrap(store, "third", model_folder(tmp_path / "one again", 1))
    for version in (first, other, again):
        assert fingerprint(fetch(store, version.spec)) == version.fingerprint
        assert resolve(store, f"models:/{version.name}@champion").version == 1
    assert first.fingerprint == again.fingerprint != other.fingerprint


def test_the_same_attempt_may_be_registered_under_two_names(store, add):
    versions_of = [add("a", 1, seed=1), add("b", 1, seed=2), add("c", 1, seed=1)]
    assert [fetch(store, one.spec).is_dir() for one in versions_of] == [True] * 3
    assert versions_of[0].source == versions_of[2].source  # the same weights lie there once
    assert len(uploads(store)) == 2


def test_a_damaged_upload_of_a_version_is_not_discarded(store, add):
    """A version of ours was deleted by hand; a copy under another name refers to its upload."""
    first = add("a", 1)
    store.client.copy_model_version(first.spec, "production")
    store.client.delete_model_version("a", "1")
    (files(store, resolve(store, "models:/production/1")) / "config.json").write_text("{}")
    second = add("a", 1)
    assert fetch(store, second.spec).is_dir()
    kept = files(store, resolve(store, "models:/production/1"))
    assert (kept / "model.safetensors").is_file()
    assert len(uploads(store)) == 2


def test_an_upload_that_was_cut_short_is_left_alone_while_its_writer_may_live(
    store, add, monkeypatch, elsewhere
):
    """On a server, where the lock of this machine says nothing of another."""
    monkeypatch.setattr(type(store), "embedded", property(lambda self: False))
    monkeypatch.setattr("steadycode.registry.uploads.database_uri", lambda folder: "another")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store.tracking_uri)
    tags = {**lineage(attempt=1).tags(), REGISTERED_NAME: "a", PROCESS: str(elsewhere)}
    upload = store.client.create_logged_model(store.experiment_id, name="candidate", tags=tags)
    add("a", 1)
    assert upload.model_id in {one.model_id for one in uploads(store)}
    store.client.set_logged_model_tags(upload.model_id, {PROCESS: str(ProcessId.mine())})
    store.client.delete_model_version("a", "1")
    add("a", 1, seed=2)
    assert upload.model_id not in {one.model_id for one in uploads(store)}


def stage(client, name, stage):
    client.transition_model_version_stage(name, "1", stage)


@pytest.mark.parametrize(
    ("prepare", "given_up", "stays"),
    [
        (lambda client: None, (), True),
        (lambda client: None, ("models:/a/1",), False),
        (
            lambda client: client.set_registered_model_alias("a", "mine", "1"),
            ("models:/a/1",),
            True,
        ),
        (lambda client: stage(client, "a", "Production"), ("models:/a/1",), True),
        (lambda client: stage(client, "a", "Staging"), ("models:/a/1",), True),
        (lambda client: stage(client, "a", "Archived"), ("models:/a/1",), False),
        (lambda client: stage(client, "a", "Archived"), (), True),
        (lambda client: client.copy_model_version("models:/a/1", "b"), ("models:/a/1",), True),
        (
            lambda client: client.copy_model_version("models:/a/1", "b"),
            ("models:/a/1", "models:/b/1"),
            False,
        ),
        (lambda client: client.rename_registered_model("a", "z"), ("models:/a/1",), True),
        (lambda client: client.delete_model_version("a", "1"), (), False),
        (lambda client: client.delete_registered_model("a"), (), False),
    ],
    ids=[
        *("a version", "given up", "an alias", "production", "staging", "archived and given up"),
        *("archived", "a copy", "a copy given up too", "renamed", "deleted", "a deleted model"),
    ],
)
def test_what_a_version_refers_to_stays(store, add, prepare, given_up, stays):
    version = add("a", 1)
    folder, upload = files(store, version), version.source.removeprefix("models:/")
    prepare(store.client)
    guard = Guard(store)
    for paths, forgotten in (
        ([folder], ""), ([folder.parent], ""), ([folder / "config.json"], ""), ([], upload),
    ):  # fmt: skip
        assert bool(guard.needed_by(paths, forgotten, given_up)) == stays
    if stays:
        with pytest.raises(ModelError, match=r"is needed by models:/.*, so it was left alone"):
            guard.remove([folder], upload, given_up)
        assert (folder / "model.safetensors").is_file()
    else:
        guard.remove([folder], upload, given_up)
        assert not folder.exists()
    assert guard.needed_by([folder.with_name("another")]) == []


def test_a_folder_that_somebody_registered_by_its_path_stays(store, tmp_path):
    theirs = model_folder(tmp_path / "theirs", 3)
    store.client.create_registered_model("theirs")
    store.client.create_model_version("theirs", source=str(theirs))
    assert Guard(store).needed_by([tmp_path]) == ["models:/theirs/1"]
    assert versions(store, "theirs")[0].fingerprint == ""
