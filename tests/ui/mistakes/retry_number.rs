use gensx::component;

#[component(retry = 4)]
async fn research(topic: String) -> gensx::Result<String> {
    Ok(topic)
}

fn main() {}
