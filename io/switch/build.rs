//! Compiles `bpf/switch.bpf.c` with clang; the object becomes part of this crate.

use libbpf_cargo::SkeletonBuilder;
use std::{env, path::PathBuf, process::Command};

fn main() {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let bpf = root.join("../../bpf");
    println!("cargo:rerun-if-changed={}", bpf.display());
    println!("cargo:rerun-if-env-changed=HAVIP_CLANG");
    compile(bpf.join("switch.bpf.c"), "switch.bpf.o");

    let entry = root.join("tests/entry.bpf.c");
    println!("cargo:rerun-if-changed={}", entry.display());
    compile(entry, "entry.bpf.o");
}

fn compile(source: PathBuf, object: &str) {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it")).join(object);
    let arch = env::var("CARGO_CFG_TARGET_ARCH").expect("cargo sets it");
    let asm = format!("-I/usr/include/{arch}-linux-gnu");
    let built = SkeletonBuilder::new()
        .source(&source)
        .obj(&out)
        .clang(clang())
        .clang_args(["-Wall", "-Werror", "-Wno-unused-function", "-mcpu=v3", &asm])
        .build();
    if let Err(error) = built {
        panic!("could not compile {}: {error:?}", source.display());
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
