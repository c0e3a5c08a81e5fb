use gensx::component;

#[component(timeout = 30)]
async fn research(topic: String) -> gensx::Result<String> {
    Ok(topic)
}

fn main() {}
