//! What server and agents say to each other: the gRPC messages and services.

pub mod convert;

/// The messages and services of `proto/havip.proto`.
#[allow(missing_docs, clippy::all)]
pub mod proto {
    tonic::include_proto!("havip.v1");
}
