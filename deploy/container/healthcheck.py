"""Ends with 0 when the service in this container answers; the image's HEALTHCHECK.

Not when it is ready: what waits for a healthy container, or starts an unhealthy one anew, has
no use for a service that waits for its model's audit. Readers stay connected to it, alerts say
why, and a restart would forget which audit it saw last.
"""

import os
import ssl
import sys
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.request import urlopen

port = os.environ["ANONYNOISE_LISTEN"].rpartition(":")[2]
# On loopback, inside the container: whose certificate it is does not matter.
unverified = ssl.create_default_context()
unverified.check_hostname = False
unverified.verify_mode = ssl.CERT_NONE

problem: Exception | None = None
for scheme in ("http", "https"):
    try:
        urlopen(f"{scheme}://127.0.0.1:{port}/health/live", timeout=2, context=unverified)
        sys.exit(0)
    except HTTPError as error:
        sys.exit(f"not well: {error.read(500).decode(errors='replace')}")
    except (OSError, HTTPException) as error:
        problem = problem or error
sys.exit(f"no answer: {problem}")
