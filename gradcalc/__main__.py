"""The program: `gradcalc`, or `python -m gradcalc`.

Signals end it at once from the first moment; while modules are imported there is nothing yet that could be left behind.
"""

import sys

if __name__ == "__main__" and sys.path and not sys.flags.safe_path:
    del sys.path[0]  # `python -m` puts the current directory there; what lies in it must not run

import os
import signal


def _leave(number: int, _: object) -> None:
    os._exit(128 + number)


def program() -> None:
    """Run the command line of this process, and end it."""
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, _leave)

    from gradcalc.runtime.import_path import protect

    protect()

    from gradcalc.cli.main import run

    run()


if __name__ == "__main__":
    program()
