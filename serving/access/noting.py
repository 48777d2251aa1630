"""Writing the audit log for many requests at once.

Every entry must be on disk before its answer goes out, and entries are bound to one another, so they are
written one after the other. But they need not each wait for the disk: what comes in while a transaction is
being written goes into the next one, all together.
"""

from __future__ import annotations

import queue
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress

from sqlalchemy.exc import InterfaceError, OperationalError

from serving.access.audit import AuditLog, Entry, Note

#: Entries of one transaction.
MOST = 256

_Asked = tuple[Note, "Future[Entry]"]


class Noting:
    """Writes the entries of a process in a thread of its own.

    Parameters
    ----------
    audit
        The log.
    """

    def __init__(self, audit: AuditLog) -> None:
        self._audit = audit
        self._asked: queue.SimpleQueue[_Asked] = queue.SimpleQueue()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="audit")

    def write(self, note: Note) -> Future[Entry]:
        """Have an entry written.

        Returns
        -------
        Future
            Done once the entry is on disk; raises what kept it from being written.
        """
        found: Future[Entry] = Future()
        self._asked.put((note, found))
        self._thread.submit(self._work)
        return found

    def _work(self) -> None:
        """Write what has come in; whoever asked may find its entry written with those before it."""
        asked: list[_Asked] = []
        with suppress(queue.Empty):
            while len(asked) < MOST:
                asked.append(self._asked.get_nowait())
        # Who has given up by now is shown nothing, and so is not noted.
        self._write([one for one in asked if one[1].set_running_or_notify_cancel()])

    def _write(self, asked: list[_Asked]) -> None:
        if not asked:
            return
        try:
            entries = self._audit.append_all([note for note, _ in asked])
        except Exception as error:
            if len(asked) == 1 or isinstance(error, (OperationalError, InterfaceError)):
                # The database is away, or its disk is full: it is for all of them.
                for _, found in asked:
                    found.set_exception(error)
                return
            # One of them may be at fault, which the others must not suffer from.
            for one in asked:
                self._write([one])
            return
        for (_, found), entry in zip(asked, entries, strict=True):
            found.set_result(entry)
