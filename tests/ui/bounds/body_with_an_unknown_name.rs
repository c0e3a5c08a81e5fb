use gensx::component;

#[component]
async fn research(topic: String) -> gensx::Result<usize> {
    Ok(topics.len())
}

fn main() {}
