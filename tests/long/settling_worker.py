"""A process that settles whatever is owed until nothing is: killed and begun again by the test of four workers."""

from __future__ import annotations

import sys
import time

from plugin.enrolment.settling.people import settle_people
from plugin.enrolment.settling.saves import settle_certifications
from tests.bench.__main__ import runtime_for
from tests.bench.company import HOST

if __name__ == "__main__":
    runtime = runtime_for(sys.argv[1])
    quiet = 0
    while quiet < 20:
        done = settle_certifications(runtime, HOST) + settle_people(runtime, HOST)
        quiet = 0 if done else quiet + 1
        time.sleep(0.02)
