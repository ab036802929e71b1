# Two images of one service, and one of the job that audits its model. The CPU one is the default:
#     docker build -t anonynoise .
#     docker build -t anonynoise:gpu --target gpu .
#     docker build -t anonynoise-audit --target audit .
# The CUDA major version below must be the one that the onnxruntime-gpu release was built for.
ARG CUDA_IMAGE=nvidia/cuda:13.0.1-cudnn-runtime-ubuntu24.04

# GPU ----------------------------------------------------------------------------------------
FROM ${CUDA_IMAGE} AS gpu-python
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3 \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt /var/log/*

FROM gpu-python AS gpu-build
WORKDIR /src
COPY deploy/container/build.sh deploy/container/
RUN sh deploy/container/build.sh tools
COPY pyproject.toml README.md anonynoise.py ./
COPY events events
COPY models models
COPY service service
COPY training training
RUN sh deploy/container/build.sh install gpu

FROM gpu-python AS gpu
COPY --from=gpu-build /opt/anonynoise /opt/anonynoise
# A volume of models that is shared with the audit job starts out with this folder's owner.
RUN install -d -o 10001 -g 10001 /models
COPY deploy/container/healthcheck.py /opt/anonynoise/healthcheck.py
ENV PATH=/opt/anonynoise/bin:$PATH \
    HOME=/tmp \
    NUMBA_CACHE_DIR=/tmp/numba \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    ORT_DISABLE_TELEMETRY=1 \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    ANONYNOISE_LISTEN=0.0.0.0:8080
USER 10001:10001
WORKDIR /tmp
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python3", "-B", "/opt/anonynoise/healthcheck.py"]
ENTRYPOINT ["anonynoise"]
CMD ["serve"]

# CPU ----------------------------------------------------------------------------------------
FROM debian:bookworm-slim AS cpu-python
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3 \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt /var/log/*

# Audit --------------------------------------------------------------------------------------
# With torch, which the service's image never has, and a scheduler.
FROM cpu-python AS audit-build
WORKDIR /src
COPY deploy/container/build.sh deploy/container/
RUN sh deploy/container/build.sh tools
RUN sh deploy/container/build.sh scheduler
COPY pyproject.toml README.md anonynoise.py ./
COPY events events
COPY models models
COPY service service
COPY training training
RUN sh deploy/container/build.sh install train

FROM cpu-python AS audit
COPY --from=audit-build /opt/anonynoise /opt/anonynoise
COPY --from=audit-build /opt/supercronic /usr/local/bin/supercronic
RUN install -d -o 10001 -g 10001 /models /reports
COPY deploy/audit/crontab deploy/audit/nightly.sh /etc/anonynoise/
ENV PATH=/opt/anonynoise/bin:$PATH \
    HOME=/tmp \
    NUMBA_CACHE_DIR=/tmp/numba \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    ORT_DISABLE_TELEMETRY=1 \
    ANONYNOISE_MODELS=/models \
    ANONYNOISE_MODEL=default
USER 10001:10001
WORKDIR /tmp
# The job under way is not interrupted by SIGTERM; one that is killed goes on the next night.
STOPSIGNAL SIGTERM
# By its whole path: as process 1 it starts itself a second time.
ENTRYPOINT ["/usr/local/bin/supercronic"]
CMD ["-passthrough-logs", "/etc/anonynoise/crontab"]

# CPU image ---------------------------------------------------------------------------------
FROM cpu-python AS cpu-build
WORKDIR /src
COPY deploy/container/build.sh deploy/container/
RUN sh deploy/container/build.sh tools
COPY pyproject.toml README.md anonynoise.py ./
COPY events events
COPY models models
COPY service service
COPY training training
RUN sh deploy/container/build.sh install cpu

FROM cpu-python AS cpu
COPY --from=cpu-build /opt/anonynoise /opt/anonynoise
# A volume of models that is shared with the audit job starts out with this folder's owner.
RUN install -d -o 10001 -g 10001 /models
COPY deploy/container/healthcheck.py /opt/anonynoise/healthcheck.py
# The root file system may be read-only: what is written goes below /tmp, a tmpfs.
ENV PATH=/opt/anonynoise/bin:$PATH \
    HOME=/tmp \
    NUMBA_CACHE_DIR=/tmp/numba \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    ORT_DISABLE_TELEMETRY=1 \
    ANONYNOISE_LISTEN=0.0.0.0:8080
USER 10001:10001
WORKDIR /tmp
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python3", "-B", "/opt/anonynoise/healthcheck.py"]
ENTRYPOINT ["anonynoise"]
CMD ["serve"]
