//! The smallest program: a component, a run, its output. `cargo run --example hello`

use gensx::prelude::*;

/// The attribute makes a call of this function a step of a run: recorded, and retried or cached if it says so.
#[component]
async fn greet(name: String) -> gensx::Result<String> {
    Ok(format!("hello, {name}"))
}

#[tokio::main]
async fn main() -> gensx::Result<()> {
    // In memory: no server is needed, and nothing is left behind.
    let runtime = Runtime::in_memory();
    let greeting = runtime.run(&greet, "world".to_owned()).await?;
    println!("{greeting}");
    assert_eq!(greeting, "hello, world");
    Ok(())
}
