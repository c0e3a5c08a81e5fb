use gensx::component;

const LIMIT_SECONDS: u64 = 30;

#[component(timeout = LIMIT_SECONDS)]
async fn research(topic: String) -> gensx::Result<String> {
    Ok(topic)
}

fn main() {}
