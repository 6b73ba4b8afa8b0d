"""The life of executions, drawn step by step against a served gateway, and held against a model of what must be there.

Nothing acknowledged is lost, nothing is doubled, what stands in an observation keeps its order, and what was deleted
is gone from every address.
"""

import base64
from dataclasses import dataclass, field
from uuid import uuid4

import httpx
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, multiple, rule, run_state_machine_as_test

TEXT = st.text("abcdef ", min_size=1, max_size=8)
NAME = st.sampled_from("xyz")
#: How many lives pytest tries; `make fuzz` tries more.
LIVES = 12


@dataclass
class Known:
    """What must be there of one execution."""

    #: Another one of the same name has other keys.
    born: str = field(default_factory=lambda: uuid4().hex)
    #: Every entry that must stand there, by ID.
    entries: dict[str, str] = field(default_factory=dict)
    #: Entries as they were seen last, in order.
    seen: list[str] = field(default_factory=list)
    media: dict[str, bytes] = field(default_factory=dict)
    runs: set[str] = field(default_factory=set)
    #: Texts of runs in the background that nobody has waited for.
    pending: dict[str, str] = field(default_factory=dict)
    keys: dict[str, tuple[str, str]] = field(default_factory=dict)


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


class Life(RuleBasedStateMachine):
    """One caller's steps over a few executions."""

    client: httpx.Client
    executions = Bundle("executions")
    runs = Bundle("runs")

    def __init__(self) -> None:
        super().__init__()
        self._own = uuid4().hex
        self._known: dict[str, Known] = {}

    @rule(target=executions, name=NAME)
    def create(self, name: str) -> str:
        execution_id = f"{self._own}-{name}"
        reply = self.client.post("/v1/executions", json={"executionId": execution_id, "tag": self._own})
        assert reply.status_code == (204 if execution_id in self._known else 200), reply.text
        self._known.setdefault(execution_id, Known())
        return execution_id

    @rule(execution=executions, text=TEXT)
    def run_now(self, execution: str, text: str) -> None:
        reply = self._execute("executeSync", execution, media=[encoded(text)])
        if known := self._there(execution, reply):
            (entry,) = reply.json()["mediaContents"]
            assert entry["rawText"] == text
            known.entries[entry["id"]] = text
            known.runs.add(reply.headers["x-run-id"])

    @rule(execution=executions)
    def run_on_what_is_stored(self, execution: str) -> None:
        reply = self._execute("executeSync", execution)
        known = self._known.get(execution)
        if known is not None and not known.media:
            assert reply.status_code == 422, reply.text
        elif known := self._there(execution, reply):
            found = reply.json()["mediaContents"]
            assert [(each["mediaId"], each["rawText"].encode()) for each in found] == list(known.media.items())
            known.entries |= {each["id"]: each["rawText"] for each in found}
            known.runs.add(reply.headers["x-run-id"])

    @rule(execution=executions, text=TEXT)
    def run_in_the_place_of_earlier_runs(self, execution: str, text: str) -> None:
        self._settle(execution)
        reply = self._execute("executeSync", execution, media=[encoded(text)], idempotent=True)
        if known := self._there(execution, reply):
            own = [each for each in self._read(execution) if each.get("pipelineId") == "say"]
            assert [each["rawText"] for each in own] == [text]
            given = {name: words for name, words in known.entries.items() if name.startswith("given")}
            known.entries = given | {own[0]["id"]: text}
            known.seen = [each for each in known.seen if each in given]
            known.runs.add(reply.headers["x-run-id"])

    @rule(target=runs, execution=executions, text=TEXT, key=NAME)
    def run_later(self, execution: str, text: str, key: str) -> tuple[str, str] | object:
        born = self._known.get(execution, Known()).born
        headers = {"Idempotency-Key": f"{born} {key} {text.encode().hex()}"}
        reply = self._execute("executeAsync", execution, headers=headers, media=[encoded(text)])
        known = self._there(execution, reply, 202)
        if known is None:
            return multiple()
        run_id = reply.json()["runId"]
        if key + text in known.keys:
            assert (run_id, "true") == (known.keys[key + text][0], reply.headers["idempotency-replayed"])
            return multiple()
        known.keys[key + text] = (run_id, text)
        known.pending[run_id] = text
        known.runs.add(run_id)
        return execution, run_id

    @rule(run=runs)
    def cancel(self, run: tuple[str, str]) -> None:
        execution, run_id = run
        reply = self.client.post(f"/v1/runs/{run_id}/cancel")
        alive = run_id in self._runs_of(execution)
        assert reply.status_code in ((200, 202, 409) if alive else (404,)), reply.text

    @rule(run=consumes(runs))
    def wait(self, run: tuple[str, str]) -> None:
        execution, run_id = run
        if run_id in self._runs_of(execution):
            self._await(self._known[execution], run_id)
        else:
            assert self.client.get(f"/v1/runs/{run_id}").status_code == 404

    @rule(execution=executions, name=NAME, text=TEXT)
    def merge(self, execution: str, name: str, text: str) -> None:
        entry_id = f"given-{name}"
        body = {"mediaContents": [{"id": entry_id, "rawText": text}]}
        reply = self.client.post(f"/v1/executions/{execution}/observation", json=body)
        if known := self._there(execution, reply, 204):
            known.entries[entry_id] = text

    @rule(execution=executions, text=TEXT)
    def upload(self, execution: str, text: str) -> None:
        path = f"/v1/executions/{execution}/observation/media"
        reply = self.client.post(path, content=text.encode(), headers={"content-type": "text/plain"})
        if known := self._there(execution, reply):
            known.media[reply.json()["mediaId"]] = text.encode()

    @rule(execution=executions, place=st.integers(0, 5))
    def delete_media(self, execution: str, place: int) -> None:
        path = f"/v1/executions/{execution}/observation/media"
        known = self._known.get(execution)
        media_id = next(iter(list(known.media)[place:]), str(uuid4())) if known else str(uuid4())
        there = known is not None and known.media.pop(media_id, None) is not None
        assert self.client.delete(f"{path}/{media_id}").status_code == (204 if there else 404)
        assert self.client.get(f"{path}/{media_id}").status_code == 404

    @rule(execution=executions)
    def delete(self, execution: str) -> None:
        reply = self.client.delete(f"/v1/executions/{execution}")
        known = self._known.pop(execution, None)
        assert reply.status_code == (204 if known else 404)
        for path in ("", "/runs", "/observation", "/observation/json", "/observation/media"):
            assert self.client.get(f"/v1/executions/{execution}{path}").status_code == 404, path
        for run_id in known.runs if known else ():
            assert self.client.get(f"/v1/runs/{run_id}").status_code == 404

    @rule(execution=executions)
    def look(self, execution: str) -> None:
        known = self._known.get(execution)
        if known is None:
            assert self.client.get(f"/v1/executions/{execution}/observation").status_code == 404
            return
        found = self._read(execution)
        self._check(known, found)
        path = f"/v1/executions/{execution}/observation/media"
        assert [each["mediaId"] for each in self.client.get(path).json()] == list(known.media)
        for media_id, data in known.media.items():
            assert self.client.get(f"{path}/{media_id}").content == data
        assert {each["runId"] for each in self.client.get(f"/v1/executions/{execution}/runs").json()} == known.runs

    def teardown(self) -> None:
        for execution, known in list(self._known.items()):
            self._settle(execution)
            self._check(known, self._read(execution))
            self.look(execution)
        listed = self.client.get("/v1/executions", params={"tag": self._own}).json()
        assert {each["executionId"] for each in listed} == set(self._known)

    def _execute(
        self, how: str, execution: str, headers: dict[str, str] | None = None, **body: object
    ) -> httpx.Response:
        asked = {"executionId": execution, **body}
        return self.client.post(f"/v1/pipelines/say/{how}", json=asked, headers=headers)

    def _there(self, execution: str, reply: httpx.Response, status: int = 200) -> Known | None:
        """What is known of it, where it must be there; else the answer must be that it is not."""
        known = self._known.get(execution)
        assert reply.status_code == (404 if known is None else status), reply.text
        return known

    def _runs_of(self, execution: str) -> set[str]:
        known = self._known.get(execution)
        return known.runs if known else set()

    def _read(self, execution: str) -> list[dict[str, str]]:
        """The entries, read whole and in pages; pages read later may hold more."""
        path = f"/v1/executions/{execution}/observation"
        whole: list[dict[str, str]] = self.client.get(path).json()["mediaContents"]
        paged: list[dict[str, str]] = []
        following: str | None = f"{path}?limit=2"
        while following is not None:
            reply = self.client.get(following)
            paged += reply.json()["mediaContents"]
            following = reply.links.get("next", {}).get("url")
        assert paged[: len(whole)] == whole
        return whole

    def _check(self, known: Known, found: list[dict[str, str]]) -> None:
        names = [each["id"] for each in found]
        assert len(set(names)) == len(names)
        assert names[: len(known.seen)] == known.seen
        texts = {each["id"]: each["rawText"] for each in found}
        assert {name: texts.get(name) for name in known.entries} == known.entries
        more = [each for each in found if each["id"] not in known.entries]
        assert len({each["runId"] for each in more}) == len(more)
        assert all(known.pending[each["runId"]] == each["rawText"] for each in more)
        known.seen = names

    def _settle(self, execution: str) -> None:
        known = self._known.get(execution)
        for run_id in list(known.pending) if known else []:
            assert known is not None
            self._await(known, run_id)

    def _await(self, known: Known, run_id: str) -> None:
        run = self.client.get(f"/v1/runs/{run_id}", params={"wait": "50"}).json()
        assert run["state"] in ("completed", "canceled"), run
        text = known.pending.pop(run_id, None)
        if text is None:
            return
        found = [each for each in self._read(run["executionId"]) if each.get("runId") == run_id]
        assert [each["rawText"] for each in found] == ([text] if run["state"] == "completed" else [])
        known.entries |= {each["id"]: text for each in found}


def test_whatever_is_done_to_executions_they_hold_what_was_acknowledged(small_rest: httpx.Client) -> None:
    drawn = settings.get_current_profile_name() == "drawn"
    lives = settings(max_examples=settings().max_examples // 10) if drawn else settings(max_examples=LIVES)
    run_state_machine_as_test(type("DrawnLife", (Life,), {"client": small_rest}), settings=lives)
