"""``configs/corpus.lock.json``, which records the sources and rows that the recipe came to."""

from pathlib import Path

from steadycode.corpus.build import BuildResult
from steadycode.corpus.recipe import Recipe
from steadycode.files import sha256_json, to_json
from steadycode.project import Project

SCHEMA = 1


def lock_path(project: Project) -> Path:
    return project.configs / "corpus.lock.json"


def lock_text(recipe: Recipe, result: BuildResult) -> str:
    """The text of the lock file, which is the same for the same recipe and sources.

    The recipe is hashed as it was understood, so that its comments do not count.
    """
    content = {
        "schema": SCHEMA,
        "recipe": sha256_json(recipe.model_dump(mode="json")),
        "md5": result.md5,
        "rows": result.rows,
        "sources": {
            name: {
                "version": origin.version,
                "files": origin.files,
                "sha256": origin.sha256,
                "rows": result.packages[name].rows if name in result.packages else 0,
            }
            for name, origin in result.origins.items()
        },
    }
    return to_json(content) + "\n"
