use gensx::component;

#[component(cache(key = topic))]
async fn research(topic: String) -> gensx::Result<String> {
    Ok(topic)
}

fn main() {}
