use gensx::component;

#[component]
async fn research(topic: String) {
    drop(topic);
}

fn main() {}
