use gensx::component;

#[component(fallback = |error, topic| topic)]
async fn research(topic: String) -> gensx::Result<String> {
    Ok(topic)
}

fn main() {}
