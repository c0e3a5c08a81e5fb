use gensx::component;

#[component(retry(max_attempts = 0))]
async fn research(topic: String) -> gensx::Result<String> {
    Ok(topic)
}

fn main() {}
