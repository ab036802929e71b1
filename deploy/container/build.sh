#!/bin/sh
# Runs in the Dockerfile's build stages.
#   build.sh tools         what building needs, in a layer that code changes leave cached
#   build.sh install cpu   the service and what it needs, in /opt/anonynoise (or: install gpu;
#                          install train: with what audits and training need, on the CPU)
#   build.sh scheduler     supercronic, in /opt/supercronic
set -eu

case "$1" in
tools)
    apt-get update
    apt-get install -y --no-install-recommends python3-pip python3-venv
    ;;
install)
    # No pip inside: the final image cannot install anything.
    python3 -m venv --without-pip /opt/anonynoise
    # On amd64 the torch of the default index brings CUDA along, several gigabytes of it.
    [ "$2" != train ] || set -- "$@" --extra-index-url https://download.pytorch.org/whl/cpu
    extra=$2
    shift 2
    python3 -m pip --python /opt/anonynoise/bin/python install \
        --no-cache-dir --no-compile "$@" ".[$extra]"
    # Test suites of libraries; numpy's are left alone, numpy itself imports from them.
    find /opt/anonynoise -type d -path '*/site-packages/*' -name tests \
        -not -path '*/site-packages/numpy/*' -prune -exec rm -rf {} +
    find /opt/anonynoise -type d -name __pycache__ -prune -exec rm -rf {} +
    ;;
scheduler)
    # https://github.com/aptible/supercronic (MIT), a release's file by its SHA-256.
    version=0.2.49
    arch=$(dpkg --print-architecture)
    case "$arch" in
    amd64) sum=a53ae236602c7338aba3fbaff40bda6300eae3b9fedb8261eb06cfe3724430c1 ;;
    arm64) sum=02aa0cb229ba09050cba6638059dadb9eedc2276632ea43d6a57a2f8c1629dd5 ;;
    *)
        echo "supercronic: no pinned file for $arch" >&2
        exit 1
        ;;
    esac
    apt-get update
    apt-get install -y --no-install-recommends ca-certificates curl
    curl -fsSL --retry 3 -o /opt/supercronic \
        "https://github.com/aptible/supercronic/releases/download/v$version/supercronic-linux-$arch"
    echo "$sum  /opt/supercronic" | sha256sum -c -
    chmod 755 /opt/supercronic
    ;;
esac
