use gensx::component;

#[component(durability = strict)]
async fn research(topic: String) -> gensx::Result<String> {
    Ok(topic)
}

fn main() {}
