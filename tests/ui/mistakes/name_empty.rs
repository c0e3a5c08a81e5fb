use gensx::component;

#[component(name = "")]
async fn research(topic: String) -> gensx::Result<String> {
    Ok(topic)
}

fn main() {}
