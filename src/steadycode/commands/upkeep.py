"""The commands that keep a project in order: ``doctor``, ``gc`` and ``relocate``."""

from typing import Annotated

import typer

from steadycode.commands.options import Profile
from steadycode.commands.project import in_project


def doctor(
    repair: Annotated[bool, typer.Option("--repair", help="Repair what can be repaired.")] = False,
) -> None:
    """Find what killed runs have left behind; the exit code is 1 when something is to be done."""
    with in_project() as project:
        from steadycode.operations import doctor as operation
        from steadycode.operations.unseen import left_alone
        from steadycode.views.console import plain_printer

        say = plain_printer()
        findings = operation.examine(project)
        repairs = operation.repair(project, say) if repair else ()
        repaired = {finding.what for finding in repairs}
        left = [finding for finding in findings if finding.what not in repaired]
        for finding in left:
            say(f"found: {finding.what}; {finding.remedy}")
        alone = left_alone(project)
        for line in alone:
            say(line)
        if not findings and not alone:
            say("nothing is left of earlier runs")
        elif any(finding.repair for finding in left):
            say("`steadycode doctor --repair` puts that right")
        if left:
            raise typer.Exit(1)


def gc(
    keep: Annotated[
        int, typer.Option(min=0, help="Keep so many newest versions and unfinished attempts.")
    ] = 5,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    profile: Profile = "quick",
) -> None:
    """Remove weights, checkpoints and completions that no alias and no recent version needs, and
    what older engines have left; keep service logs within bounds."""
    with in_project() as project:
        from steadycode.config import load_config
        from steadycode.operations.logs import rotate
        from steadycode.operations.retention import collect_garbage
        from steadycode.views.console import plain_printer
        from steadycode.views.removal import show_removal

        removal = collect_garbage(project, keep, dry_run, load_config(profile).experiment)
        show_removal(removal.gone, removal.in_use, removal.left_to, dry_run)
        for line in rotate(project, dry_run=dry_run):
            plain_printer()(line)


def relocate() -> None:
    """Repair the MLflow store of a project whose folder was moved or copied."""
    with in_project() as project:
        from steadycode.operations.relocation import relocate as repair
        from steadycode.views.console import plain_printer
        from steadycode.views.removal import relocation_table

        say = plain_printer()
        relocation = repair(project)
        if not relocation.former:
            say(f"nothing to be done: every address in {project.mlruns.resolve()} is right")
            return
        say(relocation_table(relocation.rewritten))
        roots = ", ".join(str(root) for root in relocation.former)
        say(f"moved from {roots} to {project.root}")
