use gensx::component;

#[component(timeout = true)]
async fn research(topic: String) -> gensx::Result<String> {
    Ok(topic)
}

fn main() {}
