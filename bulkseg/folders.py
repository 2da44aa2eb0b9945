"""Folders by their path from the root: found in one list of them all, and made where that is asked for.

Names are compared as segments' names are, folded; of several that fold to one, the exact one counts. A folder
is never made while it may be there already: a list is looked at first, and again after an answer was lost.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Protocol

from bulkseg.answers import folder_of
from bulkseg.clock import Clock
from bulkseg.errors import Stopped
from bulkseg.faults import read_errors
from bulkseg.listing import BY_ID, ListingFailed, read_list
from bulkseg.model import Answer, InDoubt, Outcome, Reply
from bulkseg.names import fold

# Seconds between two looks for a folder whose answer was lost.
LOOK = 1.0


class Api(Protocol):
    """The requests about folders; see the API client."""

    async def root_folder(self) -> Reply:
        """The folder that all others lie in."""

    async def list_folders(self, *, page: int, order_by: str | None) -> Reply:
        """One page of all folders."""

    async def create_folder(self, name: str, parent_id: str) -> Reply:
        """Makes a folder in another."""


class Gateway(Protocol):
    """The way to the site."""

    async def ask(self, request: Callable[[], Awaitable[Reply]]) -> Answer:
        """Makes a request that may be made again, until there is an answer."""

    async def once(self, request: Callable[[], Awaitable[Reply]]) -> Answer | Outcome:
        """Makes a request one time; its answer, or what became of it."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder. `parent_id` is None where the server names none."""

    id: str
    name: str
    parent_id: str | None


@dataclass(frozen=True, slots=True)
class Tree:
    """All folders of a site by their folded path; each with its path as it is written, and its id."""

    root_id: str
    by_path: Mapping[str, list[tuple[str, str]]]

    def find(self, path: str) -> tuple[str, ...]:
        """The ids of the folders of that path: one, none, or several that cannot be told apart."""
        there = self.by_path.get(_folded(path), [])
        exact = [one for written, one in there if written == path]
        return tuple(exact or [one for _, one in there])

    def plus(self, path: str, folder_id: str) -> Tree:
        """With a folder more."""
        there = self.by_path.get(_folded(path), [])
        return Tree(self.root_id, {**self.by_path, _folded(path): [*there, (path, folder_id)]})


def tree_of(folders: Iterable[Folder], root_id: str) -> Tree:
    """The tree of the folders that lie under the root, however deep; others cannot be named by a path."""
    by_id = {folder.id: folder for folder in folders}
    by_path: dict[str, list[tuple[str, str]]] = {}
    for folder in by_id.values():
        path = _path(folder, by_id, root_id)
        if path:
            by_path.setdefault(_folded(path), []).append((path, folder.id))
    return Tree(root_id, by_path)


def _path(folder: Folder, by_id: Mapping[str, Folder], root_id: str) -> str:
    """The path of a folder; empty for the root, and for one that hangs on none (or in a circle)."""
    names: list[str] = []
    at: Folder | None = folder
    while at is not None and at.id != root_id:
        if len(names) > len(by_id):
            return ""
        names.append(at.name)
        parent_id = root_id if at.parent_id is None else at.parent_id
        if parent_id == root_id:
            break
        at = by_id.get(parent_id)
    return "" if at is None else "/".join(reversed(names))


def _folded(path: str) -> str:
    return "/".join(map(fold, path.split("/")))


class Folders:
    """The folders of one site. `settle` is in seconds: so long a new one may be missing from a list."""

    def __init__(self, api: Api, gateway: Gateway, *, settle: float, max_attempts: int, clock: Clock) -> None:
        self._api = api
        self._gateway = gateway
        self._settle = settle
        self._max_attempts = max_attempts
        self._clock = clock

    async def read(self) -> Tree:
        """All folders.

        Raises:
            ListingFailed: the list cannot be had whole.
            Stopped: a stop was asked for meanwhile.
        """
        answer = await self._gateway.ask(self._api.root_folder)
        root = folder_of(answer.body) if answer.status == HTTPStatus.OK else None
        if root is None:
            raise ListingFailed(
                f"the root folder cannot be read: {read_errors(answer.status, answer.body)}; run again, "
                "or name folders by folderId"
            )
        return tree_of(
            await read_list(
                lambda page: self._api.list_folders(page=page, order_by=BY_ID),
                self._gateway.ask,
                _folder,
                of="folders",
            ),
            str(root["id"]),
        )

    async def make(self, path: str, tree: Tree) -> Tree:
        """Makes the folder of that path, and those above it, where they are missing; gives the new tree.

        Raises:
            Stopped: the server refuses it, or puts it somewhere else, or it is not clear what it did.
        """
        names = path.split("/")
        parent_id = tree.root_id
        for depth in range(1, len(names) + 1):
            part = "/".join(names[:depth])
            if not tree.find(part):
                tree = await self._make(part, parent_id, tree)
            parent_id = _the_one(tree, part)
        return tree

    async def _make(self, path: str, parent_id: str, tree: Tree) -> Tree:
        """One folder in a parent that is there."""
        name = path.rpartition("/")[2]
        for _ in range(self._max_attempts):
            outcome = await self._gateway.once(lambda: self._api.create_folder(name, parent_id))
            made = _made(outcome)
            if made is not None:
                return tree.plus(path, _in_its_place(path, parent_id, made))
            # Whatever was said: what a list shows is what counts, be it somebody else's by now.
            seen = await self._look(path, self._settle if _in_doubt(outcome) else 0.0)
            if seen is not None:
                return seen
            if isinstance(outcome, Answer) and not _in_doubt(outcome):
                why = read_errors(outcome.status, outcome.body)
                raise Stopped(f'the folder "{path}" cannot be made: {why}; nothing was sent')
        raise Stopped(f'the folder "{path}" could not be made, tried {self._max_attempts} times; run again')

    async def _look(self, path: str, patience: float) -> Tree | None:
        """The tree, once it has that path; None where it still has not after so many seconds."""
        until = self._clock.monotonic() + patience
        while True:
            late = self._clock.monotonic() >= until
            tree = await self.read()
            if tree.find(path):
                return tree
            if late:
                return None
            await self._clock.sleep(min(LOOK, max(0.0, until - self._clock.monotonic())))


def _folder(found: Mapping[str, Any]) -> Folder:
    parent = found.get("folderId")
    return Folder(str(found["id"]), str(found.get("name", "")), None if parent is None else str(parent))


def _made(outcome: Answer | Outcome) -> Folder | None:
    """The folder that an answer says was made."""
    if not isinstance(outcome, Answer) or outcome.status not in (HTTPStatus.OK, HTTPStatus.CREATED):
        return None
    found = folder_of(outcome.body)
    return None if found is None else _folder(found)


def _in_doubt(outcome: Answer | Outcome) -> bool:
    """Whether it may have been made; a success without a folder in it says no more than silence."""
    if isinstance(outcome, Answer):
        return outcome.status < HTTPStatus.MULTIPLE_CHOICES
    return isinstance(outcome, InDoubt)


def _in_its_place(path: str, parent_id: str, made: Folder) -> str:
    """The id of the folder that was made. Raises Stopped where it is not the one that was asked for."""
    asked = fold(path.rpartition("/")[2])
    if made.parent_id not in (None, parent_id) or fold(made.name) != asked:
        raise Stopped(
            f'the server made the folder "{path}" as "{made.name}" (id {made.id}) in the folder '
            f"{made.parent_id}, and not in {parent_id}; put it right in Eloqua, then run again"
        )
    return made.id


def _the_one(tree: Tree, path: str) -> str:
    ids = tree.find(path)
    if len(ids) > 1:
        raise Stopped(f'there are {len(ids)} folders "{path}" (ids {", ".join(ids)}); rename one of them')
    return ids[0]
