"""What was asked, what was acknowledged, and what the records say: whether anything was lost or doubled."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

_OPEN: Final = ("queued", "running")


class Acknowledged(msgspec.Struct, frozen=True):
    """One answer that promised a run: the same key may have several."""

    key: str
    run_id: str


class KeptRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run as the records have it."""

    key: str | None
    run_id: str
    state: str
    attempt: int = 1
    #: The code of its error.
    code: str | None = None


class KeptEntry(msgspec.Struct, frozen=True):
    """An entry as the records have it; those of a run come in their order."""

    run_id: str
    text: str | None


class History(msgspec.Struct, frozen=True, kw_only=True):
    """All there is to know of one load."""

    #: The texts that each key asked for, in call order.
    asked: Mapping[str, Sequence[str]]
    acknowledged: Sequence[Acknowledged]
    runs: Sequence[KeptRun]
    entries: Sequence[KeptEntry]


class Findings(msgspec.Struct, frozen=True, kw_only=True):
    """What does not hold; each list names runs or keys."""

    #: Acknowledged, and not in the records.
    lost: list[str]
    #: In the records, and never ended.
    open: list[str]
    #: Completed, with an entry more than once.
    doubled: list[str]
    #: Completed, without an entry that it must have.
    missing: list[str]
    #: With an entry that is not theirs, out of order, or of a run that did not complete.
    wrong: list[str]
    #: Keys with more than one run.
    split: list[str]
    #: Acknowledged runs that failed, by the code of their error: no promise is broken, and nothing is hidden.
    failed: dict[str, int]

    @property
    def holds(self) -> bool:
        """Whether nothing was lost and nothing doubled."""
        return not any((self.lost, self.open, self.doubled, self.missing, self.wrong, self.split))

    @property
    def broken(self) -> dict[str, list[str]]:
        """Only what does not hold."""
        return {name: found for name, found in msgspec.structs.asdict(self).items() if found and name != "failed"}


def check(history: History) -> Findings:
    """Compare what was asked with what is kept; runs that nobody was told of are held to the same."""
    texts: dict[str, list[str | None]] = defaultdict(list)
    for entry in history.entries:
        texts[entry.run_id].append(entry.text)
    kept = {run.run_id: run for run in history.runs}
    ended = [run for run in history.runs if run.state not in _OPEN]
    faults = {run.run_id: _faults(run, history.asked.get(run.key or ""), texts[run.run_id]) for run in ended}
    strangers = {run_id for run_id in texts if run_id not in kept or kept[run_id].state in _OPEN}
    acknowledged = {each.run_id for each in history.acknowledged}
    return Findings(
        lost=sorted(acknowledged - kept.keys()),
        open=sorted(run.run_id for run in history.runs if run.state in _OPEN),
        doubled=_with("doubled", faults),
        missing=_with("missing", faults),
        wrong=sorted(strangers.union(_with("wrong", faults), _misnamed(history.acknowledged, kept))),
        split=_split(history),
        failed=dict(Counter(run.code or run.state for run in ended if run.state != "completed")),
    )


def _faults(run: KeptRun, asked: Sequence[str] | None, found: list[str | None]) -> set[str]:
    """What is wrong with the entries of a run that has ended."""
    wanted = list(asked or ()) if run.state == "completed" else []
    expected, actual = Counter(wanted), Counter(found)
    names = set()
    if any(actual[text] > count for text, count in expected.items()):
        names.add("doubled")
    if any(actual[text] < count for text, count in expected.items()):
        names.add("missing")
    if asked is None or actual.keys() - expected.keys() or (actual == expected and found != wanted):
        names.add("wrong")
    return names


def _with(name: str, faults: Mapping[str, set[str]]) -> list[str]:
    return sorted(run_id for run_id, names in faults.items() if name in names)


def _misnamed(acknowledged: Iterable[Acknowledged], kept: Mapping[str, KeptRun]) -> set[str]:
    """Runs that were promised for another key than the one they are kept under."""
    return {each.run_id for each in acknowledged if each.run_id in kept and kept[each.run_id].key != each.key}


def _split(history: History) -> list[str]:
    runs: dict[str, set[str]] = defaultdict(set)
    for each in (*history.acknowledged, *history.runs):
        if each.key is not None:
            runs[each.key].add(each.run_id)
    return sorted(key for key, names in runs.items() if len(names) > 1)


def evidence(history: History, findings: Findings) -> list[str]:
    """Each run that is named by the findings: what was asked for it, and what is kept of it."""
    named = {name for names in findings.broken.values() for name in names}
    said = []
    for run in history.runs:
        if run.run_id in named or run.key in named:
            asked = list(history.asked.get(run.key or "", ()))
            found = [entry.text for entry in history.entries if entry.run_id == run.run_id]
            said.append(f"{run.run_id} ({run.state}, attempt {run.attempt}): asked {asked}, kept {found}")
    return said
