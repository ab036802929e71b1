#!/bin/sh
# Runs in the Dockerfile's build stages.
#   build.sh tools         what building needs, in a layer that code changes leave cached
#   build.sh install cpu   the service and what it needs, in /opt/anonynoise (or: install gpu)
set -eu

case "$1" in
tools)
    apt-get update
    apt-get install -y --no-install-recommends python3-pip python3-venv
    ;;
install)
    # No pip inside: the final image cannot install anything.
    python3 -m venv --without-pip /opt/anonynoise
    python3 -m pip --python /opt/anonynoise/bin/python install \
        --no-cache-dir --no-compile ".[$2]"
    # Test suites of libraries; numpy's are left alone, numpy itself imports from them.
    find /opt/anonynoise -type d -path '*/site-packages/*' -name tests \
        -not -path '*/site-packages/numpy/*' -prune -exec rm -rf {} +
    find /opt/anonynoise -type d -name __pycache__ -prune -exec rm -rf {} +
    ;;
esac
