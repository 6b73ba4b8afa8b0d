# The gateway alone: Triton and PostgreSQL run elsewhere. Build from the top of the repository:
#   docker build -f docker/gateway.Dockerfile -t inference-gateway .
FROM python:3.12-slim AS build
WORKDIR /src
RUN python -m venv /opt/gateway
ENV PATH=/opt/gateway/bin:$PATH PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
COPY requirements.lock ./
RUN pip install --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY gateway gateway
RUN pip install --no-deps --no-build-isolation .

FROM python:3.12-slim
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/gateway gateway
COPY --from=build /opt/gateway /opt/gateway
ENV PATH=/opt/gateway/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    GATEWAY_HOST=0.0.0.0 \
    GATEWAY_AUTH=api_key \
    GATEWAY_DATA_DIR=/var/lib/gateway \
    GATEWAY_TRITON_URL=grpc://triton:8001 \
    GATEWAY_TRITON_HTTP_URL=http://triton:8000
# GATEWAY_DATABASE_URL has no default here: it holds a password, so it is given when the container starts.
USER gateway
WORKDIR /var/lib/gateway
VOLUME /var/lib/gateway
EXPOSE 8080 9090
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=6 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/ready', timeout=4)"]
ENTRYPOINT ["gateway"]
CMD ["serve"]
