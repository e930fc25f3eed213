ARG BASE
FROM ${BASE}
RUN apt-get update \
    && apt-get install --yes --no-install-recommends nats-server wget \
    && rm -rf /var/lib/apt/lists/*
USER nobody
ENTRYPOINT ["nats-server"]
