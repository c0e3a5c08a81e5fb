use gensx::component;

#[component]
async fn research(#[secret] #[secret] topic: String) -> gensx::Result<String> {
    Ok(topic)
}

fn main() {}
