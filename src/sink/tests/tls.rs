//! TLS: own authorities and client certificates, before receivers that speak plainly behind a TLS end.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use super::*;
use crate::sink::testing::{GrpcReceiver, GrpcStep, HttpReceiver, HttpStep, task};

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/sink/tests/tls").join(format!("{name}.pem"))
}

/// Ends TLS with the certificate of that name before a receiver. The URL to reach it by.
async fn tls_before(receiver: &str, name: &str, wants_client: bool, running: &mut JoinSet<()>) -> String {
    let certificate = vec![CertificateDer::from_pem_file(file(name)).unwrap()];
    let key = PrivateKeyDer::from_pem_file(file(&format!("{name}-key"))).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(file("ca")).unwrap()).unwrap();
    let config = if wants_client {
        ServerConfig::builder().with_client_cert_verifier(WebPkiClientVerifier::builder(roots.into()).build().unwrap())
    } else {
        ServerConfig::builder().with_no_client_auth()
    };
    let mut config = config.with_single_cert(certificate, key).unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let receiver = receiver.trim_start_matches("http://").to_owned();
    running.spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let (acceptor, receiver) = (acceptor.clone(), receiver.clone());
            tokio::spawn(async move {
                // A handshake that fails is what some tests are about.
                let Ok(mut socket) = acceptor.accept(socket).await else { return };
                let mut plain = TcpStream::connect(receiver).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut socket, &mut plain).await;
            });
        }
    });
    url
}

/// Delivers four spans, over gRPC and over HTTP, to a receiver that takes what comes to it.
async fn both(
    server: &str,
    wants_client: bool,
    takes: bool,
    change: impl Fn(&mut Overrides) + Copy,
) -> [DestinationReport; 2] {
    let mut running = JoinSet::new();
    let grpc = GrpcReceiver::start(takes.then_some(GrpcStep::Ok(0, ""))).await;
    let http = HttpReceiver::start(takes.then(HttpStep::ok)).await;
    let url = tls_before(&grpc.url, server, wants_client, &mut running).await;
    let over_grpc = deliver_to(destination(&url, "grpc", change), vec![task("a", 4)]).await;
    let url = tls_before(&http.url, server, wants_client, &mut running).await;
    let over_http = deliver_to(destination(&url, "http/protobuf", change), vec![task("a", 4)]).await;
    grpc.script.played();
    http.script.played();
    [over_grpc, over_http]
}

fn with_ca(overrides: &mut Overrides) {
    overrides.ca = Some(file("ca"));
}

fn with_client(overrides: &mut Overrides) {
    with_ca(overrides);
    (overrides.client_certificate, overrides.client_key) = (Some(file("client")), Some(file("client-key")));
}

fn refused_at_once(reports: &[DestinationReport], told: &str, hinted: &str) {
    for report in reports {
        assert_eq!((report.undelivered, report.unknown, report.attempts), (4, 0, 1), "{report:?}");
        let (got, hint) = trouble(report);
        assert!(got.starts_with("tls handshake with https://127.0.0.1:") && got.contains(told), "{got}");
        assert!(hint.contains(hinted), "{hint}");
    }
}

#[tokio::test]
async fn an_own_authority_is_trusted() {
    for report in both("server", false, true, with_ca).await {
        assert_eq!(report.accepted, 4, "{report:?}");
    }
}

#[tokio::test]
async fn an_unknown_authority_is_told_at_once() {
    refused_at_once(&both("server", false, false, |_| {}).await, "UnknownIssuer", "OTEL_EXPORTER_OTLP_CERTIFICATE");
}

#[tokio::test]
async fn a_certificate_of_another_host_is_told_at_once() {
    refused_at_once(&both("other", false, false, with_ca).await, "not valid for name", "host name");
}

#[tokio::test]
async fn a_client_certificate_is_shown_where_it_is_wanted() {
    for report in both("server", true, true, with_client).await {
        assert_eq!(report.accepted, 4, "{report:?}");
    }
    refused_at_once(&both("server", true, false, with_ca).await, "CertificateRequired", "_CLIENT_CERTIFICATE");
}
