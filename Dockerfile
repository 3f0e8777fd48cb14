# The image of `ecspan worker`, `sidecar` and `agent`: one static binary, the certificates of authorities, nothing else.
#
#   docker build -t ecspan .
#   docker run --rm ecspan --version
#
# For another architecture build on such a machine, or `docker buildx build --platform linux/arm64` (slow: emulated).
# A release puts programs that are built already in this stage's place (release/image.sh): its image does not depend on this base.
FROM rust:1.95-alpine AS build
# aws-lc-sys asks for a C compiler only, on x86_64 and aarch64 with musl; CMake and Perl are what it falls back on. Alpine
# keeps no old versions of packages, so a pinned one breaks the build with the next.
# hadolint ignore=DL3018
RUN apk add --no-cache build-base ca-certificates cmake linux-headers perl
WORKDIR /src
COPY . .
# Rust's musl target links statically. The check is readelf's: a program without an interpreter needs no library.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --bin ecspan \
    && sh release/rootfs.sh target/release/ecspan /rootfs \
    && readelf -l /rootfs/ecspan >/tmp/segments \
    && ! grep INTERP /tmp/segments

FROM scratch
LABEL org.opencontainers.image.title="ecspan" \
    org.opencontainers.image.description="Turns every Amazon ECS task into an OpenTelemetry trace" \
    org.opencontainers.image.licenses="Apache-2.0 OR MIT"
COPY --from=build /rootfs/ /
# OTLP over TLS and AWS are believed by these authorities; others with `--ca` or OTEL_EXPORTER_OTLP_CERTIFICATE.
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
# A number, so that "runAsNonRoot" and the like can tell; 65532 is what distroless images call nonroot.
USER 65532:65532
ENTRYPOINT ["/ecspan"]
