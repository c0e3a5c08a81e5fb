use gensx::component;

#[component]
async fn research(topic: String) -> gensx::Result<usize> {
    let found = topic.
}

fn main() {}
