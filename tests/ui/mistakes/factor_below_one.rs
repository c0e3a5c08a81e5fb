use gensx::component;

#[component(retry(max_attempts = 4, factor = 0.5))]
async fn research(topic: String) -> gensx::Result<String> {
    Ok(topic)
}

fn main() {}
