# One image per service, from the root of the checkout:
#   docker build -f deploy/service.Dockerfile --build-arg SERVICE=dispatcher -t proactive/dispatcher .
# SERVICE is canvas_gateway, dispatcher, status_tracker, proactivectl (with every service's migrations) or sandbox.
# With --build-arg TRACES=1 it can send traces (docs/deploy.md).
ARG PYTHON=3.13

FROM python:${PYTHON}-slim-bookworm AS build
WORKDIR /src
COPY requirements.lock ./
# All that can be installed below, each archive checked against its hash in the lock.
RUN pip download --no-cache-dir --require-hashes --dest /wheels --requirement requirements.lock
COPY libs libs
COPY services services
COPY tools/proactivectl tools/proactivectl
COPY tools/sandbox tools/sandbox
RUN pip wheel --no-cache-dir --no-index --find-links /wheels --no-deps --wheel-dir /wheels \
      ./libs/* ./services/* ./tools/*
ARG SERVICE
ARG TRACES=
RUN python -m venv /app \
 && set -- "proactive-$SERVICE" \
 && if [ "$SERVICE" = proactivectl ]; then set -- "$@" proactive-dispatcher proactive-status-tracker; fi \
 && if [ -n "$TRACES" ]; then set -- "$@" "proactive-runtime[otel]"; fi \
 && /app/bin/pip install --no-cache-dir --no-index --find-links /wheels "$@" \
 && /app/bin/pip uninstall --yes pip \
 && ln -s "/app/bin/$SERVICE" /app/bin/service

FROM python:${PYTHON}-slim-bookworm
COPY --from=build /app /app
ENV PATH=/app/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PROACTIVE_HOST=0.0.0.0 \
    PROACTIVE_OPS_PORT=9000 \
    PROACTIVE_LOG_FORMAT=json
USER 10001:10001
EXPOSE 9000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:%s/healthz' % os.environ['PROACTIVE_OPS_PORT'], timeout=2)"]
ENTRYPOINT ["/app/bin/service"]
