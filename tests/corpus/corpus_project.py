"""What the corpus tests share."""

import subprocess
from pathlib import Path

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
