# The release of Python is pinned to its minor version: building again brings its security fixes.
FROM python:3.13-slim-bookworm AS build

# pip works from outside (--python), so that the shipped environment holds no installer.
RUN python -m venv --without-pip /opt/bulkseg && python -m venv /opt/backend
WORKDIR /src

# The pins (those of a fleet's worker, for the image may be one) change seldom and come first, so that a change
# of the code alone reuses this layer.
COPY requirements/fleet.txt requirements/build.txt requirements/
RUN pip --python /opt/bulkseg/bin/python install --no-cache-dir --require-hashes --only-binary :all: -r requirements/fleet.txt \
 && pip --python /opt/backend/bin/python install --no-cache-dir --require-hashes --only-binary :all: -r requirements/build.txt

COPY . .
RUN /opt/backend/bin/python -m hatchling build --target wheel --directory /dist \
 && pip --python /opt/bulkseg/bin/python install --no-cache-dir --no-index --no-deps /dist/*.whl


FROM python:3.13-slim-bookworm

COPY --from=build /opt/bulkseg /opt/bulkseg
ENV PATH=/opt/bulkseg/bin:$PATH \
    PYTHONUNBUFFERED=1

# By number, so that Kubernetes can see that it is not root (runAsNonRoot).
RUN useradd --uid 10001 --create-home bulkseg && install --directory --owner=bulkseg --group=bulkseg /jobs
USER 10001:10001

# Jobs are mounted here; their checkpoints lie beside them and have to outlive the container.
WORKDIR /jobs
VOLUME /jobs

# The exec form makes bulkseg process 1, which is the one that `docker stop` signals.
STOPSIGNAL SIGTERM
ENTRYPOINT ["bulkseg"]
CMD ["--help"]
