use gensx::component;

#[derive(serde::Serialize)]
struct Topic;

#[component]
async fn research(topic: Topic) -> gensx::Result<()> {
    drop(topic);
    Ok(())
}

fn main() {}
