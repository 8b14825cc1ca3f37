//! Has core's sources built for models: see `src/sync/mod.rs` there.

fn main() {
    println!("cargo::rustc-cfg=foster_model");
    println!("cargo::rerun-if-changed=build.rs");
}
