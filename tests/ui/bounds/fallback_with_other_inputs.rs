use gensx::component;

fn offline(_: gensx::Error) -> String {
    String::new()
}

#[component(fallback = offline)]
async fn research(topic: String) -> gensx::Result<String> {
    Ok(topic)
}

fn main() {}
