from pathlib import Path

import pytest

from steadycode.errors import ModelError
from steadycode.files import sha256_folder
from steadycode.models import earlier_fingerprint, fingerprint
from steadycode.registry.store import local_path
from steadycode.registry.tags import FINGERPRINT
from steadycode.registry.versions import champion, fetch, register, resolve, versions
from tests.builders.evidence import lineage, model_folder

NAME = "steadycode"


@pytest.fixture
def register_seed(store, tmp_path):
    def go(seed, attempt=1, name=NAME):
        folder = tmp_path / f"model-{seed}"
        if not folder.exists():
            model_folder(folder, seed)
        run = store.client.create_run(store.experiment_id).info.run_id
        tags = {**lineage(attempt=attempt).tags(), "base.fingerprint": "f" * 64}
        return register(store, name, folder, run, tags, params={"train.steps": "4"})

    return go


def weights(store):
    return sorted((store.folder / "artifacts").rglob("*.safetensors"))


def test_a_version_says_where_it_comes_from(store, register_seed, tmp_path):
    registered = register_seed(1)
    assert (registered.version, registered.spec) == (1, "models:/steadycode/1")
    assert registered.tags["git.commit"] == "1" * 40
    assert registered.tags["base.fingerprint"] == "f" * 64
    assert registered.fingerprint == fingerprint(tmp_path / "model-1")
    assert registered.source.startswith("models:/m-")
    assert [one.version for one in versions(store, NAME)] == [1]
    assert (champion(store, NAME), versions(store, "other")) == (None, [])


def test_registering_an_attempt_again_gives_its_version(store, register_seed):
    first, again = register_seed(1), register_seed(1)
    assert (again.version, again.source) == (first.version, first.source)
    assert register_seed(2, attempt=2).version == 2
    assert len(weights(store)) == 2


def test_an_attempt_cannot_change_its_weights(register_seed):
    register_seed(1)
    with pytest.raises(ModelError, match="models:/steadycode/1 already holds attempt 1 of abc"):
        register_seed(2)


def test_the_weights_lie_on_disk_once_and_are_served_from_there(store, register_seed, tmp_path):
    registered = register_seed(1)
    folder = fetch(store, registered.spec)
    assert weights(store) == [folder / "model.safetensors"]
    assert sha256_folder(folder) == sha256_folder(tmp_path / "model-1")


@pytest.mark.parametrize("torn_at", ["log_model_artifacts", "set_logged_model_tags",
                                     "finalize_logged_model", "create_model_version"])  # fmt: skip
def test_a_kill_while_registering_leaves_one_trusted_copy(store, register_seed, monkeypatch,
                                                          torn_at):  # fmt: skip
    client = type(store.client)
    with monkeypatch.context() as torn:

        def die(*_args, **_kwargs):
            raise KeyboardInterrupt

        torn.setattr(client, torn_at, die)
        with pytest.raises(KeyboardInterrupt):
            register_seed(1)
    assert versions(store, NAME) == []
    registered = register_seed(1)
    assert registered.version == 1
    assert len(weights(store)) == 1
    assert fetch(store, registered.spec).is_dir()


def test_files_that_were_changed_are_not_used(store, register_seed):
    registered = register_seed(1)
    with (fetch(store, registered.spec) / "model.safetensors").open("ab") as weights_file:
        weights_file.write(b"x")
    with pytest.raises(ModelError, match="not those that were registered"):
        fetch(store, registered.spec)


def test_a_version_of_an_earlier_release_is_tagged_anew(store, register_seed):
    """Its fingerprint left the chat template out."""
    version = register_seed(1)
    folder = fetch(store, version.spec)
    (folder / "chat_template.jinja").write_text("{{ messages[0].content }}")
    earlier = earlier_fingerprint(folder)
    store.client.set_model_version_tag(version.name, str(version.version), FINGERPRINT, earlier)
    assert fetch(store, version.spec) == folder
    assert resolve(store, version.spec).fingerprint == fingerprint(folder)


def test_files_of_another_model_are_not_used(store, register_seed, tmp_path):
    registered, other = register_seed(1), register_seed(2, attempt=2)
    replacement = (fetch(store, other.spec) / "model.safetensors").read_bytes()
    (fetch(store, registered.spec) / "model.safetensors").write_bytes(replacement)
    with pytest.raises(ModelError, match="not those that were registered"):
        fetch(store, registered.spec)


@pytest.mark.parametrize("spec", ["steadycode", "models:/steadycode", "models:/steadycode/x",
                                  "models:/a/b/1", "models:/steadycode@a/1"])  # fmt: skip
def test_a_malformed_name_is_refused(store, spec):
    with pytest.raises(ModelError, match="is not models:/NAME@ALIAS"):
        resolve(store, spec)


def test_an_unknown_version_names_what_there_is(store, register_seed):
    with pytest.raises(ModelError, match="registered: nothing yet"):
        resolve(store, "models:/steadycode@champion")
    register_seed(1)
    with pytest.raises(
        ModelError, match="no models:/steadycode/7; registered: models:/steadycode/1"
    ):
        resolve(store, "models:/steadycode/7")


def test_the_logged_model_is_tied_to_its_run(store, register_seed):
    registered = register_seed(1)
    logged = store.client.get_logged_model(registered.source.removeprefix("models:/"))
    assert (logged.source_run_id, str(logged.status)) == (registered.run_id, "READY")
    assert logged.params == {"train.steps": "4"}
    assert {name: logged.tags[name] for name in registered.tags} == registered.tags
    assert local_path(logged.artifact_location) == fetch(store, registered.spec)


@pytest.fixture
def server(monkeypatch, store):
    """The embedded store as one on a server: what lies there is fetched."""
    monkeypatch.setattr(type(store), "embedded", property(lambda self: False))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store.tracking_uri)  # as the user names a server


def test_from_a_server_the_files_are_fetched_once(store, register_seed, server, monkeypatch):
    registered = register_seed(1)
    folder = fetch(store, registered.spec)
    assert folder == store.folder / "fetched" / registered.fingerprint
    assert fingerprint(folder) == registered.fingerprint
    left = [path.name for path in folder.parent.iterdir() if path.suffix != ".lock"]
    assert left == [registered.fingerprint]
    monkeypatch.setattr("mlflow.artifacts.download_artifacts", None)  # so that nothing can be had
    assert fetch(store, registered.spec) == folder
    assert register_seed(1) == registered  # a finished upload is taken for whole


def test_a_fetch_that_was_cut_short_begins_again(store, register_seed, server, monkeypatch):
    registered = register_seed(1)

    def cut_short(spec, dst_path, tracking_uri):
        (Path(dst_path) / "config.json").write_text("{")
        raise KeyboardInterrupt

    with monkeypatch.context() as torn:
        torn.setattr("mlflow.artifacts.download_artifacts", cut_short)
        with pytest.raises(KeyboardInterrupt):
            fetch(store, registered.spec)
    assert not (store.folder / "fetched" / registered.fingerprint).exists()
    assert fingerprint(fetch(store, registered.spec)) == registered.fingerprint


@pytest.mark.parametrize("file", ["model.safetensors", "config.json"])
@pytest.mark.parametrize("gone", [True, False])
def test_a_damaged_copy_is_fetched_again(store, register_seed, server, file, gone):
    registered = register_seed(1)
    folder = fetch(store, registered.spec)
    if gone:
        (folder / file).unlink()
    else:
        (folder / file).write_bytes((folder / file).read_bytes()[:-9])
    assert fetch(store, registered.spec) == folder
    assert fingerprint(folder) == registered.fingerprint


def test_files_that_are_gone_are_told_with_their_place(store, register_seed):
    registered = register_seed(1)
    folder = fetch(store, registered.spec)
    folder.rename(folder.with_name("elsewhere"))
    with pytest.raises(ModelError) as caught:
        fetch(store, registered.spec)
    assert str(caught.value) == (
        f"the files of models:/steadycode/1 are not at {folder}; restore that folder"
    )


def test_a_model_that_changes_while_it_is_copied_is_not_registered(
    store, register_seed, monkeypatch, tmp_path
):
    upload = type(store.client).log_model_artifacts

    def changing(client, model, folder):
        (tmp_path / "model-1" / "config.json").write_text("{}")
        upload(client, model, folder)

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(type(store.client), "log_model_artifacts", changing)
        with pytest.raises(ModelError, match=r"model-1 changed while it was copied to .*again$"):
            register_seed(1)
    assert versions(store, NAME) == []
