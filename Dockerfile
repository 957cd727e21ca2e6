# The image holds the static binary and nothing else: no shell, no package.
#
#   buildah bud --format docker -t mask700 .          (HEALTHCHECK needs the docker format)
#
# Where golang:1.26 cannot be pulled, the last stage takes what the first would
# have made from a directory in its place (make image-prebuilt):
#
#   buildah bud --format docker --build-context build=DIR -t mask700 .
#
# with DIR holding mask700 and the empty directories data and key, mode 0700.

FROM golang:1.26 AS build
ARG VERSION=unknown
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -tags timetzdata -ldflags "-s -w -X main.version=${VERSION}" \
        -o /out/mask700 ./cmd/mask700 \
 && install -d -m 0700 /out/data /out/key
# A build context in this stage's place has these at its root.
WORKDIR /
RUN mv /out/mask700 /out/data /out/key /

FROM scratch
COPY --from=build --chown=65532:65532 /data /data
COPY --from=build --chown=65532:65532 /key /key
COPY --from=build /mask700 /mask700
USER 65532:65532

# Bindings and call records; the key that opens them. Keep their backups apart.
VOLUME ["/data", "/key"]

# SIP, and the default range of media ports. Host networking suits both better
# than publishing twenty thousand ports.
EXPOSE 5060/udp 5060/tcp 20000-39999/udp

ENV MASK700_SERVER=unix:/data/admin.sock
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s CMD ["/mask700", "status"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["/mask700"]
CMD ["serve", "--data-dir", "/data", "--key-file", "/key/mask700.key"]
