use gensx::component;

#[component(retry(max_attempts = 4294967296))]
async fn research(topic: String) -> gensx::Result<String> {
    Ok(topic)
}

fn main() {}
