"""What the corpus tests share."""

import subprocess
from pathlib import Path

import yaml

from steadycode.project import Project

REPOSITORY = Path(__file__).parents[2]

GREET = '''def greet(name: str) -> str:
    """Return a greeting for the given name."""
    return f"hello {name}"
'''


def function(number: int) -> str:
    return GREET.replace("greet", f"greet_{number}")


def git(root: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=Test", "-c", "user.email=test@example.org"]
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=root, check=True, capture_output=True, text=True
    )
    return done.stdout


def commit(root: Path, message: str) -> None:
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", message)


def make_project(root: Path) -> Project:
    """Sixty small files below ``src``, whose splits are all non-empty under 80/10/10."""
    (root / "src").mkdir(parents=True)
    for number in range(60):
        (root / "src" / f"greet_{number}.py").write_text(function(number))
    (root / "src" / "LICENSE").write_text("You may.\n")
    (root / ".dvc").mkdir()
    (root / ".dvc/config").write_text((REPOSITORY / ".dvc/config").read_text())
    (root / ".dvc/.gitignore").write_text("/config.local\n/tmp\n/cache\n")
    (root / ".gitignore").write_text("/data\n/.data.*\n/.steadycode/\n")
    recipe = {
        "split": {"train": 80, "valid": 10, "test": 10},
        "folders": [{"name": "ours", "path": "src", "licence": "MIT"}],
    }
    (root / "configs").mkdir()
    (root / "configs/corpus.yaml").write_text(yaml.safe_dump(recipe))
    git(root, "init", "--quiet")
    commit(root, "start")
    return Project(root)
