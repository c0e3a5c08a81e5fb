use gensx::component;

#[component(version = 4294967296)]
async fn research(topic: String) -> gensx::Result<String> {
    Ok(topic)
}

fn main() {}
