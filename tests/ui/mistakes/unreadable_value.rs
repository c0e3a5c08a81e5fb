use gensx::component;

#[component(timeout = ;)]
async fn research(topic: String) -> gensx::Result<String> {
    Ok(topic)
}

fn main() {}
