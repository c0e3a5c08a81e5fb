use gensx::component;

#[component(retry(max_attempts = 4, when = |error| true))]
async fn research(topic: String) -> gensx::Result<String> {
    Ok(topic)
}

fn main() {}
