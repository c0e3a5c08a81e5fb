use gensx::component;

#[component]
async fn research(#[secret(hash)] topic: String) -> gensx::Result<String> {
    Ok(topic)
}

fn main() {}
