# syntax=docker/dockerfile:1.7
# Airflow beside Headgate, each in an environment of its own: a task calls `headgate node` as a program.
#
#   docker build --file deploy/airflow.Dockerfile --build-arg HEADGATE=headgate:0.1.0 --tag headgate-airflow:0.1.0 .
ARG HEADGATE=headgate:0.1.0

FROM python:3.13-slim-trixie AS build
RUN pip install --no-cache-dir uv==0.13.8
ENV UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never
WORKDIR /build
COPY requirements-airflow.lock ./
RUN --mount=type=cache,target=/root/.cache/uv \
    uv venv --python /usr/local/bin/python /opt/airflow-venv \
    && uv pip install --python /opt/airflow-venv/bin/python --no-deps --require-hashes --compile-bytecode \
        --requirements requirements-airflow.lock

# hadolint ignore=DL3006
FROM ${HEADGATE}
USER 0:0
RUN install --directory --owner headgate --group headgate /airflow /airflow/dags /airflow/logs
COPY --from=build /opt/airflow-venv /opt/airflow-venv
# Airflow's own programs come first: `airflow` is found there, `headgate` in /opt/venv.
ENV AIRFLOW_HOME=/airflow \
    PATH=/opt/venv/bin:/opt/airflow-venv/bin:/usr/local/bin:/usr/bin:/bin
USER 10001:10001
ENTRYPOINT ["airflow"]
CMD ["--help"]
