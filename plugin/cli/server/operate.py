"""Running Muster: the web process, the worker, keys, the demonstration."""

from __future__ import annotations

import sys

from plugin.cli.opening import print_json, runtime
from plugin.core.errors import Invalid


def run() -> int:
    """Serve pages on one machine until stopped."""
    from plugin.cli.server.serve import serve
    from plugin.jobs.single_machine import refuse_two_machines
    from plugin.migrations.row_security import refuse_weak_role

    made = runtime()
    refuse_two_machines(made)
    refuse_weak_role(made)
    serve(made)
    return 0


def work(*, once: bool) -> int:
    """Do the background work: what is owed now, or for ever."""
    from plugin.jobs.single_machine import refuse_two_machines
    from plugin.jobs.work import work_once
    from plugin.jobs.worker import work_forever
    from plugin.migrations.row_security import refuse_weak_role

    made = runtime()
    refuse_two_machines(made)
    refuse_weak_role(made)
    if once:
        work_once(made)
    else:
        work_forever(made)
    return 0


def keys(act: str) -> int:
    """Change the signing keys; there is no other act."""
    from plugin.lti.keys import rotate

    del act
    rotate(runtime())
    print("A new key signs from now on; the old one stays published for a while.")
    return 0


def doctor(*, deep: bool, as_json: bool) -> int:
    """Say what stored is not true, and what waits to be done; exit status 1 where anything is not true."""
    from plugin.enrolment.doctor import WRONG, Finding, diagnose
    from plugin.migrations.row_security import faults, unwalled

    made = runtime()
    found = [Finding(WRONG, sentence, "") for sentence in faults(made.db)] + diagnose(made, deep=deep)
    wrong, note = any(one.kind == WRONG for one in found), unwalled(made.db)
    if as_json:
        print_json([one.to_json() for one in found])
        if note:
            print(f"note: {note}", file=sys.stderr)
        return int(wrong)
    for one in found:
        print(f"{one.kind}: {one.sentence}")
    if note:
        print(f"note: {note}")
    if not wrong:
        print("Everything is as it should be.")
    return int(wrong)


def demo(
    *,
    check: bool,
    lie: str | None,
    port: int,
    sandbox_port: int,
    people: int,
    units: int,
    data: str | None,
    empty: bool = False,
) -> int:
    """Run Muster with a sandbox host.

    :raises Invalid: when the sandbox knows no such lie.
    """
    from plugin.jobs.demo import LIES, DemoOptions
    from plugin.jobs.demo import demo as demonstrate

    if lie and lie not in LIES:
        raise Invalid(f"'{lie}' is no lie the sandbox knows; use one of {', '.join(LIES)}.")
    wanted = DemoOptions(check, lie, port, sandbox_port, people, units, data, empty)
    return demonstrate(wanted)
