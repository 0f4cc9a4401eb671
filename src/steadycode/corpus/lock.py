"""What the recipe resolved to, beside the recipe: ``configs/corpus.lock.json``."""

from pathlib import Path

from steadycode.corpus.build import BuildResult
from steadycode.corpus.recipe import Recipe
from steadycode.files import sha256_json, to_json
from steadycode.project import Project

SCHEMA = 1


def lock_path(project: Project) -> Path:
    return project.configs / "corpus.lock.json"


def lock_text(recipe: Recipe, result: BuildResult) -> str:
    """The same text for the same recipe and sources; ``recipe`` is hashed without its comments."""
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
