"""End this process when its parent exits."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable


def exit_with_parent(parent: int, last: Callable[[], None] = lambda: None) -> None:
    """End this process within a second after its parent ended for any reason; `last` is called before."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        last()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
