use gensx::component;

#[derive(Clone)]
struct Topic;

#[component]
async fn research(count: usize, topic: Vec<Topic>) -> gensx::Result<usize> {
    Ok(count + topic.len())
}

fn main() {}
