# The origin, from the package. Build it first: `npm pack`, then
#   podman build --build-arg SLUICE=sluice-0.1.0.tgz --tag sluice .
# docs/operations/install.md has the rest. Both base images are arguments, for registries of your own.
ARG NODE_IMAGE=docker.io/library/node:24-bookworm-slim
ARG BASE_IMAGE=gcr.io/distroless/cc-debian12:latest

FROM ${NODE_IMAGE} AS packages
ARG SLUICE
# For a registry with a certificate of your own.
ARG NODE_EXTRA_CA_CERTS
# npm packs everything below a folder `package`.
ADD ${SLUICE} /opt/
COPY package-lock.json deploy/image/install-packages.mjs /opt/package/
WORKDIR /opt/package
RUN ["/usr/local/bin/node", "install-packages.mjs"]

FROM ${BASE_IMAGE}
COPY --from=packages /usr/local/bin/node /usr/local/bin/node
COPY --from=packages /opt/package /opt/sluice
# Fewer arenas of the allocator: a dozen threads of little use each would hold on to memory.
ENV MALLOC_ARENA_MAX=2 NODE_ENV=production ORIGIN_HOST=0.0.0.0 ORIGIN_PORT=8080
# Nobody's: the process owns no file, and writes none.
USER 65532:65532
WORKDIR /opt/sluice
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
  CMD ["/usr/local/bin/node", "-e", "fetch(`http://127.0.0.1:${process.env.ORIGIN_PORT}/livez`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["/usr/local/bin/node", "dist/origin/main.js"]
