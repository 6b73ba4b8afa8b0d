"""The records of artifacts; they are written with the end of the run that made them."""

from typing import Protocol

from gateway.domain.artifacts import Artifact


class ArtifactStore(Protocol):
    """Reads them; `sees` is the owner whose executions are looked at, None every one's."""

    async def page(self, sees: str | None, execution_id: str, limit: int, after: int) -> list[tuple[int, Artifact]]:
        """The artifacts of an execution with their place in the list, as they were made, behind the place `after`.

        Raises:
            ExecutionNotFound: there is no such execution.
        """
        ...

    async def get(self, sees: str | None, execution_id: str, artifact_id: str) -> Artifact:
        """One artifact.

        Raises:
            ExecutionNotFound, ArtifactNotFound: there is no such execution or artifact.
        """
        ...
