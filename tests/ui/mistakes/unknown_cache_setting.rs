use gensx::component;

#[component(cache(ttl = "1h", scop = 1))]
async fn research(topic: String) -> gensx::Result<String> {
    Ok(topic)
}

fn main() {}
