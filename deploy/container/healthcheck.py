"""Ends with 0 when the service in this container is ready; the image's HEALTHCHECK."""

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
        urlopen(f"{scheme}://127.0.0.1:{port}/health/ready", timeout=2, context=unverified)
        sys.exit(0)
    except HTTPError as error:
        sys.exit(f"not ready: {error.read(500).decode(errors='replace')}")
    except (OSError, HTTPException) as error:
        problem = problem or error
sys.exit(f"no answer: {problem}")
