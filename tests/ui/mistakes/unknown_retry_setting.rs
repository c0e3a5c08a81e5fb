use gensx::component;

#[component(retry(max_attempts = 4, delay = "1s"))]
async fn research(topic: String) -> gensx::Result<String> {
    Ok(topic)
}

fn main() {}
