use gensx::component;

#[component(durability = "pipeline")]
async fn research(topic: String) -> gensx::Result<String> {
    Ok(topic)
}

fn main() {}
