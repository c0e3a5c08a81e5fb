use gensx::component;

#[component(cache)]
async fn research(topic: String) -> gensx::Result<String> {
    Ok(topic)
}

fn main() {}
