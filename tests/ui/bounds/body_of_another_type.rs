use gensx::component;

#[component]
async fn research(topic: String) -> gensx::Result<usize> {
    topic.len()
}

fn main() {}
