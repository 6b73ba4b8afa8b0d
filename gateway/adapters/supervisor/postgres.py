"""The embedded PostgreSQL: its cluster, its configuration, its child, and the database `gateway` in it."""

import asyncio
import contextlib
import getpass
import glob
import os
import shutil
import signal
from pathlib import Path
from urllib.parse import quote

import asyncpg
import psutil

from gateway.adapters.supervisor.child import ChildPlan
from gateway.adapters.supervisor.place import Place
from gateway.errors import CannotStart

ROLE = DATABASE = "gateway"
MAJOR_VERSION = "18"
PROGRAMS = ("postgres", "initdb")
#: PostgreSQL names its socket by a port even where it listens on none.
SOCKET_NAME = ".s.PGSQL.5432"
#: The first is a fast shutdown, which writes everything out; the second one leaves that to the next start.
STOP = ((signal.SIGINT, 10.0), (signal.SIGQUIT, 3.0))
LOOK_TIMEOUT_S = 5.0

CONFIGURATION = """\
# Written by the gateway at every start; settings of your own belong into operator.conf beside this file.
listen_addresses = ''
unix_socket_directories = {sockets}
unix_socket_permissions = 0700
max_connections = 100
shared_buffers = 128MB
# Neither leaves anything in /dev/shm when the server is killed.
shared_memory_type = mmap
dynamic_shared_memory_type = mmap
max_parallel_workers_per_gather = 0
io_method = sync
jit = off
fsync = on
synchronous_commit = on
full_page_writes = on
wal_level = minimal
max_wal_senders = 0
max_logical_replication_workers = 0
max_wal_size = 1GB
checkpoint_timeout = 15min
autovacuum = on
logging_collector = off
log_destination = stderr
log_line_prefix = '%m [%p] '
log_checkpoints = off
log_timezone = 'UTC'
timezone = 'UTC'
datestyle = 'iso, ymd'
default_text_search_config = 'pg_catalog.simple'
include_if_exists = 'operator.conf'
"""
ACCESS = """\
# Written by the gateway at every start: only the system's user it runs as gets in, only through the socket.
local all {role} peer map=gateway
"""
IDENTITIES = """\
# Written by the gateway at every start.
gateway "{user}" {role}
"""


class Postgres:
    """One PostgreSQL server on a socket in a closed folder."""

    title = "PostgreSQL"

    def __init__(self, place: Place, *, log: Path, mark: str) -> None:
        self._place = place
        self._log = log
        self._mark = f"{mark}-postgres"

    @property
    def url(self) -> str:
        """The address of the database `gateway`."""
        return database_url(self._place.sockets)

    @property
    def is_new(self) -> bool:
        """Whether there is no cluster yet."""
        return not self._place.cluster.exists()

    @property
    def _draft(self) -> Path:
        return self._place.home / "data.new"

    def begin(self) -> ChildPlan:
        """The child that makes a new cluster; it becomes the cluster only when it is whole."""
        shutil.rmtree(self._draft, ignore_errors=True)
        options = ("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
        access = ("--auth-local=peer", "--auth-host=reject", f"--username={ROLE}", "--no-instructions")
        return self._child("initdb", "-D", str(self._draft), *options, *access)

    def finish(self) -> None:
        """Let the cluster that was just made be the cluster."""
        self._draft.rename(self._place.cluster)

    def prepare(self) -> None:
        """Check the cluster and write its configuration."""
        cluster = self._place.cluster
        version = (cluster / "PG_VERSION").read_text().strip()
        if version != MAJOR_VERSION:
            raise CannotStart(
                f"The database in {cluster} was made by PostgreSQL {version}, and this is PostgreSQL {MAJOR_VERSION}: "
                "move its content with pg_dump, or name another --data-dir."
            )
        self._refuse_stranger()
        self._place.write(cluster / "postgresql.conf", CONFIGURATION.format(sockets=quoted(self._place.sockets)))
        self._place.write(cluster / "pg_hba.conf", ACCESS.format(role=ROLE))
        self._place.write(cluster / "pg_ident.conf", IDENTITIES.format(role=ROLE, user=getpass.getuser()))

    def plan(self) -> ChildPlan:
        """The child to run."""
        # The name of the cluster stands in the title of each of its processes.
        return self._child("postgres", "-D", str(self._place.cluster), "-c", f"cluster_name={self._mark}")

    async def watch(self) -> None:
        """It looks after itself."""
        await asyncio.get_running_loop().create_future()

    async def is_ready(self) -> bool:
        """Whether it takes connections; the database `gateway` exists from then on."""
        try:
            connection = await asyncpg.connect(
                host=str(self._place.sockets), user=ROLE, database="postgres", timeout=LOOK_TIMEOUT_S
            )
        except (OSError, asyncpg.CannotConnectNowError):
            return False
        except asyncpg.PostgresError as error:
            raise CannotStart(f"PostgreSQL refuses the gateway ({error}): read {self._log}.") from error
        try:
            if not await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", DATABASE):
                await connection.execute(f'CREATE DATABASE "{DATABASE}"')
        finally:
            await connection.close()
        return True

    def _child(self, program: str, *options: str) -> ChildPlan:
        home = glob.escape(str(self._place.cluster))
        return ChildPlan(
            name="postgres",
            argv=(str(self._place.programs / program), *options),
            env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
            log=self._log,
            account=self._place.account,
            stop=STOP,
            death_signal=signal.SIGQUIT,
            # The gateway holds the data directory alone, so what these name is dead or, at the end, ended.
            sweep=(f"{glob.escape(str(self._place.sockets))}/{SOCKET_NAME}*", f"{home}/postmaster.pid"),
            mark=self._mark,
            programs=PROGRAMS,
        )

    def _refuse_stranger(self) -> None:
        """Do not start beside a server that somebody started by hand on this cluster."""
        with contextlib.suppress(FileNotFoundError, ValueError, IndexError, psutil.Error):
            pid = int((self._place.cluster / "postmaster.pid").read_text().splitlines()[0])
            words = psutil.Process(pid).cmdline()
            if str(self._place.cluster) in words and not any(self._mark in word for word in words):
                raise CannotStart(
                    f"Process {pid} already runs PostgreSQL on {self._place.cluster}: stop it and start again."
                )


def database_url(sockets: Path) -> str:
    """The address of the database `gateway` behind a socket in this folder."""
    return f"postgresql://{ROLE}@/{DATABASE}?host={quote(str(sockets), safe='/')}"


def quoted(path: Path) -> str:
    """A path as a value in PostgreSQL's configuration."""
    return "'" + str(path).replace("'", "''") + "'"
