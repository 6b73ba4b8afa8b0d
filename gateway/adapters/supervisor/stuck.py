"""Models whose load hangs for ever in a Triton: one is loading, and there is no process of it.

Triton 2.51 starts a process that completes a model's config, and waits for it without an end: when that one dies, this
load and each further one of the model hang, and only a restart of the server helps.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from gateway.adapters.supervisor.hung import Hung
from gateway.adapters.supervisor.leftovers import command_lines
from gateway.adapters.supervisor.loading import is_ensemble

STUB = "triton_python_backend_stub"
#: Looks in a row, a second apart, that see a model loading without a process before its load is one that hangs.
STUCK_LOOKS = 5
#: Restarts that such a model is worth, since it was last ready, and when it never was.
RESTARTS = 2
RESTARTS_OF_A_STRANGER = 1
#: Triton unpacks such an environment before the model has a process.
_ENVIRONMENT = "EXECUTION_ENV_PATH"


class Stuck:
    """The memory of the loads of one Triton."""

    def __init__(self, repository: Path, mark: str) -> None:
        self._repository = repository
        self._mark = mark
        self._looks: Counter[str] = Counter()
        self._left: dict[str, int] = {}
        #: The models that were named to the operator as given up.
        self.given_up: set[str] = set()

    def begin(self) -> None:
        """A new process has started."""
        self._looks.clear()

    @property
    def names(self) -> frozenset[str]:
        """The models whose load hangs."""
        return frozenset(name for name, looks in self._looks.items() if looks >= STUCK_LOOKS)

    async def look(self, states: Mapping[str, str]) -> None:
        """Look once, at the states that Triton's index shows."""
        loading = any(state == "LOADING" for state in states.values())
        self.note(states, await asyncio.to_thread(self._with_process) if loading else frozenset())

    def note(self, states: Mapping[str, str], with_process: frozenset[str] | None) -> None:
        """Take in one look: the states, and the models that have a process, or None where that cannot be told."""
        for name, state in states.items():
            if state == "READY":
                self._left[name] = RESTARTS
                self.given_up.discard(name)
        bare = {name for name, state in states.items() if state == "LOADING" and self._has_to_have_one(name)}
        bare -= bare if with_process is None else with_process
        for name in self._looks.keys() - bare:
            del self._looks[name]
        self._looks.update(bare)

    def judge(self) -> list[str]:
        """`Hung` if a restart may help; else the models that are given up from now on."""
        left = {name: self._left.get(name, RESTARTS_OF_A_STRANGER) for name in self.names}
        if any(left.values()):
            self._left |= {name: max(number - 1, 0) for name, number in left.items()}
            raise Hung(f"the process of a model died while it loaded: {', '.join(sorted(left))}")
        new = sorted(self.names - self.given_up)
        self.given_up.update(new)
        return new

    def _has_to_have_one(self, name: str) -> bool:
        folder = self._repository / name
        try:
            config = (folder / "config.pbtxt").read_text(errors="replace")
        except OSError:
            config = ""
        return folder.is_dir() and not is_ensemble(folder) and _ENVIRONMENT not in config

    def _with_process(self) -> frozenset[str] | None:
        return models_of(command_lines(self._mark, (STUB,)), self._repository)


def models_of(lines: Iterable[list[str]], repository: Path) -> frozenset[str] | None:
    """The models whose processes have these command lines; None if one of them belongs to no folder of the repository.

    Such a model was given its files through the API, and they lie anywhere.
    """
    found = set()
    for line in lines:
        path = Path(line[1])
        if not path.is_relative_to(repository):
            return None
        found.add(path.relative_to(repository).parts[0])
    return frozenset(found)
