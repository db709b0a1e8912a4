"""How does root run PostgreSQL, which refuses to run as root? As a script this file steps down and becomes the program.

It is a program of its own because changing one's identity between fork and exec is not safe in a process with threads;
it replaces itself by exec, so its process id becomes the postmaster's. What root becomes:

1. the owner of the database's folder, if that is another user of this system (``sudo`` over somebody's own home);
2. else, in root's own folder, "nobody" inside a new user namespace: PostgreSQL sees an ordinary user, the kernel sees
   root's files in root's hands, and nothing changes its owner;
3. else, where namespaces are forbidden (Docker's default) or something on the way belongs to somebody else, the user
   ``postgres`` or ``nobody``.

In 1 and 3 that user is given the data folder, and keeps one of root's rights: to pass folders that only root may enter.

It imports nothing of ours: it is run alone, as ``python -I -S embedded_privileges.py FOLDER PROGRAM ARGUMENT…``.
"""

import contextlib
import ctypes
import os
import pwd
import sys
from collections.abc import Sequence
from pathlib import Path

ORDINARY_ID = 65534
"""Who root seems to be inside the namespace: nobody, by convention."""

ACCOUNTS = ("postgres", "nobody")
"""Whom root becomes without a namespace, the first that exists."""

_CLONE_NEWUSER = 0x10000000
_PR_SET_SECUREBITS = 28
_KEEP_RIGHTS_ON_CHANGE_OF_USER = 1 << 2  # SECBIT_NO_SETUID_FIXUP: access(2) goes by our rights, too
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_CAP_DAC_OVERRIDE = 1
_CAPABILITY_VERSION_3 = 0x20080522


def unprivileged(argv: Sequence[str], directory: Path) -> list[str]:
    """The command that runs ``argv`` as somebody who is not root: itself, unless we are root."""
    if os.geteuid() != 0:
        return list(argv)
    return [sys.executable, "-I", "-S", __file__, str(directory), *argv]


def step_down(directory: Path, program: Path) -> None:
    """Stop being root, but still reach the folder and the program."""
    owner = directory.stat()
    if owner.st_uid == 0 and _succeeds_in_a_child(directory, program):
        give(directory, 0, 0)
        enter_namespace()
        return
    user, group = _account(owner.st_uid)
    with contextlib.suppress(PermissionError):  # a container may leave root without the right to become others
        give(directory, user, group)
        become(user, group)
    if os.geteuid() == 0 or not can_reach(directory, program):
        sys.exit(
            f"FATAL:  PostgreSQL refuses to run as root, and as user {user} we cannot enter {directory} or run "
            f"{program}: start Nexus as an ordinary user, or set DATABASE_URL to a server"
        )


def enter_namespace() -> None:
    """Become nobody in a namespace where nobody is root."""
    libc = ctypes.CDLL(None, use_errno=True)
    unshare = getattr(libc, "unshare", None)
    if unshare is None or unshare(_CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "no user namespaces here")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{ORDINARY_ID} 0 1")
    Path("/proc/self/gid_map").write_text(f"{ORDINARY_ID} 0 1")


def become(user: int, group: int) -> None:
    """Change to this user; keep the right to pass other people's folders where the kernel lets us."""
    libc = ctypes.CDLL(None, use_errno=True)
    linux = hasattr(libc, "prctl") and hasattr(libc, "capset")
    if linux:
        libc.prctl(_PR_SET_SECUREBITS, _KEEP_RIGHTS_ON_CHANGE_OF_USER, 0, 0, 0)
    os.setgroups([])
    os.setgid(group)
    os.setuid(user)
    if linux:
        wanted = 1 << _CAP_DAC_OVERRIDE
        header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
        sets = (ctypes.c_uint32 * 6)(wanted, wanted, wanted, 0, 0, 0)  # effective, permitted, inheritable; twice
        libc.capset(header, sets)
        libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _CAP_DAC_OVERRIDE, 0, 0)


def give(directory: Path, user: int, group: int) -> None:
    """Make this user the owner of the data folders, as PostgreSQL demands; nothing to do when it is already so."""
    for top in (directory / "data", directory / "data.init"):
        if not top.is_dir() or top.stat().st_uid == user:
            continue
        for folder, _, files in os.walk(top, topdown=False):
            for name in (*files, "."):
                os.chown(Path(folder, name), user, group, follow_symlinks=False)


def can_reach(directory: Path, program: Path) -> bool:
    """Is the present identity good enough for the folder and the program? PostgreSQL asks in the same way."""
    return os.access(directory, os.R_OK | os.W_OK | os.X_OK) and os.access(program, os.R_OK | os.X_OK)


def _succeeds_in_a_child(directory: Path, program: Path) -> bool:
    """Would the namespace work? There is no way back out of it, so a child tries."""
    child = os.fork()
    if child == 0:
        try:
            enter_namespace()
        except OSError:
            os._exit(1)
        os._exit(0 if can_reach(directory, program) else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def _account(owner: int) -> tuple[int, int]:
    """The ids of an ordinary user that the system knows by name, as initdb demands: the owner if possible."""
    if owner != 0:
        with contextlib.suppress(KeyError):
            return owner, pwd.getpwuid(owner).pw_gid
    for name in ACCOUNTS:
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_uid, pwd.getpwnam(name).pw_gid
    return ORDINARY_ID, ORDINARY_ID


def main(arguments: list[str]) -> None:
    directory, program = Path(arguments[0]), Path(arguments[1])
    step_down(directory, program)
    os.execv(program, arguments[1:])  # noqa: S606  no shell is what we want


if __name__ == "__main__":
    main(sys.argv[1:])
