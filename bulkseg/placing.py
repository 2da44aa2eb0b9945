"""Where specs are to lie: the ids of folders that a job names by path, put into bodies before they leave."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

import orjson

from bulkseg.errors import InputError, Problem
from bulkseg.folders import Folders, Tree
from bulkseg.model import Spec, Task

Display = Callable[[str], str]

MISSING = "there is no such folder; make it in Eloqua, or run with --make-folders"


def wanted(batches: Iterable[list[Task]]) -> dict[str, Spec]:
    """The folders that tasks name, each with the first spec that names it."""
    found: dict[str, Spec] = {}
    for batch in batches:
        for task in batch:
            if task.spec.folder:
                found.setdefault(task.spec.folder, task.spec)
    return found


def placed(batches: Iterable[list[Task]], ids: Mapping[str, str]) -> Iterator[list[Task]]:
    """The tasks with the ids of their folders in their bodies; without those whose folder is not known."""
    for batch in batches:
        yield [_placed(task, ids) for task in batch if not task.spec.folder or task.spec.folder in ids]


def _placed(task: Task, ids: Mapping[str, str]) -> Task:
    spec = task.spec
    return (
        replace(task, spec=replace(spec, body=in_folder(spec.body, ids[spec.folder])))
        if spec.folder
        else task
    )


def in_folder(body: bytes, folder_id: str) -> bytes:
    """The body of a request (an object with something in it), with a `folderId`."""
    return b'{"folderId":' + orjson.dumps(folder_id) + b"," + body[1:]


def known(tree: Tree, paths: Iterable[str]) -> dict[str, str]:
    """The ids of those folders that are there, once each, by path."""
    found = {path: tree.find(path) for path in paths}
    return {path: ids[0] for path, ids in found.items() if len(ids) == 1}


async def settle(
    folders: Folders, needed: Mapping[str, Spec], others: Iterable[str], display: Display, *, make: bool
) -> dict[str, str]:
    """The ids of the folders that are needed, missing ones made if `make`; of `others` those that are there.

    Raises:
        InputError: a folder is missing, or there are several of one path; nothing was made then.
        Stopped: they cannot be listed, or one cannot be made.
    """
    tree = await folders.read()
    problems = problems_of(tree, needed, display, make=make)
    if problems:
        raise InputError(problems)
    for path in needed:
        if not tree.find(path):
            tree = await folders.make(path, tree)
    return known(tree, {*needed, *others})


def problems_of(tree: Tree, needed: Mapping[str, Spec], display: Display, *, make: bool) -> list[Problem]:
    """What is wrong with the folders that are needed; a missing one is not, if it is to be made."""
    problems = []
    for path, spec in needed.items():
        ids = tree.find(path)
        if len(ids) > 1:
            what = f"is the path of several folders, {', '.join(ids)}; give a folderId"
            problems.append(_problem(path, spec, what, display))
        elif not ids and not make:
            problems.append(_problem(path, spec, MISSING, display))
    return problems


def _problem(path: str, spec: Spec, what: str, display: Display) -> Problem:
    return Problem(display(spec.file), f'"{path}": {what}', spec.line, "folder")
