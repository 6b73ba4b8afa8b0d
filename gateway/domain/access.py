"""Who asks, and what they may do."""

import enum
from typing import Final

import msgspec

from gateway.errors import Forbidden

#: What those see who act for no caller: workers, the sender, the sweeper.
EVERYTHING: Final = None


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
    #: Its key, where it came with one of the gateway's own.
    key_id: str | None = None
    #: Its requests in a time, such as `600/minute`, and its calls in hand at once; None: as the settings say.
    rate: str | None = None
    concurrency: int | None = None
    #: What it is called in the log and in audit events; never the credential.
    name: str = ""

    @property
    def sees(self) -> str | None:
        """The owner whose records it sees; None is every one's."""
        return EVERYTHING if Scope.ADMIN in self.scopes else self.owner

    @property
    def account(self) -> str:
        """What its calls are counted under: its key, else its owner."""
        return self.key_id or self.owner

    def check(self, needed: Scope) -> None:
        """Refuse what it may not do.

        Raises:
            Forbidden: its scopes do not include this.
        """
        if needed not in self.scopes and Scope.ADMIN not in self.scopes:
            raise Forbidden(f"The key, or token, has not the scope {needed}.")

    def may_use(self, pipeline_id: str) -> bool:
        """Whether it may use a pipeline."""
        return self.pipelines is None or pipeline_id in self.pipelines

    def check_pipeline(self, pipeline_id: str) -> None:
        """Refuse a pipeline that it may not use.

        Raises:
            Forbidden: it is limited to others.
        """
        if not self.may_use(pipeline_id):
            raise Forbidden("The key, or token, is not for this pipeline.")


#: Whoever comes where nobody is asked who they are.
ANYONE = Caller(owner="", scopes=frozenset(Scope))
