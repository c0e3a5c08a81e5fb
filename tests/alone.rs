//! A crate of an older edition that depends on nothing but gensx can write components.

use std::path::Path;
use std::process::Command;
use std::{env, fs};

#[test]
fn a_crate_that_depends_on_gensx_alone_compiles() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let package = target.join("alone");
    fs::create_dir_all(package.join("src")).unwrap();
    fs::copy(root.join("tests/fixtures/alone/src/lib.rs"), package.join("src/lib.rs")).unwrap();
    // The versions are the workspace's, so that nothing has to be downloaded.
    fs::copy(root.join("Cargo.lock"), package.join("Cargo.lock")).unwrap();
    let manifest = fs::read_to_string(root.join("tests/fixtures/alone/Cargo.toml")).unwrap();
    let manifest = manifest.replace("../../..", root.to_str().expect("a path in UTF-8"));
    fs::write(package.join("Cargo.toml"), manifest).unwrap();

    let output = Command::new(env!("CARGO"))
        .args(["check", "--offline", "--quiet"])
        .current_dir(&package)
        .env("CARGO_TARGET_DIR", target.join("alone-target"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
