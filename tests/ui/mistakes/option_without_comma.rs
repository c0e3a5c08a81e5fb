use gensx::component;

#[component(name = "search" version = 2)]
async fn research(topic: String) -> gensx::Result<String> {
    Ok(topic)
}

fn main() {}
