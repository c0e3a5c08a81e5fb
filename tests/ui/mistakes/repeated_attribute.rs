use gensx::component;

#[component(version = 2)]
#[component(timeout = "30s")]
async fn research(topic: String) -> gensx::Result<String> {
    Ok(topic)
}

fn main() {}
