use gensx::component;

#[component]
async fn research(#[skipped] topic: String) -> gensx::Result<String> {
    Ok(topic)
}

fn main() {}
