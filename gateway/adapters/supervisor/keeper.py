"""The keeper: a small program of its own that starts one child, ends it when the gateway is gone, and clears up.

It is run as `python -I -S keeper.py NAME MARK` (both only tell it in a list of processes), needs the
standard library alone, and reads its order as one line of JSON on its standard input. The end of that
input is the order to stop, so a gateway that was killed stops its children as surely as one that says
goodbye. On its standard output it says `started PID` and `ended STATUS`.
"""

import contextlib
import ctypes
import glob
import json
import os
import select
import signal
import sys
import time
from typing import NoReturn, TypedDict

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
#: How long the killed rest of a child may take to disappear.
KILL_GRACE_S = 10.0


class Order(TypedDict):
    """What the gateway asks of a keeper."""

    argv: list[str]
    env: dict[str, str]
    log: str
    umask: int
    #: The user the child becomes, as [uid, gid, *groups]; empty: it stays who we are.
    user: list[int]
    #: The signals that ask the child to end, each with the seconds it has before the next.
    stop: list[tuple[int, float]]
    #: What the child gets when the keeper itself is killed.
    death_signal: int
    #: Globs of what the child leaves behind; removed before it starts and after it ended.
    sweep: list[str]
    #: The process whose end is the order to stop, whoever else may hold the pipe.
    owner: int


class Keeper:
    """One child, from its start until nothing of it is left."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._wake, wake_writer = os.pipe()
        os.set_blocking(self._wake, False)
        os.set_blocking(wake_writer, False)
        self._told_to_stop = False
        for number in (signal.SIGTERM, signal.SIGCHLD):
            signal.signal(number, self._note)
        for number in (signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        signal.set_wakeup_fd(wake_writer, warn_on_full_buffer=False)
        self._poll = select.poll()
        self._poll.register(self._wake, select.POLLIN)
        self._watch_owner()

    def run(self) -> int:
        """Keep the child until it ends or has to end; returns its wait status."""
        # Whatever the child started and left behind becomes ours, so that it can be found and ended.
        self._libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self._sweep()
        child = self._start()
        say(f"started {child}")
        while not self._told_to_stop and not self._has_ended(child, timeout=None):
            pass
        self._stop(child)
        status = self._end_the_rest(child)
        self._sweep()
        say(f"ended {os.waitstatus_to_exitcode(status)}")
        return status

    def _note(self, number: int, _frame: object) -> None:
        self._told_to_stop = self._told_to_stop or number == signal.SIGTERM

    def _watch_owner(self) -> None:
        self._poll.register(sys.stdin.fileno(), select.POLLIN)
        with contextlib.suppress(OSError):  # an old kernel, or the owner is gone: then the pipe's end says so
            self._poll.register(os.pidfd_open(self._order["owner"]), select.POLLIN)
        self._told_to_stop = os.getppid() != self._order["owner"]

    def _start(self) -> int:
        keeper = os.getpid()
        child = os.fork()
        if child:
            return child
        try:
            self._become_child(keeper)
        except OSError as error:
            os.write(2, f"cannot start {self._order['argv'][0]}: {error.strerror}\n".encode())
        finally:
            os._exit(127)

    def _become_child(self, keeper: int) -> NoReturn:
        order = self._order
        os.setsid()
        redirect(order["log"])
        # What the keeper inherited is not the child's; it holds the lock of the data directory among others.
        os.closerange(3, 1 << 20)
        for number in (signal.SIGINT, signal.SIGHUP, signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        os.umask(order["umask"])
        if order["user"]:
            uid, gid, *groups = order["user"]
            os.setgroups(groups)
            os.setresgid(gid, gid, gid)
            os.setresuid(uid, uid, uid)
        # A change of user clears the death signal, so it comes last; a keeper that died before it is seen here.
        self._libc.prctl(PR_SET_PDEATHSIG, order["death_signal"], 0, 0, 0)
        if os.getppid() != keeper:
            os._exit(127)
        os.execve(order["argv"][0], order["argv"], order["env"])  # noqa: S606 there is to be no shell

    def _has_ended(self, child: int, timeout: float | None) -> bool:
        """Wait for one event or the timeout; the child stays unreaped, so that its number stays its own."""
        if not ended(child):
            for fd, _ in self._poll.poll(None if timeout is None else timeout * 1000):
                if fd != self._wake:
                    self._told_to_stop = True
                    self._poll.unregister(fd)
                else:
                    drain(fd)
        return ended(child)

    def _stop(self, child: int) -> None:
        for number, grace in self._order["stop"]:
            if ended(child):
                return
            os.kill(child, number)
            deadline = time.monotonic() + grace
            while (left := deadline - time.monotonic()) > 0 and not self._has_ended(child, left):
                pass

    def _end_the_rest(self, child: int) -> int:
        """Kill what is left of the child's group and of its descendants, and reap it all."""
        os.kill(child, signal.SIGKILL)
        kill_group(child)
        _, status = os.waitpid(child, 0)
        deadline = time.monotonic() + KILL_GRACE_S
        while time.monotonic() < deadline:
            for orphan in children_of(os.getpid()):
                os.kill(orphan, signal.SIGKILL)
            try:
                reaped, _ = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if not reaped:
                time.sleep(0.01)
        return status

    def _sweep(self) -> None:
        for pattern in self._order["sweep"]:
            for path in glob.glob(pattern):  # noqa: PTH207 pathlib would double the time a keeper takes to start
                try:
                    os.unlink(path)  # noqa: PTH108
                except OSError as error:
                    os.write(2, f"cannot remove {path}: {error.strerror}\n".encode())


def ended(child: int) -> bool:
    """Whether the child has ended; the orphans it left and that ended are reaped on the way."""
    while True:
        found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if found is None or found.si_pid == child:
            break
        os.waitpid(found.si_pid, 0)
    return os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def kill_group(leader: int) -> None:
    """Kill the process group that an unreaped leader still holds the number of."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)


def children_of(parent: int) -> list[int]:
    """The processes whose parent is this one, by /proc."""
    found = []
    for name in os.listdir("/proc"):  # noqa: PTH208
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as stat:  # noqa: PTH123
                after_name = stat.read().rpartition(b")")[2].split()
        except OSError:
            continue
        if int(after_name[1]) == parent:
            found.append(int(name))
    return found


def redirect(log: str) -> None:
    """Let the standard streams be nothing, the log and the log."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    book = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.dup2(nothing, 0)
    os.dup2(book, 1)
    os.dup2(book, 2)


def drain(fd: int) -> None:
    """Empty the wake-up pipe."""
    with contextlib.suppress(BlockingIOError):
        while os.read(fd, 512):
            pass


def say(line: str) -> None:
    """Tell the gateway, if there still is one."""
    with contextlib.suppress(OSError):
        os.write(1, f"{line}\n".encode())


def main() -> NoReturn:
    """Read the order and keep the child."""
    order: Order = json.loads(sys.stdin.buffer.readline())
    status = Keeper(order).run()
    os._exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))


if __name__ == "__main__":
    main()
