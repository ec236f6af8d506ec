"""What failed beside the other tests runs once more, alone: `make test` calls it after a run with failures.

The suite keeps two cores busy with several workers, and a browser, a broker or a killed process may lose a
race there that it never loses elsewhere. Such a test is a flaw to be mended, and is named at the end of the
output with its first failure above; but it is no verdict on what was changed. Whoever fails again has failed,
and so has a run with more than `UNSTEADY_MAX` of them.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

UNSTEADY_MAX = 5
"""More than a few that fail at once have a common reason, and that one is not bad luck."""

_FAILED = Path(".pytest_cache/v/cache/lastfailed")
"""Where pytest writes which tests failed last: a JSON object by node id."""

_SOME_FAILED = 1
"""pytest's exit code; any other than 0 says that it could not run as asked (usage, interrupted, no tests)."""


def main(code: int, *, failed: Path = _FAILED) -> int:
    """The exit code of the whole run. `code`: that of its first pass."""
    if code != _SOME_FAILED:
        return code
    tests = sorted(json.loads(failed.read_text("utf-8"))) if failed.exists() else []
    if not 0 < len(tests) <= UNSTEADY_MAX:
        return code
    print(f"\nonce more, alone: {', '.join(tests)}", flush=True)
    again = subprocess.run([sys.executable, "-m", "pytest", "-p", "no:schemathesis", *tests], check=False)
    if again.returncode == 0:
        print("\nUNSTEADY, failed beside others and passed alone (its first failure is above):")
        print("\n".join(f"  {test}" for test in tests), flush=True)
    return again.returncode


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
