//! One attempt at one request, over gRPC, HTTP or X-Ray's HTTP, and what its answer means. Repeats nothing, keeps nothing. Main
//! type: [`Transport`](transport::Transport).

pub(super) mod answer;
mod foreign;
pub(super) mod grpc;
pub(super) mod http;
pub(super) mod outgoing;
mod overheard;
mod proxy;
pub(super) mod transport;
pub(super) mod xray;
