use gensx::component;

#[component(timeout = "soon")]
async fn research(topic: String) -> gensx::Result<String> {
    Ok(topic)
}

fn main() {}
