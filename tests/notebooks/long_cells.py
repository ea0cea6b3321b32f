"""A pytest plugin: nbval gets all that a long cell shows.

nbval reads a cell's messages when the cell has ended, and ZeroMQ drops what exceeds some 2,000 until then, the news of
the end among them; nbval fails then with a time-out of 5 seconds, though the cell was well.  Two training bars suffice.
"""

import zmq
from jupyter_client.blocking import BlockingKernelClient
from nbval import kernel


class PatientClient(BlockingKernelClient):
    """Its sockets keep as many messages as come."""

    def _context_default(self):
        context = super()._context_default()
        context.setsockopt(zmq.RCVHWM, 0)
        return context


class PatientManager(kernel.KernelManager):
    """Its client is a PatientClient."""

    client_factory = PatientClient


def pytest_configure(config):
    kernel.KernelManager = PatientManager
