use gensx::component;

#[component(cache = "1h")]
async fn research(topic: String) -> gensx::Result<String> {
    Ok(topic)
}

fn main() {}
