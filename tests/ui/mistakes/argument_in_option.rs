use std::time::Duration;

use gensx::component;

#[component(timeout = limit)]
async fn research(limit: Duration) -> gensx::Result<u64> {
    Ok(limit.as_secs())
}

fn main() {}
