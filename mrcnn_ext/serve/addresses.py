"""Images that clients name by a web address: fetched only when allowed, and never from inside this network."""

import anyio

from mrcnn.retry import Failure
from mrcnn_ext.common.address import content_of
from mrcnn_ext.common.web import Private
from mrcnn_ext.common.web import Refused as Unusable
from mrcnn_ext.serve.limits import Refused

AT_A_TIME = 8  # slow servers keep these waiting, and nothing else


class Addresses:
    """allowed: whether anything is fetched.  limits: a Limits; its bytes and seconds count for an image too."""

    def __init__(self, allowed, limits):
        self._allowed = allowed
        self._limits = limits
        self._limiter = anyio.CapacityLimiter(AT_A_TIME)

    async def get(self, url):
        """The bytes at an address. Raises `Refused` with a sentence for the client."""
        if not self._allowed:
            raise Refused(403, "This service fetches no addresses: start it with --addresses, or send the image.")
        return await anyio.to_thread.run_sync(self._fetch, url, limiter=self._limiter, abandon_on_cancel=True)

    def _fetch(self, url):
        try:
            # without a proxy, which would look up names where we cannot see what they lead to
            return content_of(url, self._limits.bytes, self._limits.seconds, proxies=False)
        except Private:  # without the number it leads to, which is nobody's business
            raise Refused(400, "The address leads into this service's own network.") from None
        except (Unusable, Failure) as error:
            raise Refused(400, f"The address gives no image: {str(error)[:200]}") from error
