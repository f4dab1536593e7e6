# The image of Behalf: built from the lock file, without build tools, run by a user who is not root.
#
# The base is named by its tag, so that a rebuild brings the fixes of Node and Debian. For builds that come out the same
# every time, pin what the tag means today:
#   docker buildx imagetools inspect node:24-bookworm-slim
#   docker build --build-arg BASE=node:24-bookworm-slim@sha256:<digest> -t behalf .
ARG BASE=node:24-bookworm-slim

FROM ${BASE} AS build
WORKDIR /src
COPY package.json package-lock.json .npmrc tsconfig.json ./
COPY sdk/package.json sdk/
COPY server/package.json server/
# Without scripts: nothing that a dependency brings runs here, and the base has Node already.
RUN npm ci --ignore-scripts
COPY sdk/tsconfig.build.json sdk/
COPY sdk/src sdk/src
COPY server/tsconfig.build.json server/
COPY server/src server/src
RUN npm run build

FROM ${BASE} AS dependencies
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
COPY sdk/package.json sdk/
COPY server/package.json server/
RUN npm ci --ignore-scripts --omit=dev --workspace behalf && rm -r node_modules/behalf node_modules/@behalf

FROM ${BASE}
LABEL org.opencontainers.image.title="Behalf" \
      org.opencontainers.image.description="Software agents use GitHub on people's behalf without ever holding their keys." \
      org.opencontainers.image.licenses="Apache-2.0"
RUN install -d -o node -g node -m 0700 /data
COPY LICENSE /app/
COPY server/package.json /app/server/
COPY --from=dependencies /src/node_modules /app/node_modules
COPY --from=build /src/server/dist /app/server/dist
ENV NODE_ENV=production \
    BEHALF_HOST=0.0.0.0
# The default database is file:./data/behalf.db: so it lies in the volume, and BEHALF_DATABASE_URL stays free to be set
# (a setting that is given twice, inline and as _FILE, stops the start).
WORKDIR /
VOLUME /data
EXPOSE 4180
USER node
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.BEHALF_PORT || 4180}/readyz`, { signal: AbortSignal.timeout(4000) }).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
# No shell between the signal and the process: SIGTERM drains (docs/operating.md).
ENTRYPOINT ["node", "/app/server/dist/cli.js"]
CMD ["serve"]
