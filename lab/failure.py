"""What is said when a command could not be done, and the exit code that goes with it."""

import sys
import traceback


def explain(code: int, text: str) -> int:
    """Tell it in one paragraph, and the exit code last; return the code."""
    print(f"lab: {text}", file=sys.stderr)
    print(f"lab exit {code}: {text.splitlines()[0]}")
    return code


def broken(error: Exception) -> int:
    """Tell a fault of the lab's own with all that helps to mend it; it must not look like the product's failure."""
    traceback.print_exc()
    return explain(3, f"a fault in the lab itself: {type(error).__name__}: {error}")


def of_the_machine(error: OSError) -> str:
    """Say in words what the operating system refused."""
    where = f" ({error.filename})" if error.filename else ""
    return f"{error.strerror or error}{where}\n→ free space, or move the lab's files with LAB_HOME and XDG_CACHE_HOME"
