use gensx::component;

#[component]
async fn research(topic: String) -> gensx::Result<impl Iterator<Item = char>> {
    Ok(topic.chars().collect::<Vec<_>>().into_iter())
}

fn main() {}
