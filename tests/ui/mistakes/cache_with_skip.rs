use gensx::component;

#[component(cache(ttl = "1h"))]
async fn research(#[skip] depth: usize, topic: String) -> gensx::Result<String> {
    Ok(topic.repeat(depth))
}

fn main() {}
