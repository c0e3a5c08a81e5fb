use gensx::component;

#[component]
const async fn research(topic: String) -> gensx::Result<String> {
    Ok(topic)
}

fn main() {}
