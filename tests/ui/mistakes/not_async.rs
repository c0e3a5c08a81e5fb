use gensx::component;

#[component]
fn research(topic: String) -> gensx::Result<String> {
    Ok(topic)
}

fn main() {}
