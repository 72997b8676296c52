# Muster's web process; the worker and the migrations run from the same image (see compose.yaml).
FROM python:3.11-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /app
COPY requirements.txt ./
RUN python -m venv /opt/muster \
 && /opt/muster/bin/pip install --no-deps --require-hashes -r requirements.txt
COPY pyproject.toml README.md LICENSE ./
COPY config config
COPY plugin plugin
COPY templates templates
RUN /opt/muster/bin/pip install --no-deps --no-build-isolation -e . \
 && /opt/muster/bin/pip check \
 && /opt/muster/bin/python -m compileall -q config plugin

FROM python:3.11-slim-bookworm
RUN groupadd --gid 10001 muster \
 && useradd --uid 10001 --gid muster --no-create-home --home-dir /var/lib/muster --shell /usr/sbin/nologin muster \
 && install --directory --owner muster --group muster /var/lib/muster
COPY --from=build /opt/muster /opt/muster
COPY --from=build /app /app
# Nothing is written but the data folder and /tmp: the root file system may be read-only.
ENV PATH=/opt/muster/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    MUSTER_DATABASE_URL=sqlite:////var/lib/muster/muster.sqlite3 \
    PORT=8000
WORKDIR /var/lib/muster
VOLUME /var/lib/muster
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
  CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ['PORT'] + '/healthz', timeout=4)"]
CMD ["gunicorn", "--config", "/app/config/gunicorn.py", "plugin.wsgi:app"]
