"""Becomes another program that ends when its parent ends: `guard.py PARENT SIGNAL USER PROGRAM …`.

A program of its own and not a `preexec_fn`, since code between fork and exec may deadlock in a
process with threads. Standard library only: it is started without site-packages.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import sys

PR_SET_PDEATHSIG = 1


def die_with_parent(parent: int, signal_number: int) -> None:
    """Linux sends us the signal when that process ends; elsewhere nothing happens."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0)
    if os.getppid() != parent:  # it ended before the kernel knew of our wish
        sys.exit(1)


def become(user: str) -> None:
    account = pwd.getpwnam(user)
    os.setgroups([])
    os.setgid(account.pw_gid)
    os.setuid(account.pw_uid)


def main(parent: str, signal_number: str, user: str, *command: str) -> None:
    if user:
        become(user)
    # A change of user forgets the wish, so it comes afterwards; exec keeps it.
    die_with_parent(int(parent), int(signal_number))
    os.execvp(command[0], command)  # noqa: S606


if __name__ == "__main__":
    main(*sys.argv[1:])
