use gensx::component;

#[component(retry)]
async fn research(topic: String) -> gensx::Result<String> {
    Ok(topic)
}

fn main() {}
