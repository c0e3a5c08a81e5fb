use gensx::component;

#[component]
async fn research(topic: String, _: ...) -> gensx::Result<String> {
    Ok(topic)
}

fn main() {}
