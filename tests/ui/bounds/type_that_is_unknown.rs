use gensx::component;

#[component]
async fn research(topic: Topic) -> gensx::Result<usize> {
    drop(topic);
    Ok(1)
}

fn main() {}
