# The image of `ecspan worker`, `sidecar` and `agent`: one static binary, the certificates of authorities, nothing else.
#
#   docker build -t ecspan .
#   docker run --rm ecspan --version
#
# For another architecture build on such a machine, or `docker buildx build --platform linux/arm64` (slow: emulated).
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
    && mkdir -p /rootfs/tmp /rootfs/etc/ssl/certs \
    && chmod 1777 /rootfs/tmp \
    && cp target/release/ecspan /rootfs/ecspan \
    && cp /etc/ssl/certs/ca-certificates.crt /rootfs/etc/ssl/certs/ \
    && readelf -l /rootfs/ecspan >/tmp/segments \
    && ! grep INTERP /tmp/segments

FROM scratch
# /tmp is in it: the sidecar's health file is written there.
COPY --from=build /rootfs/ /
# OTLP over TLS and AWS are believed by these authorities; others with `--ca` or OTEL_EXPORTER_OTLP_CERTIFICATE.
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
# A number, so that "runAsNonRoot" and the like can tell; 65532 is what distroless images call nonroot.
USER 65532:65532
ENTRYPOINT ["/ecspan"]
