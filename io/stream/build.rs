//! Makes the Rust side of the messages, without a system protoc.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=proto/havip.proto");
    let descriptors = protox::compile(["proto/havip.proto"], ["proto"])?;
    // Its secret must not get into a log with whatever holds it.
    tonic_prost_build::configure().skip_debug([".havip.v1.SealKey"]).compile_fds(descriptors)?;
    Ok(())
}
