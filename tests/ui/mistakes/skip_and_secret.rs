use gensx::component;

#[component]
async fn research(#[skip] #[secret] topic: String) -> gensx::Result<String> {
    Ok(topic)
}

fn main() {}
