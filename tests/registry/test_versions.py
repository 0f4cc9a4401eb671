import pytest

from steadycode.errors import ModelError
from steadycode.files import sha256_folder
from steadycode.models import fingerprint
from steadycode.registry.store import local_path
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
