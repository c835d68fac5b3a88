"""The command that gives back the space that a store no longer needs."""

from __future__ import annotations

from jobstore.cli.calling import Call, takes_call
from jobstore.cli.output import say, size


@takes_call
def vacuum(
    call: Call,
) -> None:
    """Write the store's file anew, without what deleted postings have left in it.

    Afterwards their words and texts are in no byte of the file or its WAL. Others can read
    meanwhile, but not write: do it in a quiet hour. Nothing is done when others are writing, or
    when the disk has not enough room. Ctrl-C may end it at any moment; nothing is lost.

    JSON: {"before", "after", "seconds", "waiting"}; sizes are bytes, and waiting tells that the
    space is given back, and what was deleted is gone, when those who still read have ended.
    """
    from jobstore.engines import upkeep_of

    url = call.settings.store.address
    call.say("Writing the file anew; others cannot write until it is done.")
    with call.steps() as steps:
        done = upkeep_of(url).vacuum(url, progress=steps)
    call.report(
        done._asdict(),
        f"{size(done.before)} before, {size(done.after)} now, in {done.seconds:.1f} s.",
    )
    if done.waiting and not call.json:
        say(
            "Somebody still reads the store as it was: what was deleted is still in its WAL. When "
            "they are done, run this again, or: "
            + call.settings.command("run-due", "--force", "--only", "checkpoint")
        )
