use gensx::component;

#[component(retry(initial = "200ms"))]
async fn research(topic: String) -> gensx::Result<String> {
    Ok(topic)
}

fn main() {}
