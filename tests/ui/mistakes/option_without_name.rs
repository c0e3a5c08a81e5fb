use gensx::component;

#[component("research")]
async fn research(topic: String) -> gensx::Result<String> {
    Ok(topic)
}

fn main() {}
