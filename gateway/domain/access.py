"""Who asks, and what they may do."""

import enum

import msgspec

from gateway.errors import Forbidden


class Scope(enum.StrEnum):
    """A kind of thing that callers may do; none of the first three includes another."""

    #: Call pipelines, and put in, change and remove what is their owner's.
    RUN = "run"
    #: Read what is their owner's, and the pipelines.
    READ = "read"
    #: Change pipelines.
    DEPLOY = "deploy"
    #: Everything, on the records of every owner.
    ADMIN = "admin"


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """One who asks, known by a key, a token, or not at all."""

    #: Whose the records are that it makes; empty where the gateway asks nobody who they are.
    owner: str
    scopes: frozenset[Scope]
    #: The pipelines that it may use; None is all.
    pipelines: frozenset[str] | None = None
    #: What it is called in the log and in audit events; never the credential.
    name: str = ""

    @property
    def sees(self) -> str | None:
        """The owner whose records it sees; None is every one's."""
        return None if Scope.ADMIN in self.scopes else self.owner

    def check(self, needed: Scope) -> None:
        """Refuse what it may not do.

        Raises:
            Forbidden: its scopes do not include this.
        """
        if needed not in self.scopes and Scope.ADMIN not in self.scopes:
            raise Forbidden(f"The key, or token, has not the scope {needed}.")

    def check_pipeline(self, pipeline_id: str) -> None:
        """Refuse a pipeline that it may not use.

        Raises:
            Forbidden: it is limited to others.
        """
        if self.pipelines is not None and pipeline_id not in self.pipelines:
            raise Forbidden("The key, or token, is not for this pipeline.")


#: Whoever comes where nobody is asked who they are.
ANYONE = Caller(owner="", scopes=frozenset(Scope))
