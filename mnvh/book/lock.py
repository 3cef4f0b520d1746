"""Run a command while no other build of this folder runs: `python -m mnvh.book.lock COMMAND …`.

The lock is on an open file that the command and its children inherit, so that it ends with the last of them,
however they end.
"""

from __future__ import annotations

import fcntl
import os
import sys
from pathlib import Path

from mnvh.book import hashes


def main(command: list[str]) -> None:
    try:
        Path("_build").mkdir(exist_ok=True)
        handle = os.open("_build/lock", os.O_RDWR | os.O_CREAT)
    except OSError as error:
        sys.exit(f"The build cannot write into {Path.cwd() / '_build'} ({error.strerror}): make the folder writable, or copy the project.")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print("  waiting: another build of this folder is running", flush=True)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
        except KeyboardInterrupt:
            print("  interrupted; the other build goes on", file=sys.stderr)
            sys.exit(130)
    os.set_inheritable(handle, True)
    hashes.refresh()
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
