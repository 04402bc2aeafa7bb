"""Shadow runs that are killed among faults: `python tests/evidence/shadow.py [PROJECTS] [KILLS]`.

Two candidates, one over each SDK, answer 120 items each from a real server on this machine, 8 calls at a time, while
one request in ten meets a fault; each run but the last three of a project is killed. Prints what was lost, bought
twice, left unlisted, or spent beyond the cap.
"""

import sys
import tempfile
from pathlib import Path

from tests.drafting.killing import Aftermath
from tests.drafting.shadowing import kill_and_resume

ITEMS = 120
FAULT_RATE = 0.1


def main(projects: int = 4, kills: int = 8) -> None:
    found = Aftermath()
    for random_state in range(projects):
        with tempfile.TemporaryDirectory() as folder:
            found += kill_and_resume(Path(folder), kills, random_state, fault_rate=FAULT_RATE, items=ITEMS)
    print(
        f"shadow: {found.killed} of {projects * kills} runs killed, {100 * FAULT_RATE:.0f} % of requests with a fault"
    )
    print(f"  {2 * ITEMS * projects} answers wanted, {found.billed} billed, {found.received} received")
    print(f"  lost {found.lost}, bought twice {found.twice}, over the cap {found.cap_passed} of {projects}")
    print(
        f"  in doubt {found.in_doubt}, of these not listed {found.unlisted}; unfinished at the end {found.unfinished}"
    )
    print(f"  runs that the cap stopped: {found.capped} of {projects}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
