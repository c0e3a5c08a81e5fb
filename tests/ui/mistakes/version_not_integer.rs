use gensx::component;

#[component(version = "2")]
async fn research(topic: String) -> gensx::Result<String> {
    Ok(topic)
}

fn main() {}
