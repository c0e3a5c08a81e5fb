use gensx::component;

#[component(retry(max_attempts = 4, initial = "20s", max = "200ms"))]
async fn research(topic: String) -> gensx::Result<String> {
    Ok(topic)
}

fn main() {}
