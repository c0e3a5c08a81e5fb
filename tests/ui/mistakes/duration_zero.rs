use gensx::component;

#[component(timeout = "0s")]
async fn research(topic: String) -> gensx::Result<String> {
    Ok(topic)
}

fn main() {}
