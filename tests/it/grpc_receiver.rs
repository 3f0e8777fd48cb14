//! A gRPC receiver of another make that takes everything; `benches/pipeline.rs` uses it, too. One that fails as a script says is in
//! `src/sink/testing`.

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use tokio::net::TcpListener;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

struct Receiver<T>(T);

#[tonic::async_trait]
impl<T: Fn(ExportTraceServiceRequest) + Send + Sync + 'static> TraceService for Receiver<T> {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.0(request.into_inner());
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

/// Starts one on loopback that hands on what it takes; its URL.
pub(crate) async fn start(taken: impl Fn(ExportTraceServiceRequest) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let service = TraceServiceServer::new(Receiver(taken)).max_decoding_message_size(16 * 1024 * 1024);
    tokio::spawn(Server::builder().add_service(service).serve_with_incoming(TcpIncoming::from(listener)));
    url
}
