use gensx::component;

fn offline(_: gensx::Error, topic: String) -> usize {
    topic.len()
}

#[component(fallback = offline)]
async fn research(topic: String) -> gensx::Result<String> {
    Ok(topic)
}

fn main() {}
