//! Compiles `bpf/switch.bpf.c` with clang; the object becomes part of this crate.

use libbpf_cargo::SkeletonBuilder;
use std::{env, path::PathBuf, process::Command};

fn main() {
    let bpf = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("../../bpf");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it")).join("switch.bpf.o");
    println!("cargo:rerun-if-changed={}", bpf.display());
    println!("cargo:rerun-if-env-changed=HAVIP_CLANG");

    let built = SkeletonBuilder::new()
        .source(bpf.join("switch.bpf.c"))
        .obj(&out)
        .clang(clang())
        .clang_args([
            "-Wall",
            "-Werror",
            "-Wno-unused-function",
            "-mcpu=v3",
            "-I/usr/include/x86_64-linux-gnu",
        ])
        .build();
    if let Err(error) = built {
        panic!("could not compile the switch: {error:?}");
    }
}

/// `HAVIP_CLANG`, or the first clang that runs.
fn clang() -> String {
    if let Ok(named) = env::var("HAVIP_CLANG") {
        return named;
    }
    ["clang-19", "clang"]
        .into_iter()
        .find(|name| Command::new(name).arg("--version").output().is_ok())
        .unwrap_or("clang")
        .into()
}
