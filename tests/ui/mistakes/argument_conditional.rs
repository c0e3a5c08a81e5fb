use gensx::component;

#[component]
async fn research(#[cfg(unix)] topic: String) -> gensx::Result<String> {
    Ok(topic)
}

fn main() {}
