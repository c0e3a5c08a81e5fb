use gensx::component;

#[component]
async fn research(topic: &str) -> gensx::Result<&str> {
    Ok(topic)
}

fn main() {}
